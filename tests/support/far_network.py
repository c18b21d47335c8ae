"""A network of this host's own, with the addresses of another one, that falls silent.

Packets vanish, as where a cable is cut: no connection is closed. Only root has one.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import pytest

NOBODY = "02:00:00:00:00:fe"
"""A hardware address that nothing has."""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@attrs.frozen
class End:
    """One end of the network.

    :param inside: the words that have a command run where it is
    """

    device: str
    address: str
    inside: tuple[str, ...] = ()

    def lose(self, other: End) -> None:
        """Have packets for the other end go nowhere."""
        nowhere = ("lladdr", NOBODY, "dev", self.device, "nud", "permanent")
        ip(*self.inside, "neigh", "replace", other.address, *nowhere)

    def find(self, other: End) -> None:
        """Have them arrive again."""
        ip(*self.inside, "neigh", "del", other.address, "dev", self.device)


@attrs.frozen
class FarNetwork:
    """The network between this host, and what runs as if it were on another one.

    :param name: of the name space
    """

    name: str
    near: End
    far: End

    @property
    def command(self) -> tuple[str, ...]:
        """The words before a command that is to run there."""
        return ("ip", "netns", "exec", self.name)

    def cut(self) -> None:
        self.near.lose(self.far)
        self.far.lose(self.near)

    def mend(self) -> None:
        self.near.find(self.far)
        self.far.find(self.near)


@contextmanager
def far_network() -> Iterator[FarNetwork]:
    """Make one; skip the test where that is not allowed."""
    name = f"asyncflow{os.getpid()}"
    first = f"10.{213 + os.getpid() % 32}.{os.getpid() // 32 % 256}"
    near = End(f"afn{os.getpid()}", f"{first}.1")
    far = End(f"aff{os.getpid()}", f"{first}.2", ("-n", name))

    try:
        ip("netns", "add", name)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("may make no network of its own")

    try:
        ip(
            "link",
            "add",
            near.device,
            "type",
            "veth",
            "peer",
            far.device,
            "netns",
            name,
        )
        ip(*far.inside, "link", "set", "lo", "up")

        for end in (near, far):
            ip(*end.inside, "addr", "add", f"{end.address}/30", "dev", end.device)
            ip(*end.inside, "link", "set", end.device, "up")

        yield FarNetwork(name, near, far)
    finally:
        ip("netns", "del", name)
