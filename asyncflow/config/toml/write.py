"""A registry as TOML: native types, one table a section."""

from __future__ import annotations

import datetime
import inspect
import os
import reprlib
import secrets
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs

from asyncflow.config.periods import to_text
from asyncflow.config.registry import Registry
from asyncflow.config.retry import Retry, to_table
from asyncflow.config.section import Section, as_given, names_of, same_value
from asyncflow.config.sections import (
    NOT_GIVEN,
    CoreConfig,
    DataNodeConfig,
    JobConfig,
    ScenarioConfig,
    Scope,
    TaskConfig,
)
from asyncflow.config.toml.importable import NotImportable, name_of
from asyncflow.config.toml.read import TABLES
from asyncflow.config.toml.source import parse
from asyncflow.config.toml.taipy import is_of_taipy
from asyncflow.config.toml.text import SET_IN_CODE, Notes, edited, fresh
from asyncflow.errors import ConfigError, Problem
from asyncflow.log import logger as _logger
from asyncflow.log import named
from asyncflow.secret import Secret, revealed
from asyncflow.worker.replacing import replace_file

Table = dict[str, Any]

PLAIN_ONLY = "use text, numbers, bools, dates, lists and dicts, or set it in code"

_IN_ANY_CASE = frozenset({"mode", "function", "input", "output"})
"""Options that a file has in any case, in a form of its own."""

_SIMPLE = frozenset({bool, int, float, datetime.date})


def save(
    registry: Registry, path: str | os.PathLike[str], *, with_secrets: bool = False
) -> None:
    """Write a registry to a file: as a whole, or not at all.

    Default data without a TOML form stays in the code: the file says so, as does a
    warning.

    :raises ConfigError: something else has no TOML form, or the file is somebody else's.
    :raises OSError: the file cannot be written.
    """
    target = Path(
        os.path.realpath(os.path.expanduser(path))
    )  # a link goes on being one
    data = dump(registry, _existing(target), with_secrets=with_secrets).encode()
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    replace_file(
        str(target),
        lambda file: file.write(data),
        str(draft),
        sync=True,
        is_users=True,
    )


def dump(
    registry: Registry, existing: str | None = None, *, with_secrets: bool = False
) -> str:
    """Return the TOML text of a registry.

    :param existing: the text to edit, so that its comments stay; None to write anew.
    :param with_secrets: whether passwords and keys are written; they are a problem
        otherwise.
    :raises ConfigError: something has no TOML form: all of it.
    """
    writer = _Writer(with_secrets)
    tables = writer.tables(registry)
    text = None if existing is None else edited(existing, tables, writer.notes)
    _tell(writer.notes)
    return fresh(tables, writer.notes) if text is None else text


def _tell(notes: Notes) -> None:
    if notes:
        problem = (
            "default_data of %s has no TOML form, and is not in the file: load that on top "
            "of the code that sets it"
        )
        _logger.warning(problem, named([node_id for _, node_id in notes]))


# -------------------------------------------------------- from sections to plain tables


class NoForm(Exception):
    """A value has no TOML form; the message says what, the path where in it."""

    def __init__(self, path: str, what: str) -> None:
        self.path = path
        super().__init__(what)


class Hidden(NoForm):
    """A value is a secret, which is not written."""


def plain(value: object, path: str = "") -> Any:
    """Return a value of TOML's own types, which reads back equal.

    :raises Hidden: it is a secret, or has one.
    :raises NoForm: there is none.
    """
    if isinstance(value, Secret):
        raise Hidden(path, "a secret")

    if type(value) in _SIMPLE:
        return value

    match value:
        case str() if type(value) is str and _is_encodable(value):
            return value
        case list() if type(value) is list:
            return [plain(item, f"{path}[{at}]") for at, item in enumerate(value)]
        case dict() if type(value) is dict:
            return {
                _plain_key(key, path): plain(item, f"{path}[{key!r}]")
                for key, item in value.items()
            }
        case datetime.time() if type(value) is datetime.time and value.tzinfo is None:
            return value
        case datetime.datetime() if _is_whole(value):
            return value
        case None:
            raise NoForm(path, "None")
        case _ if _is_scalar_of_numpy(value):
            return plain(value.item(), path)  # type: ignore[attr-defined]  # it has
        case _:
            raise NoForm(path, f"the {type(value).__qualname__} {reprlib.repr(value)}")


def _is_scalar_of_numpy(value: object) -> bool:
    kind = type(value)
    is_of_numpy = kind.__module__ == "numpy" and hasattr(kind, "item")
    return is_of_numpy and getattr(value, "ndim", 1) == 0


