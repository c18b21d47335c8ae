"""What users declare into: `Configuration`, and the default one, `Config`."""

from __future__ import annotations

import functools
import os
import reprlib
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar, cast, overload
from weakref import WeakSet

import attrs

from asyncflow.config.checks import references, sections
from asyncflow.config.checks.sections import refuse
from asyncflow.config.checks.values import no_section, verbs_name_arguments
from asyncflow.config.converters import (
    as_amounts,
    as_comparators,
    as_path,
    as_sequences,
    as_tuple,
    refers,
)
from asyncflow.config.data_nodes import takes_defaults
from asyncflow.config.registry import Registry, View
from asyncflow.config.retry import Retry, as_retry
from asyncflow.config.section import Section, any_has_references, as_given, key_of
from asyncflow.config.sections import (
    CoreConfig,
    DataNodeConfig,
    JobConfig,
    ScenarioConfig,
    Scope,
    TaskConfig,
)
from asyncflow.config.server_data_nodes import ServerDataNodes
from asyncflow.errors import ConfigError, Problem
from asyncflow.worker.streams import Mode

if TYPE_CHECKING:
    from asyncflow.config.app_config import AppConfig
    from asyncflow.config.converters import Comparators
    from asyncflow.config.frequency import Frequency, Periods
    from asyncflow.config.layers import Layers, Origin
    from asyncflow.config.migrations import Migrations
    from asyncflow.config.task_function import Nodes, Signature, TaskFunction

S = TypeVar("S", bound=Section)
P = ParamSpec("P")
R = TypeVar("R")
File = str | os.PathLike[str]


