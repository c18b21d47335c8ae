"""Comparison: what comparators say of the values of several scenarios."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

import attrs
from anyio import create_task_group, to_thread

from asyncflow.config.checks.values import one_of
from asyncflow.entities.scenario import Scenario
from asyncflow.errors import AsyncflowError, ComparisonFailed, UsageError

if TYPE_CHECKING:
    from asyncflow.entities.data_node import DataNode

Comparators = Mapping[str, tuple[Callable[..., Any], ...]]


@attrs.define(eq=False)
class Comparison:
    """Compares scenarios of one config; see `Orchestrator.compare`.

    :param data_node: the only one to be compared; None for all that have comparators
    """

    scenarios: Sequence[Scenario]
    data_node: str | None
    _values: dict[tuple[str, int], Any] = attrs.field(init=False, factory=dict)
    _failure: ComparisonFailed | None = attrs.field(init=False, default=None)

    async def results(self) -> dict[str, dict[str, Any]]:
        """Return what each comparator says, by the data nodes and its name."""
        comparators = self._comparators()

        async with create_task_group() as group:
            for name in comparators:
                for place, scenario in enumerate(self.scenarios):
                    node = scenario.data_nodes[name]
                    group.start_soon(self._read, name, place, node, scenario.id)

        if self._failure is not None:
            raise self._failure

        found: dict[str, dict[str, Any]] = {}

        for name, functions in comparators.items():
            values = [self._values[name, i] for i in range(len(self.scenarios))]
            found[name] = {}

            for function in functions:
                called = _name(function, found[name])
                found[name][called] = await self._compared(name, function, values)

        return found

    def _comparators(self) -> Comparators:
        """Return what is to be called.

        :raises UsageError: where nothing can be compared
        """
        for scenario in self.scenarios:
            if not isinstance(scenario, Scenario):
                raise TypeError(f"scenarios are compared; got {scenario!r}")

        if len(self.scenarios) < 2:
            raise UsageError("at least two scenarios are compared: give another one")

        first, *others = self.scenarios

        if strangers := [
            scenario for scenario in others if scenario.config_id != first.config_id
        ]:
            raise UsageError(
                f"scenarios of one config are compared: {first.id} is of "
                f"{first.config_id!r}, and {strangers[0].id} of {strangers[0].config_id!r}"
            )

        known: Comparators = first.config.comparators
        wanted = self.data_node

        if not known:
            raise UsageError(
                f"scenario {first.config_id!r} has no comparators: give them to "
                "configure_scenario(..., comparators={'my_output': compare})"
            )

        if wanted is not None and wanted not in known:
            raise UsageError(
                f"scenario {first.config_id!r} has no comparator for {wanted!r}: "
                f"{one_of(wanted, sorted(known))}"
            )

        return known if wanted is None else {wanted: known[wanted]}

    async def _read(
        self, name: str, place: int, node: DataNode[Any], scenario_id: str
    ) -> None:
        try:
            self._values[name, place] = await node.read()
        except Exception as error:  # the others are read to their ends
            if self._failure is None:
                self._failure = ComparisonFailed(name, "", (scenario_id,), _why(error))
                self._failure.__cause__ = error

    async def _compared(
        self, name: str, function: Callable[..., Any], values: Sequence[Any]
    ) -> Any:
        try:
            result = await to_thread.run_sync(lambda: function(*values))
            return await result if isawaitable(result) else result
        except Exception as error:
            ids = tuple(scenario.id for scenario in self.scenarios)
            raise ComparisonFailed(name, _called(function), ids, _why(error)) from error


def _why(error: Exception) -> str:
    if isinstance(error, AsyncflowError):
        return str(error)

    return f"{type(error).__name__}: {error}"


def _called(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _name(function: Callable[..., Any], taken: Mapping[str, Any]) -> str:
    """Return how a function is called among others, which may be called alike."""
    name, count = _called(function), 1

    while (found := name if count == 1 else f"{name}_{count}") in taken:
        count += 1

    return found
