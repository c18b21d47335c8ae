"""The section of a task: its function, its data nodes, and its options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import attrs

from asyncflow.config.converters import as_amounts, is_async
from asyncflow.config.data_node import DataNodeConfig, Scope
from asyncflow.config.retry import Retry, as_retry
from asyncflow.config.section import Section


def _function(value: Any) -> Any:
    return value.function if isinstance(value, TaskConfig) else value


@attrs.frozen(kw_only=True, eq=False, repr=False)
class TaskConfig(Section):
    """A function, the data nodes it reads and those it writes.

    In development mode a plain function holds the event loop: `run_timeout`,
    `stall_timeout` and `memory_limit` are not enforced then.
    """

    kind: ClassVar[str] = "TASK"

    function: Callable[..., object] = attrs.field(converter=_function)
    """What is called, with a positional argument for each input."""

    input: tuple[DataNodeConfig, ...] = ()
    """What it reads, in the order of the function's parameters."""

    output: tuple[DataNodeConfig, ...] = ()
    """What it writes, in the order of what the function returns."""

    skippable: bool = False
    """Whether a job is skipped if the function and its inputs have not changed."""

    executor: str = "process"
    """Where jobs run: ``process``, ``thread`` or ``inline``."""

    on_restart: str = "rerun"
    """What becomes of a job that ran when its orchestrator was killed: ``rerun``,
    ``fail``."""

    run_timeout: float | None = None
    """How many seconds a job may run until it is killed; None for any number."""

    stall_timeout: float | None = None
    """How many seconds a job may report no progress until it is killed; None for any
    number."""

    retry: Retry | None = attrs.field(default=None, converter=as_retry)
    """When a job that failed is tried again; None for never."""

    crash_retries: int = 1
    """How often a job runs again after its worker process died; with ``on_restart`` of
    ``fail`` it never does."""

    needs: Mapping[str, float] = attrs.field(factory=dict, converter=as_amounts)
    """How much a job needs of named resources, while it runs."""

    memory_limit: int | None = None
    """How many bytes a job's process may take beyond what it had; None for any
    number."""

    @property
    def inputs(self) -> tuple[DataNodeConfig, ...]:
        """The data nodes it reads."""
        return self.input

    @property
    def outputs(self) -> tuple[DataNodeConfig, ...]:
        """The data nodes it writes."""
        return self.output

    @property
    def scope(self) -> Scope:
        """The narrowest scope of its data nodes: whose tasks are one with it."""
        scopes = {node.scope for node in (*self.input, *self.output)}
        return next((scope for scope in Scope if scope in scopes), Scope.GLOBAL)

    @property
    def is_shared(self) -> bool:
        """Whether it is one task for several scenarios: these share all of its data nodes.
        A task without any is its scenario's.
        """
        return bool(self.input or self.output) and self.scope is not Scope.SCENARIO

    @property
    def input_configs(self) -> tuple[DataNodeConfig, ...]:
        """The data nodes it reads."""
        return self.input

    @property
    def output_configs(self) -> tuple[DataNodeConfig, ...]:
        """The data nodes it writes."""
        return self.output

    @property
    def is_async(self) -> bool:
        """Whether calling the function gives a coroutine: it runs on the event loop."""
        return is_async(self.function)
