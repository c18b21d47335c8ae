"""The sections of a configuration: what a data node, a task, a scenario is made from.

A section takes what it is given, right or wrong: `checks` reports everything that is
wrong with all sections at once, which a refusal at the first one would prevent.
"""

from __future__ import annotations

import enum
import functools
import inspect
import reprlib
import typing
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self

import attrs

from asyncflow.alternatives import DRIVERS
from asyncflow.config.converters import (
    as_amounts,
    as_concealed,
    as_place,
    as_tuple,
    refers,
)
from asyncflow.config.retry import Retry, as_retry
from asyncflow.config.section import (
    Attributes,
    Section,
    TakenOptions,
    as_given,
    evolved,
    names_of,
)
from asyncflow.facts import Shown
from asyncflow.worker.streams import Mode

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from asyncflow.abc import Driver
    from asyncflow.display.picture import DagPicture


def _looked_up(value: Any) -> Any:
    """Return a value with what it refers to in the environment; see `config.lookup`."""
    if not refers(value):
        return value

    from asyncflow.config import lookup

    return lookup.found(value)


class NotGiven(enum.Enum):
    """Tells that nothing was given, where None is a value like any other."""

    NOT_GIVEN = "not given"

    def __repr__(self) -> str:
        return "<not given>"


NOT_GIVEN = NotGiven.NOT_GIVEN


@functools.total_ordering
class Scope(enum.Enum):
    """How widely a data node is shared: ``Scope.SCENARIO < Scope.CYCLE < Scope.GLOBAL``."""

    SCENARIO = "SCENARIO"
    """Each scenario has its own."""

    CYCLE = "CYCLE"
    """The scenarios of one cycle have one together."""

    GLOBAL = "GLOBAL"
    """All scenarios have one together."""

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Scope):
            return NotImplemented

        order = [*Scope]
        return order.index(self) < order.index(other)


if TYPE_CHECKING:  # the default, which says that without one it may be any, is later's
    T = TypeVar("T", default=Any)
    T_co = TypeVar("T_co", covariant=True, default=Any)
else:
    T = typing.TypeVar("T")
    T_co = typing.TypeVar("T_co", covariant=True)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class DataNodeConfig(Section, Generic[T_co]):
    """A named value: how it is stored, and who shares it.

    ``DataNodeConfig[int]`` tells type checkers what its values are: what `default_data`
    is, or what an annotation says. Nothing is checked when it runs.
    """

    kind: ClassVar[str] = "DATA_NODE"

    storage_type: str = "pickle"
    """How values are kept: ``pickle`` or ``in_memory``."""

    scope: Scope = Scope.SCENARIO
    """Who shares it."""

    default_data: object = attrs.field(default=NOT_GIVEN, repr=reprlib.repr)
    """Its first value, which may be None; where none is given it is unwritten."""

    default_path: str | None = attrs.field(default=None, converter=as_place)
    """The user's own pickle file; None lets asyncflow choose where values are."""

    validity_period: timedelta | None = None
    """How long a value is valid after it was written; None for ever."""

    keep_versions: int = 1
    """How many versions are kept beside the current one."""

    properties: Mapping[str, object] = attrs.field(factory=dict, converter=as_concealed)
    """Whatever else was given for it, by name."""

    validator: object = None
    """What is asked of each value before it is written: a callable, or what has a method
    ``validate``; None for nothing."""

    options: Mapping[str, object] = attrs.field(factory=dict, converter=as_concealed)
    """What was given of the options that its storage type alone has, by name."""

    @property
    def driver(self) -> type[Driver] | None:
        """The class of its storage type; None where there is none."""
        if refers(as_given(self, "storage_type")):  # it is not known yet
            return None

        return DRIVERS.find(self.storage_type)

    @property
    def owns_place(self) -> bool:
        """Whether values are in a place of the user's, such as a file."""
        driver = self.driver
        return driver is not None and driver.owns_place(
            _looked_up(self.default_path), self.driver_options()
        )

    @property
    def options_class(self) -> type[Any] | None:
        """The class of its options; None where it takes none."""
        if (driver := self.driver) is None:
            return None

        path: object = as_given(self, "default_path")
        return driver.options_at(path if isinstance(path, str) else None)

    @property
    def option_names(self) -> tuple[str, ...]:
        """The options that its storage type alone has."""
        return names_of(self.options_class)

    def driver_options(self) -> object:
        """Return the options as the driver has them; None where it has none.

        :raises Unresolved: where the environment lacks what they refer to
        :raises Exception: where they are wrong: what their class raises
        """
        if (options_class := self.options_class) is None:
            return None

        made: object = options_class(**_looked_up(self.options))
        return made

    def driver_needs(self) -> dict[str, str | None]:
        """Return the modules that its values need, and the extra that installs each.

        :raises Exception: where its options are wrong, or nothing reaches its path
        """
        if (driver := self.driver) is None:
            return {}

        path = _looked_up(self.default_path)
        reached = driver.reached_by(path) if isinstance(path, str) else {}
        return {**driver.needs(self.driver_options()), **reached}

    def sorted_out(self) -> Self:
        """Return it with what is an option of its storage type among the options, and all
        else among the properties.
        """
        if not self.properties and not self.options:
            return self

        known = self.option_names
        given = {
            name if (own := _TAIPYS.get(name)) not in known else own: value
            for name, value in {**self.options, **self.properties}.items()
        }
        names = {name for name in known if name in given}

        if names == self.options.keys() and names.isdisjoint(self.properties):
            return self

        return evolved(
            self,
            options={name: value for name, value in given.items() if name in names},
            properties={
                name: value for name, value in given.items() if name not in names
            },
        )


