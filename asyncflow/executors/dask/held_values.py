"""The values that stay in a cluster, as the submitter sees them."""

from __future__ import annotations

import os
from asyncio import gather
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import attrs
from anyio import fail_after

from asyncflow.abc import Call, Driver, HeldValues, Made, StoredValue
from asyncflow.errors import ValueMissing
from asyncflow.executors.dask import held
from asyncflow.executors.dask.held import PATIENCE, Need
from asyncflow.executors.dask.seats import Member
from asyncflow.executors.dask.transport import Transport
from asyncflow.log import logger as _logger
from asyncflow.worker.values import held_name, place_of

LOST = "the host of the cluster that had it has gone"


def placed(
    calls: Sequence[Call], member: Member, members: Mapping[str, Member]
) -> tuple[Sequence[Call], Sequence[Need]]:
    """Return calls with the paths that values have on the host where they are to run, and
    what is to be brought there before.
    """
    if not any(map(_has_held, calls)):
        return calls, ()

    placing = _Placing(member, {member.values: member for member in members.values()})
    found = [placing.call(call) for call in calls]
    return found, (*placing.needs.values(),)


def homes(calls: Sequence[Call]) -> Mapping[str, int]:
    """Return how many of the values that calls read each host has, by what tells these
    from those of others.
    """
    return Counter(
        place
        for call in calls
        for _, driver, kept in call.inputs
        if driver.is_held and isinstance(kept, str) and (place := place_of(kept))
    )


def _has_held(call: Call) -> bool:
    return any(driver.is_held for _, driver, _ in call.outputs) or any(
        driver.is_held for _, driver, _ in call.inputs
    )


@attrs.frozen
class _Placing:
    """Says where calls find values, and make them.

    :param member: where they are to run
    :param homes: who holds values, by what tells these from those of others
    """

    member: Member
    homes: Mapping[str, Member]
    needs: dict[str, Need] = attrs.field(init=False, factory=dict)

    def call(self, call: Call) -> Call:
        return call._replace(
            inputs=tuple([self._taken(*given) for given in call.inputs]),
            outputs=tuple([self._made(*output) for output in call.outputs]),
        )

    def _taken(
        self, node: str, driver: Driver, kept: StoredValue | Made
    ) -> tuple[str, Driver, StoredValue | Made]:
        if not driver.is_held:
            return node, driver, kept

        if not isinstance(kept, str):
            return node, driver.on_host, kept

        if (place := place_of(kept)) is None:  # it was written by hand
            return node, driver, kept

        name, home = os.path.basename(kept), self.homes.get(place)

        if home is not None and home is not self.member:
            self.needs[name] = Need(name, home.address, home.folder)

        return node, driver.on_host, os.path.join(self.member.folder, name)

    def _made(self, node: str, driver: Driver, path: str) -> tuple[str, Driver, str]:
        if not driver.is_held:
            return node, driver, path

        name = held_name(path, self.member.values)
        return node, driver.on_host, os.path.join(self.member.folder, name)


@attrs.frozen
class ClusterValues(HeldValues):
    """Reads and drops values that stay in a cluster.

    :param transport: has the client, which is another one after the connection was lost
    :param members: the Dask workers, by their addresses
    """

    transport: Transport
    members: Mapping[str, Member]

    async def bring(self, name: str, path: str) -> None:
        """See `abc.HeldValues`."""
        if (home := self._home(name)) is None:
            raise ValueMissing(name, LOST)

        try:
            await held.copied(partial(self._ask, home.address, name), path)
        except BaseExceptionGroup as error:
            _remove(path)
            raise error.exceptions[0] from None
        except BaseException:
            _remove(path)
            raise

    async def has(self, name: str) -> bool:
        """See `abc.HeldValues`; a host that does not answer has nothing."""
        return (home := self._home(name)) is not None and name in await self._names(
            home
        )

    def _home(self, name: str) -> Member | None:
        place = place_of(name)
        homes = (member for member in self.members.values() if member.values == place)
        return next(homes, None)

    async def _names(self, member: Member) -> list[str]:
        try:
            with fail_after(PATIENCE):
                found = await self.transport.client.run(
                    held.names, workers=[member.address]
                )
        except Exception:  # it has gone, or is about to
            return []

        return found.get(member.address) or []

    async def _ask(self, address: str, name: str, offset: int) -> tuple[int, bytes]:
        try:
            with fail_after(PATIENCE):
                found: dict[str, Any] = await self.transport.client.run(
                    held.give_piece, name=name, offset=offset, workers=[address]
                )
        except Exception as error:
            raise ValueMissing(name, f"{LOST} ({error!r})") from error

        if (piece := found.get(address)) is None:
            raise ValueMissing(name)

        return piece  # type: ignore[no-any-return]  # what Dask gives has no type

    async def drop(self, names: Collection[str]) -> None:
        """See `abc.HeldValues`."""
        try:
            with fail_after(PATIENCE):
                await self.transport.client.run(
                    held.drop, names=[*names], on_error="ignore"
                )
        except Exception as error:  # who sweeps next does it
            _logger.warning("values that nobody needs may be left: %r", error)

    async def names(self) -> Collection[str]:
        """See `abc.HeldValues`."""
        found = await gather(*map(self._names, self.members.values()))
        return {name for listed in found for name in listed}


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
