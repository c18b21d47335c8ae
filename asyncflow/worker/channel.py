"""The channel: what a worker tells its parent while a job is under way.

Datagrams to a socket of the parent. The job never waits: where one cannot be sent, the
next one that says how far the job has come makes up for it; log records are sent later.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeAlias

from asyncflow.worker.current import Progress

if TYPE_CHECKING:
    import socket

NAME = "channel"
"""The name of the parent's socket, in the folder of its workers."""

LONGEST = 100
"""The most bytes that the path of a socket may have on all systems."""

Message: TypeAlias = Progress | list[bytes] | None
"""How far a job has come, or some of its log records (see `records.unpacked`), or None:
its function is called now."""

SIZE = 65536
"""The most bytes of a datagram."""


class Channel:
    """The worker's end. Without a parent that listens, it swallows all.

    :param folder: where the parent's socket is
    """

    def __init__(self, folder: str) -> None:
        self.has_sent: bool = False
        """Whether there may be something for its parent to hear, since the trip began."""
        self._folder = folder
        self._socket: socket.socket | None = None

    def send(self, job_id: str, progress: Progress | None) -> None:
        """Tell how far a job has come.

        :param progress: None where its function is called now
        """
        self.has_sent = True

        with suppress(OSError):  # nobody listens, or not fast enough
            if self._socket is None:
                self._socket = _connected(self._folder)

            self._socket.send(pickle.dumps((job_id, progress and tuple(progress)), 5))

    def send_records(self, job_id: str, records: list[bytes]) -> bool:
        """Pass log records of a job on; tell whether that could be done now."""
        self.has_sent = True

        try:
            if self._socket is None:
                self._socket = _connected(self._folder)

            self._socket.send(pickle.dumps((job_id, records), 5))
        except OSError:
            return False

        return True

    def close(self) -> None:
        """Close this end."""
        if self._socket is not None:
            self._socket.close()


def _connected(folder: str) -> socket.socket:
    found = _new_socket()

    with suppress(OSError), short(os.path.join(folder, NAME)) as path:
        found.connect(path)

    return found


def listen(folder: str) -> socket.socket:
    """Open the parent's end, which does not block."""
    listening = _new_socket()

    with short(os.path.join(folder, NAME)) as path:
        listening.bind(path)

    return listening


def _new_socket() -> socket.socket:
    import socket

    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


def receive(
    listening: socket.socket, drop: Callable[[BaseException], object]
) -> Iterator[tuple[str, Message]]:
    """Give what has arrived: the ids of jobs, and what they tell.

    :param drop: is called for what makes no sense, with what was raised
    """
    while True:
        try:
            data = listening.recv(SIZE)
        except (BlockingIOError, InterruptedError):
            return

        try:
            job_id, report = pickle.loads(data)
            found = (
                report if report is None or type(report) is list else Progress(*report)
            )
            hash(job_id)
        except (Exception, SystemExit) as error:  # whoever has sent it
            drop(error)
        else:
            yield job_id, found


@contextmanager
def short(path: str) -> Iterator[str]:
    """Give a path of a file that is short enough for a socket, as long as it is used."""
    if len(os.fsencode(path)) <= LONGEST:
        yield path
        return

    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)

    try:
        yield f"/proc/self/fd/{folder}/{os.path.basename(path)}"
    finally:
        os.close(folder)
