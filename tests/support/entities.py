"""Entities of an orchestrator that is not open: what they are without an engine."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NoReturn

import attrs

from asyncflow.abc import Executor, Usage
from asyncflow.config import Configuration, ScenarioConfig
from asyncflow.entities.directory import Directory
from asyncflow.entities.identity_map import IdentityMap
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.submission import Run
from asyncflow.entities.submittable import Submittable, dag_of
from asyncflow.options import RunOptions
from asyncflow.runtime.handle_verbs import HandleVerbs
from asyncflow.runtime.open import NodeDrivers
from asyncflow.runtime.session import Session
from asyncflow.stores.memory import MemoryStore
from asyncflow.values.files import ValueFiles

USAGE = Usage(2.0, 1.0, 0.5, 1_000)


async def _never(_: Session, __: Executor | None, ___: AsyncExitStack) -> NoReturn:
    raise AssertionError("it was opened")


def identity_map(folder: Path | str = "/work") -> IdentityMap:
    """Make what makes entities.

    :param folder: where relative paths begin, and where the store is
    """
    session = Session(Configuration(), MemoryStore(), False, _never)
    directory = Directory(str(folder), str(folder), ".")
    drivers = NodeDrivers(ValueFiles(str(folder)))
    return IdentityMap(HandleVerbs(session), drivers, directory)


async def make_scenario(
    cfg: ScenarioConfig, identities: IdentityMap | None = None, **properties: Any
) -> Scenario:
    """Make a scenario that was not submitted."""
    identities = identities or identity_map()
    await identities.prepare(cfg)
    return await identities.new_scenario(cfg, None, None, properties)


def make_run(
    entity: Submittable,
    identities: IdentityMap | None = None,
    key: str = "k",
    **options: Any,
) -> Run:
    """Make a run of an entity that has not begun."""
    identities = identities or identity_map()
    return identities.new_submission(key, entity, dag_of(entity), RunOptions(**options))


@attrs.frozen
class Drives:
    """Stands for a scheduler that drives any run, or none."""

    is_any: bool

    def drives(self, _: Run) -> bool:
        return self.is_any


def complete(run: Run, at: float = 3.0) -> None:
    """Have all jobs of a run complete, and the run end."""
    run.completed([(place, USAGE) for place in range(len(run.tasks))], at)
    run.finished(at)
