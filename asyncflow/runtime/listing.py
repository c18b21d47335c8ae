"""Lists: what users give to list scenarios, as the store takes it."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from datetime import datetime
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import attrs
from anyio import to_thread

from asyncflow import ids
from asyncflow.config.checks.arguments import check_text
from asyncflow.config.checks.numbers import check_flag, check_page
from asyncflow.config.checks.values import id_of_kind, one_of
from asyncflow.config.sections import DataNodeConfig, NotGiven
from asyncflow.filters import python_scalar
from asyncflow.options import Page
from asyncflow.records import ScenarioRecord

if TYPE_CHECKING:
    from asyncflow.abc import Driver
    from asyncflow.entities.cycle import Cycle
    from asyncflow.runtime.engine import Engine

EXACT = 2**53
"""Up to which whole numbers are the same as a float."""

SORT_KEYS = ("creation_date", "name", "config_id", "id", "tags")


@attrs.frozen(kw_only=True, eq=False)
class Listing:
    """What `Orchestrator.scenarios` is given; it says what each means."""

    config_id: str | None
    name: str | None
    cycle: Cycle | str | None
    tag: str | None
    is_primary: bool | None
    property: Mapping[str, object] | tuple[str, object] | None
    value: Mapping[str, object] | tuple[str, object] | None
    version: str | NotGiven | None
    created_from: datetime | None
    created_to: datetime | None
    sort_key: str
    after: ScenarioRecord | None
    page: Page

    async def found(self, engine: Engine) -> list[ScenarioRecord]:
        """Return the scenarios: one query."""
        check_page(self.page.limit, self.page.offset)
        check_flag("newest_first", self.page.newest_first)

        for name in ("config_id", "name", "tag"):
            check_text(name, getattr(self, name), optional=True)

        if self.is_primary is not None:
            check_flag("is_primary", self.is_primary)

        if self.sort_key not in SORT_KEYS:
            known = one_of(self.sort_key, SORT_KEYS)
            raise ValueError(f"there is no sort key {self.sort_key!r}: {known}")

        if self.after is not None and not isinstance(self.after, ScenarioRecord):
            raise TypeError(
                "after is the last record of the page before, as this list gave it; got "
                f"{self.after!r:.100}"
            )

        wanted = await self._kept_as(engine)
        records = await engine.store.scenarios(
            config_id=self.config_id,
            name=self.name,
            created_from=await seconds_of(engine, "created_from", self.created_from),
            created_to=await seconds_of(engine, "created_to", self.created_to),
            cycle_id=cycle_id_of(self.cycle),
            tag=self.tag,
            is_primary=self.is_primary,
            properties=_by_name("property", self.property),
            value=wanted,
            versions=await labels_of(engine, self.version),
            sort_key=self.sort_key,
            after=self.after,
            page=self.page,
        )

        if wanted is not None and not records and not self.page.offset:
            _check_known(wanted[0], engine.loader.config.data_nodes)

        return records

    async def _kept_as(self, engine: Engine) -> tuple[str, str, list[bytes]] | None:
        """Return as what a value that is wanted may be kept.

        :raises ValueError: where the store does not keep it itself
        """
        given = _by_name("value", self.value)

        if given is None:
            return None

        if len(given) != 1:
            raise ValueError(
                "scenarios are found by the value of one data node at a time: "
                f"value=(name, value); got {given!r}"
            )

        ((config_id, value),) = given.items()
        config = engine.loader.config.data_nodes.get(config_id)
        config = DataNodeConfig(id=config_id) if config is None else config

        if config.owns_place:
            raise _not_there(config_id, value)

        driver = engine.identity_map.driver(config)
        kept = [
            await to_thread.run_sync(_kept, driver, version, config_id)
            for version in _equal(value)
        ]
        return config_id, config.scope.value, kept


def cycle_id_of(cycle: Cycle | str | None) -> str | None:
    """Return the id of a cycle that a list is given; None for any."""
    return None if cycle is None else id_of_kind(cycle, ids.CYCLE)


async def labels_of(
    engine: Engine, version: str | NotGiven | None
) -> Collection[str] | None:
    """Return the versions of the application that a list shows; None for all.

    :param version: that which was asked for; None for any, and those that the orchestrator
        sees where it was not given
    """
    if not isinstance(version, NotGiven):
        check_text("version", version, optional=True)

    if version is None or isinstance(version, str):
        return None if version is None else (version,)

    return None if engine.labels is None else await engine.labels.visible()


def _kept(driver: Driver, value: object, config_id: str) -> bytes:
    with TemporaryDirectory() as folder:
        kept: Any = driver.write(value, os.path.join(folder, "value"), config_id)

    if not isinstance(kept, bytes):
        raise _not_there(config_id, value)

    return kept


def _check_known(config_id: str, known: Mapping[str, DataNodeConfig[Any]]) -> None:
    """Refuse a data node that no config has, where no scenario had it either.

    :raises ValueError: where configs have others
    """
    if known and config_id not in known:
        raise ValueError(
            f"no data node {config_id!r} is configured, and no scenario has one of that "
            f"value: {one_of(config_id, known)}"
        )


def _equal(value: object) -> list[object]:
    """Return a value, and the number of the other type that is equal to it."""
    plain = python_scalar(value)

    if plain is not value:
        return [plain, value]

    if type(value) is int and abs(value) <= EXACT:
        return [value, float(value)]

    if type(value) is float and value.is_integer():
        return [value, int(value)]

    return [value]


def _not_there(config_id: str, value: object) -> ValueError:
    return ValueError(
        f"the store does not keep such a value of {config_id!r} itself, so nothing is found "
        f"by it: give a small one of a data node without a place of yours; got {value!r}"
    )


def _by_name(option: str, given: Any) -> Mapping[str, object] | None:
    if given is None or isinstance(given, Mapping):
        return given or None

    is_pair = isinstance(given, tuple | list) and len(given) == 2

    if not is_pair or not isinstance(given[0], str):
        raise TypeError(
            f"{option} is a name and a value, as in {option}=('name', 1), or a dict of "
            f"these; got {given!r}"
        )

    return {given[0]: given[1]}


async def seconds_of(engine: Engine, name: str, date: datetime | None) -> float | None:
    """Return a date in seconds since the epoch; one without a time zone is local.

    :param name: what the argument is called
    """
    if date is None:
        return None

    return (await engine.calendar.aware(date, name)).timestamp()
