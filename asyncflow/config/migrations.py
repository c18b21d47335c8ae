"""Migration functions: what becomes of entities of older versions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import attrs

from asyncflow.config.sections import DataNodeConfig, ScenarioConfig, TaskConfig
from asyncflow.errors import UsageError

MigrationFunction: TypeAlias = Callable[[Any], Any]
"""Is given a copy of an entity, changes it, and returns it."""


@attrs.define(eq=False, repr=False)
class Migrations:
    """The migration functions of a configuration."""

    _functions: dict[tuple[str, str], dict[str, MigrationFunction]] = attrs.field(
        init=False, factory=dict
    )
    """By kind and id of the config, for each version that they lead to."""

    def add(self, target: object, config: object, function: MigrationFunction) -> None:
        """Take a function; see `Configuration.add_migration_function`."""
        if isinstance(config, TaskConfig):
            raise UsageError(
                f"task {config.id!r} keeps nothing that could be migrated: give the config "
                "of a scenario or of a data node"
            )

        if not isinstance(config, ScenarioConfig | DataNodeConfig):
            raise TypeError(
                f"config is that of a scenario or of a data node; got {config!r}"
            )

        if not (isinstance(target, str) and target):
            raise TypeError(
                f"target_version is a text that is not empty; got {target!r}"
            )

        if not callable(function):
            raise TypeError(f"migration_fct is a function; got {function!r}")

        key = type(config).__name__, config.id
        self._functions.setdefault(key, {})[target] = function

    def path(
        self,
        kind: type[ScenarioConfig | DataNodeConfig],
        config_id: str,
        targets: Iterable[str],
    ) -> list[tuple[str, MigrationFunction]]:
        """Return the functions for some versions, in their order."""
        known = self._functions.get((kind.__name__, config_id), {})
        return [(target, known[target]) for target in targets if target in known]

    def __bool__(self) -> bool:
        return bool(self._functions)

    def clear(self) -> None:
        """Forget all of them."""
        self._functions.clear()
