"""A TOML file over a registry: key by key, with the line of whatever is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs

from asyncflow.config.checks import sections, values
from asyncflow.config.checks.data_nodes import refusal
from asyncflow.config.converters import as_tuple
from asyncflow.config.periods import from_text
from asyncflow.config.registry import Place, Registry
from asyncflow.config.retry import Retry
from asyncflow.config.section import Section, evolved, names_of
from asyncflow.config.sections import (
    CoreConfig,
    DataNodeConfig,
    JobConfig,
    ScenarioConfig,
    Scope,
    TaskConfig,
)
from asyncflow.config.toml.importable import NotImportable, find
from asyncflow.config.toml.lines import line_at
from asyncflow.config.toml.taipy import Translator
from asyncflow.errors import ConfigError, Problem

S = TypeVar("S", bound=Section)

Table = dict[str, Any]

TABLES = ("JOB", "CORE", "APP", "DATA_NODE", "TASK", "SCENARIO")
"""The tables of a file."""

FIELDS: Mapping[str, str] = {
    "input": "inputs",
    "output": "outputs",
    "task_configs": "tasks",
    "additional_data_node_configs": "additional_data_nodes",
}
"""Fields of sections, and the keys of a file that they are, where the names differ."""

_FIELDS_OF_KEYS: Mapping[str, str] = {key: field for field, key in FIELDS.items()}


@attrs.define(eq=False, kw_only=True)
class Reader:
    """Merges the tables of a file into a draft, and gathers what is wrong with them."""

    draft: Registry
    file: str
    lines: Mapping[tuple[str, ...], int]
    tables: Table
    layer: str = "load"
    """As what the file counts: see `asyncflow.config.origins`."""
    translator: Translator | None = None
    """What has translated the tables; None where they are ours."""
    problems: list[Problem] = attrs.field(init=False, factory=list[Problem])
    added: set[str] = attrs.field(init=False, factory=set[str])

    def merge(self) -> None:
        """Put everything of the file into the draft, as far as it can be read."""
        if self.translator is not None:
            self.problems += self.translator.problems

        self._app()
        self._job()
        self._core()
        self._sections("DATA_NODE", self._data_node)
        self._sections("TASK", self._task)
        self._sections("SCENARIO", self._scenario)
        self.draft.point()
        self._note_origins()
        self._unknown_tables()

    def read(self) -> Registry:
        """Return the draft, with everything of the file in it.

        :raises ConfigError: something is wrong with the file.
        """
        self.merge()
        self._checks()

        if self.problems:
            raise ConfigError(sorted(self.problems, key=lambda each: each.line or 0))

        return self.draft

    def _note_origins(self) -> None:
        """Keep what the file says, and in which lines."""
        tables = {name: self.tables.get(name) for name in ("JOB", "CORE", "APP")}

        for kind in ("DATA_NODE", "TASK", "SCENARIO"):
            found = self.tables.get(kind)
            sections = found if isinstance(found, dict) else {}
            tables |= {f"{kind}.{key}": table for key, table in sections.items()}

        for label, table in tables.items():
            if not isinstance(table, dict):
                continue

            known = self.draft.origins.get(label, {})
            places = self.draft.origins[label] = dict(known)

            for key in table:
                places[_FIELDS_OF_KEYS.get(key, key)] = self._place(label, key)

            if label in self.added:
                places[""] = self._place(label, "")

    def _place(self, label: str, field: str) -> Place:
        return self.layer, self.file, line_at(self.lines, self._path(label, field))

    # ------------------------------------------------------------------------ tables

    def _app(self) -> None:
        table = self._table(self.tables.get("APP", {}), "APP", "")
        self.draft.app = {**self.draft.app, **table}

    def _job(self) -> None:
        table = self._table(self.tables.get("JOB", {}), "JOB", "")
        job = self.draft.job
        fields, properties = _split(table, JobConfig)
        properties = self._useful("JOB", "JOB", properties)
        self.draft.job = evolved(
            job, **fields, properties={**job.properties, **properties}
        )

    def _core(self) -> None:
        table = self._table(self.tables.get("CORE", {}), "CORE", "")
        core = self.draft.core
        fields, properties = _split(table, CoreConfig)
        properties = self._useful("CORE", "CORE", properties)
        self.draft.core = evolved(
            core, **fields, properties={**core.properties, **properties}
        )

    def _sections(self, kind: str, read: Callable[[str, Table], None]) -> None:
        for key, value in self._table(self.tables.get(kind, {}), kind, "").items():
            table = self._table(value, f"{kind}.{key}", "")
            if isinstance(value, dict):
                read(key, table)

    def _data_node(self, key: str, table: Table) -> None:
        scope = table.get("scope")
        if isinstance(scope, str) and scope in Scope.__members__:
            table["scope"] = Scope[scope]

        period = table.get("validity_period")
        if isinstance(period, str):
            read = from_text(period)
            table["validity_period"] = period if read is None else read

        if isinstance(name := table.get("validator"), str):
            table["validator"] = self._imported(f"DATA_NODE.{key}", "validator", name)

        self._put(self.draft.data_nodes.get(key), DataNodeConfig(id=key), table)

    def _task(self, key: str, table: Table) -> None:
        label, nodes = f"TASK.{key}", self.draft.data_nodes
        if "function" in table:
            table["function"] = self._function(label, table["function"])
        elif key not in self.draft.tasks:
            remedy = "write function = 'module:function'"
            self._report(label, "function", "the task has no function", remedy)

        for name in ("inputs", "outputs"):
            if name in table:
                table[name] = self._referred(label, name, table[name], nodes)

        if isinstance(table.get("retry"), dict):
            table["retry"] = self._retry(label, table["retry"])

        self._put(
            self.draft.tasks.get(key), TaskConfig(id=key, function=_missing), table
        )

    def _scenario(self, key: str, table: Table) -> None:
        label, nodes = f"SCENARIO.{key}", self.draft.data_nodes
        tasks = self.draft.tasks
        if "tasks" in table:
            table["tasks"] = self._referred(label, "tasks", table["tasks"], tasks)

        name = "additional_data_nodes"
        if name in table:
            table[name] = self._referred(label, name, table[name], nodes)

        if "sequences" in table:
            sequences = self._table(table["sequences"], label, "sequences")
            table["sequences"] = {
                name: self._referred(label, f"sequences.{name}", ids, tasks)
                for name, ids in sequences.items()
            }

        if "comparators" in table:
            table["comparators"] = self._comparators(label, table["comparators"])

        self._put(self.draft.scenarios.get(key), ScenarioConfig(id=key), table)

    def _comparators(self, label: str, given: Any) -> Table:
        """Return comparators: functions are found by their names."""
        return {
            node: tuple(
                self._imported(label, f"comparators.{node}", each)
                if isinstance(each, str)
                else each
                for each in as_tuple(functions)
            )
            for node, functions in self._table(given, label, "comparators").items()
        }

    def _put(self, previous: S | None, default: S, table: Table) -> None:
        """Put a section: what was declared, or its defaults, and the table over it."""
        if previous is None:
            self.added.add(default.label)

        section = previous or default
        fields, properties = _split(table, type(section))
        section = evolved(section, **fields)
        further: tuple[str, ...] = ()

        if isinstance(section, DataNodeConfig):
            further = section.option_names
            properties = self._with_functions(section, properties)

        properties = self._useful(section.label, section.kind, properties, further)
        self._misnamed(section, properties)
        self.draft.place(
            evolved(section, properties={**section.properties, **properties})
        )

    def _with_functions(self, node: DataNodeConfig, properties: Table) -> Table:
        """Return them with the functions that options name which take no text."""
        if node.options_class is None:
            return properties

        found = dict(properties)

        for field in attrs.fields(node.options_class):
            name, text = field.name, properties.get(field.name)

            if not isinstance(text, str) or not _NAMED.fullmatch(text):
                continue

            if refusal(field, {name: text}) is not None:
                found[name] = self._imported(node.label, name, text)

        return found

    def _useful(
        self, label: str, kind: str, properties: Table, further: tuple[str, ...] = ()
    ) -> Table:
        """Return the properties of a section: of Taipy's without those that would do
        nothing, of which there is a note.
        """
        if self.translator is None:
            return properties

        own = {name: each for name, each in properties.items() if name not in further}
        found = sections.of_properties(label, kind, own, further)
        idle = {problem.field: problem.message for problem in found}

        for name, message in idle.items():
            self.translator.left_out(label, name, message)

        return {name: each for name, each in properties.items() if name not in idle}

    # ------------------------------------------------------------------------ values

    def _table(self, value: object, label: str, field: str) -> Table:
        if isinstance(value, dict):
            return dict(value)

        self._report(label, field, f"{value!r} is not a table", "write it as a table")
        return {}

    def _function(self, label: str, name: object) -> Any:
        if self.translator is not None and not isinstance(name, str):
            return _missing if name is None else name  # None is told of already

        if not isinstance(name, str):
            remedy = "write it as 'module:function'"
            self._report(label, "function", f"{name!r} is no text", remedy)
            return _missing

        try:
            return find(name)
        except NotImportable as error:
            remedy = "name a function of a module, as 'module:function'"
            self._report(label, "function", str(error), remedy)
            return _missing

    def _imported(self, label: str, field: str, name: str) -> Any:
        try:
            return find(name)
        except NotImportable as error:
            remedy = "name what a module has, as 'module:name'"
            self._report(label, field, str(error), remedy)
            return None

    def _retry(self, label: str, table: Table) -> Retry:
        known = attrs.fields_dict(Retry)
        for name in table:
            if name not in known:
                message, remedy = f"{name!r} is not known", values.one_of(name, known)
                self._report(label, "retry", message, remedy)

        return Retry(**{name: table[name] for name in table if name in known})

    def _referred(
        self, label: str, field: str, ids: object, known: Mapping[str, S]
    ) -> tuple[S, ...]:
        """Return the sections that a list of ids names."""
        if not isinstance(ids, list):
            remedy = (
                f'write it as ["{ids}"]' if isinstance(ids, str) else "write a list"
            )
            self._report(label, field, f"{ids!r} is not a list of ids", remedy)
            return ()

        for key in ids:
            if not isinstance(key, str) or key not in known:
                message = f"{key!r} is the id of nothing that is declared"

                if self.translator is not None:
                    self.translator.left_out(label, field, message)
                    continue

                self._report(label, field, message, values.one_of(key, known))

        return tuple(known[key] for key in ids if isinstance(key, str) and key in known)

    # ---------------------------------------------------------------------- problems

    def _unknown_tables(self) -> None:
        for name in self.tables:
            if name not in TABLES:
                remedy = values.one_of(name, TABLES)
                self._report(name, "", "the table is not known", remedy)

    def _misnamed(self, section: Section, properties: Table) -> None:
        """Report what is called as in Python: as a property it would do nothing."""
        for name in properties:
            if name in FIELDS and hasattr(section, name):
                message = "this is the parameter's name, not the one in a TOML file"
                self._report(section.label, name, message, f"call it {FIELDS[name]}")

    def _checks(self) -> None:
        """Add what the checks say of that which the file says.

        What is not installed here is said when the configuration is checked, or used.
        """
        reported = {
            (problem.section, FIELDS.get(problem.field, problem.field))
            for problem in self.problems
        }

        for problem in sections.problems(self.draft, installs=False):
            field = FIELDS.get(problem.field, problem.field)
            here = self._path(problem.section, field) in self.lines
            if not here and problem.section not in self.added:
                continue

            if (problem.section, field) not in reported:
                self._report(problem.section, field, problem.message, problem.remedy)

    def _report(self, label: str, field: str, message: str, remedy: str) -> None:
        self.problems.append(
            Problem(
                section=label,
                field=field,
                message=message,
                remedy=remedy,
                file=self.file,
                line=line_at(self.lines, self._path(label, field)),
            )
        )

    def _path(self, label: str, field: str) -> tuple[str, ...]:
        kind, dot, key = label.partition(".")
        section = (kind, key) if dot else (kind,)
        table, dot, name = field.partition(".")

        if kind == "APP" and self.translator is not None:
            section = ("TAIPY",)

        if dot and table in ("sequences", "comparators"):
            return (*section, table, name)

        return (*section, field) if field else section


_NAMED = re.compile(r"[\w.]+:[\w.]+")
"""The name of a function: ``module:qualname``."""


def _missing() -> None:
    """Stand in for the function that a file does not name, or names in vain."""


def _split(
    table: Table, kind: type[Section] | type[JobConfig] | type[CoreConfig]
) -> tuple[Table, Table]:
    """Split a table into fields of a section and free properties."""
    keys = {FIELDS.get(name, name): name for name in names_of(kind)}
    fields = {keys[key]: value for key, value in table.items() if key in keys}
    return fields, {key: value for key, value in table.items() if key not in keys}
