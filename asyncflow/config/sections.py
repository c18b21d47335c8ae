"""The sections of a configuration: here those of which there is one, how jobs are executed
and what holds for all. Those of data nodes, tasks and scenarios have a file each.

A section takes what it is given, right or wrong: `checks` reports everything that is
wrong with all sections at once, which a refusal at the first one would prevent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from asyncflow.config.converters import as_amounts, as_concealed, as_place
from asyncflow.config.data_node import NOT_GIVEN as NOT_GIVEN
from asyncflow.config.data_node import DataNodeConfig as DataNodeConfig
from asyncflow.config.data_node import NotGiven as NotGiven
from asyncflow.config.data_node import Scope as Scope
from asyncflow.config.data_node import T as T
from asyncflow.config.data_node import T_co as T_co
from asyncflow.config.scenario import ScenarioConfig as ScenarioConfig
from asyncflow.config.section import Attributes, TakenOptions
from asyncflow.config.task import TaskConfig as TaskConfig
from asyncflow.facts import Shown
from asyncflow.worker.streams import Mode

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

    prewarm: bool | None = None
    """Whether the workers are spawned at start, not when they are needed first; None for
    one of them."""

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