@takes_defaults
@verbs_name_arguments
@attrs.define(eq=False, repr=False)
class Configuration(ServerDataNodes):
    """What is declared: data nodes, tasks, scenarios, and how jobs are executed.

    Declaring never raises for what is declared. `problems` lists everything that is
    wrong, `check` raises it. An id may be configured again with the same content. With
    another content the latest counts, and in a script that is a problem; in a notebook
    or at a prompt, where cells are edited and executed again, it is not.
    """

    _registry: Registry = attrs.field(init=False, factory=Registry)
    """What code and `load` say."""
    _layers: Layers | None = attrs.field(init=False, default=None)
    """The files over that; None where there never was one."""
    _applied: tuple[int, Registry, tuple[Problem, ...]] | None = attrs.field(
        init=False, default=None
    )
    """What counts as of a revision, and what is wrong with the files over it."""
    _defaults: dict[str, dict[str, Any]] = attrs.field(init=False, factory=dict)
    """What was set for all sections of a kind."""
    _recorded: list[Problem] = attrs.field(init=False, factory=list[Problem])
    _revision: int = attrs.field(init=False, default=0)
    _signatures: dict[str, Signature] = attrs.field(
        init=False, factory=dict[str, "Signature"]
    )
    """What was found in the functions of `task`, by the ids of their tasks."""
    _made: dict[str, DataNodeConfig] = attrs.field(
        init=False, factory=dict[str, DataNodeConfig]
    )
    """The data nodes that `task` has made: they may be configured still."""
    migrations: Migrations | None = attrs.field(init=False, default=None)
    """What becomes of entities of older versions; None where nothing does."""
    _settled: tuple[int, Registry] | None = attrs.field(init=False, default=None)
    """With what is found in the environment, as of a revision."""
    _plain: WeakSet[ScenarioConfig] = attrs.field(init=False, factory=WeakSet)
    """Those that refer to nothing there."""

    def __repr__(self) -> str:
        from asyncflow.config.shown import told

        return told(self)

    def _repr_html_(self) -> str:
        from asyncflow.config.shown import shown

        return shown(self)

    @property
    def data_nodes(self) -> Mapping[str, DataNodeConfig]:
        """The data node sections, by id: a live view."""
        return View(lambda: self._current().data_nodes)

    @property
    def tasks(self) -> Mapping[str, TaskConfig]:
        """The task sections, by id: a live view."""
        return View(lambda: self._current().tasks)

    @property
    def scenarios(self) -> Mapping[str, ScenarioConfig]:
        """The scenario sections, by id: a live view."""
        return View(lambda: self._current().scenarios)

    @property
    def job_config(self) -> JobConfig:
        """How jobs are executed: as far as that is found in the environment."""
        return _found(self._current().job)

    @property
    def core_config(self) -> CoreConfig:
        """What is kept of submissions that have finished: as `job_config`."""
        return _found(self._current().core)

    @property
    def core(self) -> CoreConfig:
        """The same as `core_config`."""
        return self.core_config

    @property
    def global_config(self) -> AppConfig:
        """What the application keeps of its own."""
        from asyncflow.config.app_config import AppConfig

        return AppConfig(properties=self._current().app)

    @property
    def sections(self) -> Mapping[str, Mapping[str, Section]]:
        """All sections with an id: by kind, as ``TASK``, and id."""
        return {
            "DATA_NODE": self.data_nodes,
            "TASK": self.tasks,
            "SCENARIO": self.scenarios,
        }

    @property
    def unique_sections(self) -> Mapping[str, JobConfig | CoreConfig]:
        """The sections of which there is one, by kind."""
        return {"JOB": self.job_config, "CORE": self.core_config}

    @property
    def defaults(self) -> Mapping[str, Section]:
        """What was set for all sections of a kind, by kind: ``DATA_NODE``, ``TASK`` or
        ``SCENARIO``, as sections with the id ``default``.
        """
        aside = Configuration()
        nothing: Any = None
        verbs: dict[str, Callable[..., Section]] = {
            "DATA_NODE": aside.configure_data_node,
            "TASK": functools.partial(aside.configure_task, function=nothing),
            "SCENARIO": aside.configure_scenario,
        }
        return {
            kind: verbs[kind](id="default", **given)
            for kind, given in self._defaults.items()
        }

    @property
    def revision(self) -> int:
        """A number that grows with every change."""
        return self._revision

    def configure_task(
        self,
        id: str,
        function: Callable[..., object],
        input: DataNodeConfig | Iterable[DataNodeConfig] | None = None,
        output: DataNodeConfig | Iterable[DataNodeConfig] | None = None,
        skippable: bool = False,
        *,
        executor: str = "process",
        on_restart: str = "rerun",
        run_timeout: float | None = None,
        stall_timeout: float | None = None,
        retry: Retry | int | None = None,
        crash_retries: int = 1,
        needs: Mapping[str, float] | None = None,
        memory_limit: int | None = None,
        **properties: object,
    ) -> TaskConfig:
        """Declare a task.

        In development mode a plain function holds the event loop: its `run_timeout`,
        `stall_timeout` and `memory_limit` are checked here, but not enforced.

        :param id: an identifier, unique in this configuration.
        :param function: called with the value of each input, in their order.
        :param input: what it reads: one data node, several, or None.
        :param output: what it writes: one data node, several, or None.
        :param skippable: whether to skip it if function and inputs have not changed.
        :param executor: ``process``, ``thread`` or ``inline``; ``async def`` functions
            run on the event loop in any case.
        :param on_restart: what becomes of a job that ran when its orchestrator was
            killed: ``rerun`` runs it again, ``fail`` does not.
        :param run_timeout: how many seconds a job may run until it is killed; None for
            any number. What cannot be killed cannot have it: a thread, or a plain
            function with ``executor="inline"``.
        :param stall_timeout: how many seconds a job may report no progress until it is
            killed; None for any number. It counts from the call of the function: to load
            that may take 30 s. For what can be killed, as `run_timeout`.
        :param retry: when a job that failed is tried again: a `Retry`, or how often it
            is tried in all; None for once.
        :param crash_retries: how often a job runs again after its worker process died.
            With ``on_restart="fail"`` it never does.
        :param needs: how much a job needs of named resources while it runs, such as
            ``{"gpu": 1}``; `configure_job_executions` declares them. None for nothing.
        :param memory_limit: how many bytes a job's process may take beyond what it had;
            None for any number. Only for plain functions with ``executor="process"``.
        :param properties: whatever else you want to keep with it.
        """
        return self._configure(
            TaskConfig(
                id=id,
                function=function,
                input=as_tuple(input),
                output=as_tuple(output),
                skippable=skippable,
                executor=executor,
                on_restart=on_restart,
                run_timeout=run_timeout,
                stall_timeout=stall_timeout,
                retry=as_retry(retry),
                crash_retries=crash_retries,
                needs=as_amounts(needs),
                memory_limit=memory_limit,
                properties=properties,
            )
        )

    @overload
    def task(self, function: Callable[P, R], /) -> TaskFunction[P, R]: ...

    @overload
    def task(
        self,
        function: None = None,
        /,
        *,
        id: str | None = None,
        input: Nodes = None,
        output: Nodes = None,
        skippable: bool = False,
        executor: str = "process",
        on_restart: str = "rerun",
        run_timeout: float | None = None,
        stall_timeout: float | None = None,
        retry: Retry | int | None = None,
        crash_retries: int = 1,
        needs: Mapping[str, float] | None = None,
        memory_limit: int | None = None,
        **properties: object,
    ) -> Callable[[Callable[P, R]], TaskFunction[P, R]]: ...

    def task(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        id: str | None = None,
        input: Nodes = None,
        output: Nodes = None,
        **options: Any,
    ) -> Any:
        """Declare a task, and its data nodes, by decorating its function.

        ``@task(output="result")`` makes a `TaskConfig` of the function, which can be
        called as before. Its parameters are its inputs: a data node that is called so is
        used, or made, with the parameter's default value as its default data. Parameters
        of several functions that have one name are one data node: annotations have to
        agree, and so have defaults.

        :param function: what is decorated, without options.
        :param id: that of the task; None for the name of the function.
        :param input: the data nodes of its parameters, by ids or configs, in their order;
            None for those that are called as they are.
        :param output: the data nodes of what it returns, by ids or configs; None for none.
        :param options: those of `configure_task`, and whatever else you want to keep.
        :raises UsageError: where the function does not tell what its inputs are.
        """

        def decorate(function: Callable[..., Any]) -> TaskFunction[..., Any]:
            from asyncflow.config import task_function

            known = self._registry.data_nodes
            given = {**self._defaults.get("TASK", {}), **options}
            made = task_function.declared(
                *(function, id, input, output, given),
                *(self._signatures, known, self._made),
            )

            for node in made.nodes:
                self._made[node.key] = self._registry.put(node)

            self._signatures[made.task.key] = made.signature
            return self._configure(made.task)

        return decorate if function is None else decorate(function)

    def configure_scenario(
        self,
        id: str,
        task_configs: TaskConfig | Iterable[TaskConfig] | None = None,
        additional_data_node_configs: DataNodeConfig
        | Iterable[DataNodeConfig]
        | None = None,
        frequency: Frequency | Periods | str | None = None,
        comparators: Mapping[str, Comparators]
        | Mapping[DataNodeConfig, Comparators]
        | None = None,
        sequences: Mapping[str, TaskConfig | Iterable[TaskConfig]] | None = None,
        *,
        authorized_tags: Iterable[str] | None = None,
        **properties: object,
    ) -> ScenarioConfig:
        """Declare a scenario.

        :param id: an identifier, unique in this configuration.
        :param task_configs: its tasks: one, several, or None.
        :param additional_data_node_configs: data nodes that none of its tasks has.
        :param frequency: into which cycles its scenarios fall, by their creation dates: a
            `Frequency`, a `Calendar`, or an object with ``period(instant)``; None for no
            cycles.
        :param comparators: by its data nodes, or their ids, what `Orchestrator.compare`
            calls with the values that they have in several scenarios: one function, or
            several; None for none.
        :param sequences: named subsets of its tasks; None for none.
        :param authorized_tags: the tags that its scenarios may have; None for any.
        :param properties: whatever else you want to keep with it.
        """
        return self._configure(
            ScenarioConfig(
                id=id,
                task_configs=as_tuple(task_configs),
                additional_data_node_configs=as_tuple(additional_data_node_configs),
                comparators=as_comparators(comparators),
                sequences=as_sequences(sequences),
                frequency=frequency,
                authorized_tags=as_tuple(authorized_tags),
                properties=properties,
            )
        )

    def configure_job_executions(
        self,
        mode: str | None = None,
        max_nb_of_workers: int | None = None,
        *,
        echo: Mode = True,
        prewarm: bool | None = None,
        resources: Mapping[str, float] | None = None,
        kill_grace: float = 2.0,
        shutdown_grace: float = 5.0,
        max_jobs_per_worker: int | None = None,
        max_worker_age: float | None = None,
        max_worker_rss: int | None = None,
        max_log_size: int = 1_048_576,
        loop_lag_warning: float | None = None,
        address: object = None,
        security: object = None,
        **properties: object,
    ) -> JobConfig:
        """Declare how jobs are executed; the latest call counts.

        :param mode: ``development``, ``standalone`` or ``cluster``; None keeps the mode.
        :param max_nb_of_workers: None is the number of usable CPUs, or of a cluster's.
        :param echo: whether to print what a job printed, when it ends; ``"live"`` does it
            while it runs, each line with the task. Log records go to loggers in any case.
        :param prewarm: whether to spawn all workers at start, or none; None for one.
        :param resources: what all running jobs share: ``{"gpu": 2}``; None for nothing.
        :param kill_grace: seconds from SIGTERM to SIGKILL, where a job is ended.
        :param shutdown_grace: seconds that running jobs may take after a first Ctrl-C.
        :param max_jobs_per_worker: how many jobs a worker runs; None for any number.
        :param max_worker_age: how many seconds it takes jobs; None for any number.
        :param max_worker_rss: with how many bytes it takes another job; None for any.
        :param max_log_size: how many bytes of a job's output are kept: both its ends.
        :param loop_lag_warning: seconds of a blocked event loop to warn of; None: never.
        :param address: of Dask's scheduler, or a cluster of Dask's; None for one here.
        :param security: a `Security` of Dask's, or what it is made of; None: no TLS.
        :param properties: whatever else you want to keep with it.
        """
        self._registry.forget("JOB")
        self._registry.job = JobConfig(
            mode=self._registry.job.mode if mode is None else mode,
            max_nb_of_workers=max_nb_of_workers,
            echo=echo,
            prewarm=prewarm,
            resources=as_amounts(resources),
            kill_grace=kill_grace,
            shutdown_grace=shutdown_grace,
            max_jobs_per_worker=max_jobs_per_worker,
            max_worker_age=max_worker_age,
            max_worker_rss=max_worker_rss,
            max_log_size=max_log_size,
            loop_lag_warning=loop_lag_warning,
            address=address,
            security=security,
            properties=properties,
        )
        self._revision += 1
        return self.job_config

    def set_default_data_node_configuration(
        self,
        storage_type: str | None = None,
        scope: Scope | None = None,
        validity_period: timedelta | None = None,
        **properties: object,
    ) -> DataNodeConfig:
        """Set what data nodes have that are declared from now on and do not say otherwise.

        Those of another storage type have the scope and the validity period alone. The
        latest call counts.

        :param storage_type: None for ``pickle``
        :param scope: None for `Scope.SCENARIO`
        :param validity_period: None for ever
        :param properties: further parameters of `configure_data_node`
        """
        return self._set_default(
            DataNodeConfig,
            **properties,
            storage_type=storage_type,
            scope=scope,
            validity_period=validity_period,
        )

    def set_default_task_configuration(
        self,
        function: Callable[..., object] | None = None,
        input: DataNodeConfig | Iterable[DataNodeConfig] | None = None,
        output: DataNodeConfig | Iterable[DataNodeConfig] | None = None,
        skippable: bool | None = None,
        **properties: object,
    ) -> TaskConfig:
        """Set what tasks have that are declared from now on and do not say otherwise.

        The latest call counts.

        :param properties: further parameters of `configure_task`
        """
        return self._set_default(
            TaskConfig,
            **properties,
            function=function,
            input=input,
            output=output,
            skippable=skippable,
        )

    def set_default_scenario_configuration(
        self,
        task_configs: TaskConfig | Iterable[TaskConfig] | None = None,
        additional_data_node_configs: DataNodeConfig
        | Iterable[DataNodeConfig]
        | None = None,
        frequency: Frequency | Periods | str | None = None,
        comparators: Mapping[str | DataNodeConfig, Any] | None = None,
        sequences: Mapping[str, Any] | None = None,
        **properties: object,
    ) -> ScenarioConfig:
        """Set what scenarios have that are declared from now on and do not say otherwise.

        The latest call counts.

        :param properties: further parameters of `configure_scenario`
        """
        return self._set_default(
            ScenarioConfig,
            **properties,
            task_configs=task_configs,
            additional_data_node_configs=additional_data_node_configs,
            frequency=frequency,
            comparators=comparators,
            sequences=sequences,
        )

    def configure_global_app(self, **properties: object) -> AppConfig:
        """Keep properties of the application's own, which nothing of asyncflow reads.

        The latest value of each counts. Return all of them.
        """
        self._registry.app = {**self._registry.app, **properties}

        if places := self._registry.origins.get("APP"):
            kept = {name: places[name] for name in places.keys() - properties.keys()}
            self._registry.origins["APP"] = kept

        self._revision += 1
        return self.global_config

    def configure_core(
        self,
        *,
        keep_days: float | None = None,
        keep_submissions: int | None = None,
        keep_log_days: float | None = None,
        time_zone: str | None = None,
        mode: str | None = None,
        version_number: str | None = None,
        force: bool = False,
        values: str | os.PathLike[str] | None = None,
        values_options: Mapping[str, Any] | None = None,
        **properties: object,
    ) -> CoreConfig:
        """Declare what is kept of finished submissions, and of which version this is.

        The latest call counts. What is not kept is removed when an orchestrator opens, and
        once an hour from then on; values of data nodes stay. Of `keep_days` and
        `keep_submissions`, what either keeps stays.

        :param keep_days: for how many days they are kept; None for ever.
        :param keep_submissions: how many of the last ones are kept; None for all.
        :param keep_log_days: the same of what their jobs printed; None as long as they.
        :param time_zone: in which cycles begin, such as ``Europe/Paris``; a store keeps the
            first one. None for that, or for the machine's.
        :param mode: ``"experiment"`` compares what is declared with what this version was
            before; ``"production"`` does, too, and sees the scenarios of all versions in
            production; ``"development"`` has no version. None compares nothing.
        :param version_number: scenarios get it, and lists show those that have it. None:
            lists show all. ``Orchestrator(version=...)`` counts before it.
        :param force: whether what is declared now counts, where that is another.
        :param values: where large values are kept, with `values_options`: `Orchestrator`.
        :param properties: whatever else you want to keep with it.
        """
        self._registry.forget("CORE")
        self._registry.core = CoreConfig(
            keep_days=keep_days,
            keep_submissions=keep_submissions,
            keep_log_days=keep_log_days,
            time_zone=time_zone,
            mode=mode,
            version_number=version_number,
            force=force,
            values=as_path(values),
            values_options=as_amounts(values_options),
            properties=properties,
        )
        self._revision += 1
        return self.core_config

    def add_migration_function(
        self,
        target_version: str,
        config: ScenarioConfig | DataNodeConfig,
        migration_fct: Callable[[Any], Any],
    ) -> None:
        """Have entities of older versions changed when they are first loaded.

        In ``mode="production"``, a scenario of an older version in production gets the
        version of who loads it. Before that, the functions for the versions in between,
        and for this one, are called in their order, each with a copy of the scenario, or
        of a data node of its own: what they set (name, properties and tags; name and
        validity period) is written. They are called in a thread, or awaited, outside any
        transaction, and once more where somebody else has changed it meanwhile.

        :param target_version: the version that the function leads to.
        :param config: that of a scenario or of a data node.
        :param migration_fct: is given the copy, and returns it, or None.
        :raises UsageError: config is that of a task, which keeps nothing.
        """
        if self.migrations is None:
            from asyncflow.config.migrations import Migrations

            self.migrations = Migrations()

        self.migrations.add(target_version, config, migration_fct)

    def resolve(self, section: S) -> S:
        """Return what a section of this configuration now is.

        A section object is a snapshot: configuring its id again, or loading a file,
        makes a new one.

        :raises ConfigError: it is not from this configuration, or was cleared.
        """
        registry = self._current()
        current = registry.current(section)

        if registry.find(section) is not current:
            raise ConfigError([references.not_registered(section.label, "", section)])

        return current

    def scenario(self, config_or_id: ScenarioConfig | str) -> ScenarioConfig:
        """Return the current section of a scenario.

        :param config_or_id: what `configure_scenario` returned, or the id.
        :raises ConfigError: this configuration has no such scenario.
        :raises TypeError: where it is something else, say the config of a task.
        """
        if isinstance(config_or_id, ScenarioConfig):
            return self.settled(self.resolve(config_or_id))

        key = key_of(config_or_id)
        if key not in self.scenarios:
            raise ConfigError([no_section("SCENARIO", config_or_id, self.scenarios)])

        return self.settled(self.scenarios[key])

    def settled(self, scenario: ScenarioConfig) -> ScenarioConfig:
        """Return a scenario with what its sections refer to in the environment.

        That is looked up once, until something is configured again.

        :raises ConfigError: where it is not there
        """
        if scenario in self._plain:
            return scenario

        sections = (scenario, *scenario.task_configs, *scenario.data_node_configs)

        if not any_has_references(sections):
            self._plain.add(scenario)
            return scenario

        if self._settled is None or self._settled[0] != self._revision:
            from asyncflow.config import env

            self._settled = self._revision, env.settled(self._current())

        return self._settled[1].scenarios[scenario.key]

    def problems(self) -> tuple[Problem, ...]:
        """Return everything that is wrong, in the order of the sections.

        May be called in another thread than those that declare.
        """
        self._settled = self._applied = None  # what is looked up is looked up anew
        _, registry, of_files = self._compiled()
        registry = registry.snapshot()
        everything = registry.job, registry.core, *registry.sections
        refer = any_has_references(everything)

        if not refer:
            self._plain.update(registry.scenarios.values())

        found = (
            *self._recorded,
            *self._disagreements(registry),
            *sections.problems(registry, refer=refer),
        )
        properties = [each.properties for each in everything if each.properties]

        if refer or any(map(refers, properties)) or refers(registry.app):
            from asyncflow.config import env

            found = (*found, *env.problems(registry))

        if not registry.origins and not of_files:
            return found

        from asyncflow.config import layers

        return (*of_files, *layers.placed(found, registry.origins))

    def check(self) -> None:
        """Check everything that is declared; of a problem that is no error a warning is
        logged.

        :raises ConfigError: something is wrong; it holds every problem.
        """
        refuse(self.problems())

    def clear(self) -> None:
        """Forget everything that was declared, and what was loaded and put over it."""
        self._registry.clear()
        self._layers = None
        self._defaults.clear()
        self._recorded.clear()
        self._signatures.clear()
        self._made.clear()
        self.migrations = None
        self._revision += 1

    def export(self, filename: File, *, secrets: bool = False) -> None:
        """Write everything that code and `load` say to a TOML file.

        The file is replaced as a whole or not at all. Comments in an existing file stay
        with the sections and keys that stay. Default data without a TOML form stays in the
        code: a comment in the file says so, and a warning is logged.

        :param secrets: whether to write passwords and keys that are not ``ENV[NAME]``.
        :raises ConfigError: something else has no TOML form, or the file is somebody else's.
        :raises OSError: the file cannot be written.
        """
        from asyncflow.config.toml import write  # loads tomlkit, which few need

        write.save(self._registry, filename, with_secrets=secrets)

    def load(self, filename: File, *, dialect: str | None = None) -> None:
        """Merge a TOML file over what is declared, key by key.

        A file that Taipy wrote, with its table ``[TAIPY]``, is read as it is; what of it
        has no meaning here is left out, and a warning names that with its line.

        A file can name any function, which is imported, and any path, which jobs write:
        load files only that you trust, as you would a Python module.

        :param dialect: ``asyncflow``, with TOML's own types, or ``taipy``, with its
            suffixes, as in ``"2:int"``; None for what the file shows.
        :raises ConfigError: every problem of the file, with its line; nothing of the
            file is applied then.
        :raises OSError: the file cannot be read.
        """
        from asyncflow.config.toml import source  # loads tomllib, which few need

        found = source.source(filename, dialect=dialect)
        self._registry.update(found.loaded(self._registry))
        self._revision += 1

    def override(self, filename: File, *, dialect: str | None = None) -> None:
        """Put a TOML file over all that is declared, now and later, key by key.

        Its values win over those of code and of `load`; those of a later `override`, and
        of the file that the environment variable ``ASYNCFLOW_CONFIG`` names, win over it.
        It is read once. What is wrong with its values, `problems` tells.

        :param dialect: as of `load`.
        :raises ConfigError: there is no such file, or it is not TOML.
        :raises OSError: the file cannot be read.
        """
        from asyncflow.config import layers
        from asyncflow.config.toml import source

        found = source.source(filename, "override", dialect)
        self._layers = self._layers or layers.Layers()
        self._layers.overrides.append(found)
        self._revision += 1

    def backup(self, filename: File, *, secrets: bool = False) -> None:
        """Write what counts, files over it included, to a TOML file: as `export` does.

        :param secrets: as of `export`.
        :raises ConfigError: as of `export`.
        :raises OSError: the file cannot be written.
        """
        from asyncflow.config.toml import write

        write.save(self._current(), filename, with_secrets=secrets)

    def restore(self, filename: File, *, dialect: str | None = None) -> None:
        """Forget everything, as `clear` does, and load a TOML file.

        :param dialect: as of `load`.
        :raises ConfigError: every problem of the file; nothing is forgotten then.
        :raises OSError: the file cannot be read.
        """
        from asyncflow.config.toml import source

        found = source.source(filename, dialect=dialect).loaded(Registry())
        self.clear()
        self._registry.update(found)

    def origins(self) -> Mapping[str, Origin]:
        """Return where each value comes from, by its name: ``TASK.double.skippable``."""
        from asyncflow.config import layers

        return layers.origins_of(self._current())

    if not TYPE_CHECKING:  # or each name would be one that is there

        def __getattr__(self, name: str) -> NoReturn:
            from asyncflow.config.attributes import unknown

            raise AttributeError(unknown(self, name))

    def _set_default(self, kind: type[S], **given: object) -> S:
        self._defaults[kind.kind] = {
            name: value for name, value in given.items() if value is not None
        }
        self._revision += 1
        return cast("S", self.defaults[kind.kind])

    def _current(self) -> Registry:
        """Return what counts: what is declared, with the files over it."""
        return self._compiled()[1]

    def _compiled(self) -> tuple[int, Registry, tuple[Problem, ...]]:
        if (applied := self._applied) is not None and applied[0] == self._revision:
            return applied

        revision, registry = self._revision, self._registry
        problems: tuple[Problem, ...] = ()
        set_to = ((name, os.environ.get(name)) for name in FILES)
        named = next(((name, path) for name, path in set_to if path), None)

        if named is not None or self._layers is not None:
            from asyncflow.config import layers

            self._layers = self._layers or layers.Layers()
            registry, problems = self._layers.over(registry, named)

        applied = self._applied = revision, registry, problems
        return applied

    def _configure(self, section: S) -> S:
        found = previous = self._registry.find(section)

        if self._registry.origins and self._registry.forget(section.label):
            previous = None  # code may say it otherwise than a file that was loaded

        is_made = previous is not None and self._made.get(section.key) is previous

        if self._signatures and isinstance(section, DataNodeConfig):
            from asyncflow.config import task_function

            section = cast("S", task_function.with_default(section, self._signatures))

        current = self._registry.replace(found, section)
        self._revision += 1
        interactive = hasattr(sys, "ps1")
        if not (previous is None or interactive or is_made):
            self._recorded.extend(_conflict(previous, current))

        return current

    def _disagreements(self, registry: Registry) -> Iterable[Problem]:
        """Yield what functions of `task` say of one data node that cannot be."""
        if not self._signatures:
            return ()

        from asyncflow.config import task_function

        return task_function.problems({**self._signatures}, registry.tasks)


FILES = "ASYNCFLOW_CONFIG", "TAIPY_CONFIG_PATH"
"""The environment variables of which the first that is set names a file over all."""


J = TypeVar("J", JobConfig, CoreConfig)


def _found(section: J) -> J:
    """Return a section with what it refers to in the environment, if all of it is there."""
    if not any_has_references([section]):
        return section

    from asyncflow.config import env

    try:
        return env.resolved(section)
    except ConfigError:
        return section


def _conflict(previous: Section, current: Section) -> Iterable[Problem]:
    """Yield a problem if an id was configured with two contents."""
    fields = previous.differing(current)
    if fields:
        shown = "; ".join(
            f"{name} is {reprlib.repr(as_given(previous, name))} and "
            f"{reprlib.repr(as_given(current, name))}"
            for name in fields
        )
        yield Problem(
            section=current.label,
            field=fields[0],
            message=f"the id is configured twice, with different content: {shown}",
            remedy="choose another id for one of them, or call Config.clear() between",
        )


Config: Configuration = Configuration()
"""The default configuration."""