def _is_encodable(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _is_whole(value: datetime.datetime) -> bool:
    """Tell whether TOML can write the offset, which it knows in whole minutes."""
    offset = value.utcoffset()
    whole = offset is None or not offset % datetime.timedelta(minutes=1)
    return type(value) is datetime.datetime and whole


def _plain_key(key: object, path: str) -> str:
    if type(key) is str and _is_encodable(key):
        return key

    raise NoForm(path, f"the key {reprlib.repr(key)}")


@attrs.define(eq=False)
class _Writer:
    """Makes plain tables of sections, and gathers what has no TOML form."""

    with_secrets: bool = False
    """Whether it writes passwords and keys."""
    notes: Notes = attrs.field(init=False, factory=dict)
    """What the file says of values that it does not have."""
    _problems: list[Problem] = attrs.field(init=False, factory=list[Problem])

    def tables(self, registry: Registry) -> Table:
        """Return the tables of all sections.

        :raises ConfigError: something has no TOML form.
        """
        nodes, tasks = registry.data_nodes.values(), registry.tasks.values()
        scenarios = registry.scenarios.values()
        tables: Table = {
            "JOB": self._job(registry.job),
            "CORE": self._core(registry.core),
            "APP": self._properties("APP", registry.app),
            "DATA_NODE": {self._id(node): self._data_node(node) for node in nodes},
            "TASK": {self._id(task): self._task(task) for task in tasks},
            "SCENARIO": {self._id(each): self._scenario(each) for each in scenarios},
        }
        if self._problems:
            raise ConfigError(self._problems)

        return {kind: table for kind, table in tables.items() if table}

    def _core(self, core: CoreConfig) -> Table:
        table: Table = {}
        self._unless_default(table, "CORE", core, *names_of(CoreConfig))
        return table | self._properties("CORE", core.properties)

    def _job(self, job: JobConfig) -> Table:
        table: Table = {"mode": self._value("JOB", "mode", as_given(job, "mode"))}
        further = [name for name in names_of(JobConfig) if name not in _IN_ANY_CASE]
        self._unless_default(table, "JOB", job, *further)
        return table | self._properties("JOB", job.properties)

    def _data_node(self, node: DataNodeConfig) -> Table:
        table: Table = {}
        self._unless_default(table, node.label, node, "storage_type", "scope")
        self._default_data(table, node)
        self._unless_default(table, node.label, node, "default_path")
        self._unless_default(
            table, node.label, node, "validity_period", "keep_versions"
        )
        table |= self._named(node.label, "validator", as_given(node, "validator"))

        for name, value in node.options.items():
            is_named = isinstance(value, type) or inspect.isroutine(value)
            table |= (
                self._named(node.label, name, value)
                if is_named
                else self._properties(node.label, {name: value})
            )

        return table | self._properties(node.label, node.properties)

    def _named(self, label: str, field: str, value: object) -> Table:
        """Return what a file says of what is imported by its name."""
        if value is None:
            return {}

        if getattr(value, "__module__", None) == "builtins":
            return {field: getattr(value, "__name__", repr(value))}

        try:
            return {field: name_of(value)}
        except NotImportable as error:
            remedy = "define it at the top of a module, or set it in code"
            self._refuse(label, field, f"it: {error}", remedy)
            return {}

    def _default_data(self, table: Table, node: DataNodeConfig) -> None:
        if node.default_data is NOT_GIVEN:
            return

        try:
            table["default_data"] = plain(node.default_data)
        except NoForm:
            what = f"{SET_IN_CODE}({_summary(node.default_data)})"
            self.notes["DATA_NODE", self._id(node)] = what

    def _task(self, task: TaskConfig) -> Table:
        table: Table = {
            "function": self._function(task),
            "inputs": self._ids(task.label, "input", task.input),
            "outputs": self._ids(task.label, "output", task.output),
        }
        further = [name for name in names_of(TaskConfig) if name not in _IN_ANY_CASE]
        self._unless_default(table, task.label, task, *further)
        return table | self._properties(task.label, task.properties)

    def _scenario(self, scenario: ScenarioConfig) -> Table:
        label, nodes = scenario.label, scenario.additional_data_node_configs
        table: Table = {
            "tasks": self._ids(label, "task_configs", scenario.task_configs)
        }
        if nodes:
            name = "additional_data_node_configs"
            table["additional_data_nodes"] = self._ids(label, name, nodes)

        if (frequency := as_given(scenario, "frequency")) is not None:
            if isinstance(frequency, str):
                table["frequency"] = str(frequency)
            else:
                self._refuse(label, "frequency", repr(frequency))

        if tags := as_given(scenario, "authorized_tags"):
            table["authorized_tags"] = [*tags]

        if scenario.comparators:
            table["comparators"] = {
                self._name(label, "comparators", node): [
                    self._importable(label, "comparators", each) for each in functions
                ]
                for node, functions in scenario.comparators.items()
            }

        table |= self._properties(label, scenario.properties)
        if scenario.sequences:
            table["sequences"] = self._sequences(scenario)

        return table

    def _sequences(self, scenario: ScenarioConfig) -> Table:
        sequences: object = scenario.sequences
        if not isinstance(sequences, Mapping):
            self._refuse(scenario.label, "sequences", repr(sequences))
            return {}

        return {
            self._name(scenario.label, "sequences", name): self._ids(
                scenario.label, "sequences", tasks
            )
            for name, tasks in scenario.sequences.items()
        }

    def _function(self, task: TaskConfig) -> str:
        return self._importable(task.label, "function", task.function)

    def _importable(self, label: str, field: str, function: object) -> str:
        try:
            return name_of(function)
        except NotImportable as error:
            remedy = "define it with def at the top of a module"
            self._refuse(label, field, f"it: {error}", remedy)
            return ""

    def _ids(self, label: str, field: str, members: Iterable[object]) -> list[Any]:
        return [
            self._value(
                label, field, member.id if isinstance(member, Section) else member
            )
            for member in members
        ]

    def _unless_default(
        self,
        table: Table,
        label: str,
        section: Section | JobConfig | CoreConfig,
        *names: str,
    ) -> None:
        """Add the fields that are not what they are by default."""
        fields = attrs.fields_dict(type(section))
        for name in names:
            value = as_given(section, name)
            if not same_value(value, _default(fields[name])):
                table[name] = self._value(label, name, _native(name, value))

    def _properties(self, label: str, properties: Mapping[str, object]) -> Table:
        return {
            self._name(label, name, name): self._value(label, name, value)
            for name, value in properties.items()
        }

    def _value(self, label: str, field: str, value: object) -> Any:
        try:
            value = revealed(value) if self.with_secrets else value
            return plain(value.value if isinstance(value, Scope) else value)
        except Hidden as error:
            self._problems.append(
                Problem(
                    section=label,
                    field=field,
                    message=f"{error.path and error.path + ': '}a secret is not written "
                    "to a file",
                    remedy="give 'ENV[NAME]' and set that environment variable, or "
                    "export with secrets=True",
                )
            )
            return ""
        except NoForm as error:
            self._refuse(label, field, f"{error.path and error.path + ': '}{error}")
            return ""

    def _id(self, section: Section) -> str:
        return self._name(section.label, "id", section.id)

    def _name(self, label: str, field: str, name: object) -> str:
        try:
            return _plain_key(name, "")
        except NoForm as error:
            self._refuse(label, field, str(error))
            return ""

    def _refuse(
        self, label: str, field: str, what: str, remedy: str | None = None
    ) -> None:
        self._problems.append(
            Problem(
                section=label,
                field=field,
                message=f"TOML has no form for {what}",
                remedy=remedy or PLAIN_ONLY,
            )
        )


def _summary(value: object) -> str:
    """Say of what type a value is, and how large: ``DataFrame, 3 x 2``."""
    kind, shape = type(value).__qualname__, getattr(value, "shape", None)

    if isinstance(shape, tuple) and shape:
        return f"{kind}, {' x '.join(map(str, shape))}"

    return kind


def _default(field: attrs.Attribute[Any]) -> object:
    factory = getattr(field.default, "factory", None)
    return field.default if factory is None else factory()


def _native(name: str, value: object) -> object:
    """Return what a field's own type is in TOML."""
    match value:
        case timedelta() if name == "validity_period":
            return to_text(value)
        case Retry() if name == "retry":
            return to_table(value)
        case _:
            return value


# ------------------------------------------------------------------------- to the disk


def _existing(target: Path) -> str | None:
    """Return the text of the file that is there, if it is one of ours, or of Taipy's."""
    if not target.exists():
        return None

    text, tables = parse(target)
    foreign = [name for name in tables if name not in TABLES]

    if foreign and not is_of_taipy(tables):
        raise ConfigError(
            [
                Problem(
                    section=foreign[0],
                    field="",
                    message="the file is there, and not a configuration of asyncflow",
                    remedy="export to another file",
                    file=str(target),
                )
            ]
        )

    return text
