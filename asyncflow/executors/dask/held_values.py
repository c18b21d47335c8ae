"""The values that stay in a cluster, as the submitter sees them."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import attrs
from anyio import fail_after
from distributed import Client

from asyncflow.abc import Call, Driver, Made, StoredValue
from asyncflow.errors import ValueMissing
from asyncflow.executors.dask import held
from asyncflow.executors.dask.held import Need
from asyncflow.executors.dask.seats import Member
from asyncflow.log import logger as _logger
from asyncflow.worker.held import held_name, place_of

PATIENCE = 30.0
"""How long a Dask worker may take to give a piece of a value, in seconds."""

LOST = "the host of the cluster that had it has gone"


def placed(
    calls: Sequence[Call], member: Member, members: Mapping[str, Member]
) -> tuple[Sequence[Call], Sequence[Need]]:
    """Return calls with the paths that values have on the host where they are to run, and
    what is to be brought there before.
    """
    if not any(map(_has_held, calls)):
        return calls, ()

    needs: dict[str, Need] = {}
    places = {one.values: one for one in members.values()}

    def taken(
        driver: Driver, kept: StoredValue | Made
    ) -> tuple[Driver, StoredValue | Made]:
        if not driver.is_held:
            return driver, kept

        if isinstance(kept, str):
            if (place := place_of(kept)) is None:
                return driver, kept  # it was written by hand

            name = os.path.basename(kept)
            kept = os.path.join(member.folder, name)
            home = places.get(place)

            if home is not None and home is not member:
                needs[name] = Need(name, home.address, home.folder)

        return driver.on_host, kept

    def made(driver: Driver, path: str) -> tuple[Driver, str]:
        if not driver.is_held:
            return driver, path

        name = held_name(path, member.values)
        return driver.on_host, os.path.join(member.folder, name)

    found = [
        call._replace(
            inputs=tuple((name, *taken(*rest)) for name, *rest in call.inputs),
            outputs=tuple((name, *made(*rest)) for name, *rest in call.outputs),
        )
        for call in calls
    ]
    return found, (*needs.values(),)


def _has_held(call: Call) -> bool:
    return any(driver.is_held for _, driver, _ in call.outputs) or any(
        driver.is_held for _, driver, _ in call.inputs
    )


@attrs.frozen
class HeldValues:
    """Reads and drops values that stay in a cluster.

    :param members: the Dask workers, by their addresses
    """

    client: Client
    members: Mapping[str, Member]

    async def bring(self, name: str, path: str) -> None:
        """See `Executor.bring`."""
        place = place_of(name)
        homes = [one for one in self.members.values() if one.values == place]

        if not homes:
            raise ValueMissing(name, LOST)

        try:
            await held.copied(partial(self._ask, homes[0].address, name), path)
        except BaseExceptionGroup as error:
            _remove(path)
            raise error.exceptions[0] from None
        except BaseException:
            _remove(path)
            raise

    async def _ask(self, address: str, name: str, offset: int) -> tuple[int, bytes]:
        try:
            with fail_after(PATIENCE):
                found: dict[str, Any] = await self.client.run(
                    held.give_piece, name=name, offset=offset, workers=[address]
                )
        except Exception as error:
            raise ValueMissing(name, f"{LOST} ({error!r})") from error

        if (piece := found.get(address)) is None:
            raise ValueMissing(name)

        return piece  # type: ignore[no-any-return]  # what Dask gives has no type

    async def drop(self, names: Collection[str]) -> None:
        """See `Executor.drop`."""
        try:
            with fail_after(PATIENCE):
                await self.client.run(held.drop, names=[*names], on_error="ignore")
        except Exception as error:  # who sweeps next does it
            _logger.warning("values that nobody needs may be left: %r", error)

    async def names(self) -> Collection[str]:
        """See `Executor.held`."""
        with fail_after(PATIENCE):
            found = await self.client.run(held.names, on_error="ignore")

        return {name for listed in found.values() for name in listed}


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