_TAIPYS = {"read_kwargs": "read_options", "write_kwargs": "write_options"}
"""Options that Taipy calls otherwise."""


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
        function: object = self.function
        while isinstance(function, functools.partial):
            function = function.func

        call = getattr(type(function), "__call__", None)  # noqa: B004  # not a class's own
        return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            call
        )


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ScenarioConfig(Section):
    """A graph of tasks, joined by the data nodes that they read and write."""

    kind: ClassVar[str] = "SCENARIO"

    task_configs: tuple[TaskConfig, ...] = ()
    """Its tasks."""

    additional_data_node_configs: tuple[DataNodeConfig, ...] = ()
    """The data nodes it has besides those of its tasks."""

    sequences: Mapping[str, tuple[TaskConfig, ...]] = attrs.field(
        factory=dict[str, tuple[TaskConfig, ...]]
    )
    """Its named subsets of tasks."""

    comparators: Mapping[str, tuple[Callable[..., object], ...]] = attrs.field(
        factory=dict[str, tuple[Callable[..., object], ...]]
    )
    """By the ids of data nodes, what compares their values in several scenarios."""

    frequency: object = None
    """Into which cycles its scenarios fall: a `Frequency`, a `Calendar`, or an object with
    ``period(instant)``; None for no cycles."""

    authorized_tags: tuple[str, ...] = attrs.field(default=(), converter=as_tuple)
    """The tags that its scenarios may have; none for any."""

    def dag(self) -> DagPicture:
        """Return a picture of its tasks and data nodes: SVG, Mermaid or text.

        A notebook shows it; ``print`` writes its text; ``save("dag.svg")`` keeps it.
        """
        from asyncflow.display.tasks import picture

        return picture(self.task_configs, self.id)

    def _repr_svg_(self) -> str:
        return self.dag().svg()

    def add_comparator(
        self, data_node: DataNodeConfig | str, comparator: Callable[..., object]
    ) -> None:
        """Have `Orchestrator.compare` call another function for a data node.

        :param data_node: its config, or the id of that
        :raises ConfigError: where that is none of the scenario, or no function is given
        """
        from asyncflow.config import amending

        amending.add_comparator(self, data_node, comparator)

    def delete_comparator(self, data_node: DataNodeConfig | str) -> None:
        """Have a data node compared by no function any more; nothing happens where none
        does.
        """
        from asyncflow.config import amending

        amending.delete_comparator(self, data_node)

    def add_sequences(
        self, sequences: Mapping[str, TaskConfig | Iterable[TaskConfig]]
    ) -> None:
        """Add named subsets of its tasks, which scenarios have that are created from now
        on.

        :raises ConfigError: where a task is none of the scenario, or a name cannot be one
        """
        from asyncflow.config import amending

        amending.add_sequences(self, sequences)

    def remove_sequences(self, names: str | Iterable[str]) -> None:
        """Remove sequences by their names; nothing happens where there is none."""
        from asyncflow.config import amending

        amending.remove_sequences(self, names)

    @property
    def tasks(self) -> tuple[TaskConfig, ...]:
        """Its tasks."""
        return self.task_configs

    @property
    def additional_data_nodes(self) -> tuple[DataNodeConfig, ...]:
        """The data nodes it has besides those of its tasks."""
        return self.additional_data_node_configs

    @property
    def data_nodes(self) -> tuple[DataNodeConfig, ...]:
        """All its data nodes, once each."""
        return self.data_node_configs

    @functools.cached_property
    def data_node_configs(self) -> tuple[DataNodeConfig, ...]:
        """All its data nodes, once each, as they are first met."""
        nodes: dict[str, DataNodeConfig] = {}
        for task in self.task_configs:
            for node in (*task.input, *task.output):
                nodes.setdefault(node.key, node)

        for node in self.additional_data_node_configs:
            nodes.setdefault(node.key, node)

        return tuple(nodes.values())


_DEVELOPMENT, _STANDALONE = "development", "standalone"
"""Modes that scripts ask for by name; what there is here chooses by none."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class JobConfig(Attributes, Shown):
    """How jobs are executed."""

    mode: str = "development"
    """``development``: in this process; ``standalone``: in worker processes; ``cluster``: in
    worker processes on the hosts of a Dask cluster."""

    max_nb_of_workers: int | None = None
    """How many workers there may be; None is the number of usable CPUs."""

    echo: Mode = True
    """Whether what a job printed is printed when it ends; or, ``"live"``, while it runs."""

    prewarm: bool = False
    """Whether the workers are spawned at start, not when they are needed first."""

    resources: Mapping[str, float] = attrs.field(factory=dict, converter=as_amounts)
    """How much there is of named resources, for all running jobs together."""

    kill_grace: float = 2.0
    """Seconds from SIGTERM to SIGKILL, where a job is ended."""

    shutdown_grace: float = 5.0
    """Seconds that running jobs may take after the first Ctrl-C."""

    max_jobs_per_worker: int | None = None
    """How many jobs a worker process runs until another takes its place; None for any
    number."""

    max_worker_age: float | None = None
    """How many seconds a worker process takes jobs; None for any number."""

    max_worker_rss: int | None = None
    """With how many bytes of memory a worker process takes another job; None for any
    number."""

    max_log_size: int = 1_048_576
    """How many bytes are kept of what a job prints: its beginning and its end."""

    address: object = None
    """Where the cluster is; see `configure_job_executions`."""

    security: object = None
    """How the cluster is reached."""

    loop_lag_warning: float | None = None
    """How many seconds of a blocked event loop make a warning; None does not watch."""

    properties: Mapping[str, object] = attrs.field(factory=dict[str, object])
    """Whatever else was given, by name."""

    @property
    def is_development(self) -> bool:
        """Whether jobs run in this process."""
        return self.mode == _DEVELOPMENT

    @property
    def is_standalone(self) -> bool:
        """Whether jobs run in worker processes."""
        return self.mode == _STANDALONE


@attrs.frozen(kw_only=True, eq=False, repr=False)
class CoreConfig(TakenOptions, Shown):
    """What is kept of finished submissions, where values are, and of which version all is."""

    keep_days: float | None = None
    """For how many days they are kept; None for ever."""

    keep_submissions: int | None = None
    """How many of the last ones are kept; None for all."""

    keep_log_days: float | None = None
    """For how many days it is kept what their jobs printed; None as long as they are."""

    time_zone: str | None = None
    """The time zone in which cycles begin; None for that of the store, or of the machine."""

    version_number: str | None = None
    """The version of the application; None for none."""

    mode: str | None = None
    """``experiment`` or ``production`` compare what is declared with what that version was
    declared as; ``development`` has no version. None does neither."""

    force: bool = False
    """Whether what is declared now counts, where it is another than before."""

    values: str | None = attrs.field(default=None, converter=as_place)
    """The folder or address where large values are kept; None for the store's folder."""

    values_options: Mapping[str, Any] = attrs.field(
        factory=dict, converter=as_concealed
    )
    """Parameters of fsspec's file system for that address."""

    properties: Mapping[str, object] = attrs.field(factory=dict[str, object])
    """Whatever else was given, by name."""

    @property
    def keeps_all(self) -> bool:
        """Whether nothing is given, and so nothing ever removed."""
        given = self.keep_days, self.keep_submissions, self.keep_log_days
        return all(value is None for value in given)
