"""Fields of forms for values: what each takes, what it shows, and what is wrong with it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import attrs
from starlette.exceptions import HTTPException

from asyncflow.config.sections import (
    NOT_GIVEN,
    DataNodeConfig,
    ScenarioConfig,
    TaskConfig,
)
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.typed import Typed, as_typed, typed
from asyncflow.errors import AsyncflowError
from asyncflow.web.forms import value

PREFIX = "input-"
"""How the names of fields begin that are values of data nodes."""

HINT = 200
"""How many characters of a value are shown where another one can be typed."""


class Kind(StrEnum):
    """What a field takes."""

    ANY = "JSON, or a text"
    DATE = "a date"
    FLAG = "true or false"
    INSTANT = "a time, in UTC"
    LIST = "a list, in JSON"
    MOMENT = "a time"
    NUMBER = "a number"
    REAL = "a decimal number"
    OBJECT = "an object, in JSON"
    TEXT = "a text"
    WHOLE = "a whole number"


KINDS: Mapping[str, Kind] = {
    "NoneType": Kind.ANY,
    "bool": Kind.FLAG,
    "date": Kind.DATE,
    "datetime": Kind.MOMENT,
    "datetime.date": Kind.DATE,
    "datetime.datetime": Kind.MOMENT,
    "dict": Kind.OBJECT,
    "float": Kind.REAL,
    "int": Kind.NUMBER,
    "list": Kind.LIST,
    "str": Kind.TEXT,
}
"""The kinds of the types that forms know. What is a whole number now may become another."""


@attrs.frozen
class Field:
    """A field for a value.

    :param text: what it has
    :param hint: what holds where it is empty
    :param error: what is wrong with it
    """

    name: str
    kind: Kind
    text: str = ""
    hint: str = ""
    error: str = ""

    @property
    def shape(self) -> str:
        """The ``type`` of its ``input``; ``area`` and ``choice`` are none."""
        if self.kind in (Kind.MOMENT, Kind.INSTANT):
            return "text" if "." in self.text else "datetime-local"

        return _SHAPES.get(self.kind, "area")

    def read(self) -> Any:
        """Return the value that it has.

        :raises ValueError: where it is none of its kind
        """
        return read(self.kind, self.text)

    def checked(self, text: str, *, is_needed: bool = False) -> Field:
        """Return it with what was typed, and what is wrong with that.

        :param is_needed: whether it must not be empty
        """
        field = attrs.evolve(self, text=text.replace("\r\n", "\n"), error="")

        if not text and not is_needed:
            return field

        try:
            field.read()
        except (ValueError, RecursionError) as error:
            return attrs.evolve(field, error=str(error))

        return field


_SHAPES: Mapping[Kind, str] = {
    Kind.DATE: "date",
    Kind.FLAG: "choice",
    Kind.NUMBER: "number",
    Kind.REAL: "number",
    Kind.WHOLE: "number",
}


def read(kind: Kind, text: str) -> Any:
    """Return the value that a text is.

    :raises ValueError: where it is none of its kind
    """
    if kind is Kind.TEXT:
        return text

    if kind is Kind.ANY:
        return value(text)

    try:
        return _READ[kind](text.strip())
    except (ValueError, RecursionError) as error:
        why = f" ({error})" if kind in (Kind.LIST, Kind.OBJECT) else ""
        raise ValueError(f"it is {kind.value}; got {text!r:.60}{why}") from error


def _flag(text: str) -> bool:
    if text.lower() not in ("false", "true"):
        raise ValueError("it is neither")

    return text.lower() == "true"


def _whole(text: str) -> int:
    if len(text) > 1000:
        raise ValueError("it is too long")

    return int(text)


def _number(text: str) -> int | float:
    try:
        return _whole(text)
    except ValueError:
        return float(text)


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _structure(kind: type[Any]) -> Any:
    def parse(text: str) -> Any:
        found = json.loads(text)

        if type(found) is not kind:
            raise ValueError(f"it is a {type(found).__name__}")

        return found

    return parse


_READ: Mapping[Kind, Any] = {
    Kind.DATE: date.fromisoformat,
    Kind.FLAG: _flag,
    Kind.INSTANT: _instant,
    Kind.LIST: _structure(list),
    Kind.MOMENT: datetime.fromisoformat,
    Kind.NUMBER: _number,
    Kind.OBJECT: _structure(dict),
    Kind.REAL: float,
    Kind.WHOLE: _whole,
}


# ------------------------------------------------------------------ what a field is for


def field_of(name: str, found: Typed) -> Field | None:
    """Return the field that changes a value; None where none can."""
    if (kind := KINDS.get(found.kind)) is None:
        return None

    if kind is Kind.MOMENT and datetime.fromisoformat(found.text).tzinfo is not None:
        text = _instant(found.text).replace(tzinfo=None).isoformat()
        return Field(name, Kind.INSTANT, text)

    return Field(name, kind, "" if found.kind == "NoneType" else found.text)


def declared(node: DataNodeConfig[Any], tasks: Iterable[TaskConfig]) -> Field | None:
    """Return the field for a first value: as the default is, or else as a function that
    reads it says; None where no form can have such a value.

    :param tasks: those that may read it
    """
    default = node.default_data
    found = None if default is NOT_GIVEN else typed(default)
    field = None if found is None else field_of(node.id, found)

    if field is not None and default is not None:
        return attrs.evolve(field, text="", hint=field.text[:HINT])

    if default is not NOT_GIVEN and default is not None:
        return None

    return Field(node.id, _annotated(node.id, tasks))


def sources(config: ScenarioConfig) -> list[str]:
    """Return the data nodes that a scenario reads and does not write."""
    written = {node.id for task in config.tasks for node in task.output}
    read = {node.id for task in config.tasks for node in task.input}
    return sorted(read - written)


def first_values(config: ScenarioConfig) -> list[Field]:
    """Return the fields for the first values of a scenario."""
    nodes = {node.id: node for node in config.data_node_configs}
    found = [declared(nodes[name], config.task_configs) for name in sources(config)]
    return [field for field in found if field is not None]


def _annotated(name: str, tasks: Iterable[TaskConfig]) -> Kind:
    for task in tasks:
        names = [node.id for node in task.input]

        if name not in names:
            continue

        try:
            parameters = [*inspect.signature(task.function).parameters.values()]
        except (TypeError, ValueError):
            continue

        place = names.index(name)

        if place < len(parameters):
            name_of_type = _called(parameters[place].annotation)

            if name_of_type == "int":
                return Kind.WHOLE

            if (kind := KINDS.get(name_of_type)) is not None:
                return kind

    return Kind.ANY


def _called(annotation: object) -> str:
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return text.partition("[")[0].strip("'\"")


async def current(node: DataNode[Any], tasks: Iterable[TaskConfig]) -> Field | None:
    """Return the field for another value of a data node, with the one that it has as a hint.

    A worker reads that. Of what was never written it is as `declared`.

    :return: None where no form can have such a value
    """
    if node.last_edit_date is None:
        return declared(node.config, tasks)

    try:
        found = await as_typed(node)
    except AsyncflowError:
        return None

    field = None if found is None else field_of(node.config_id, found)

    if field is None:
        return None

    if found is not None and found.kind == "NoneType":
        return Field(node.config_id, _annotated(node.config_id, tasks))

    return attrs.evolve(field, text="", hint=field.text[:HINT])


def filled(fields: Iterable[Field], given: Mapping[str, str]) -> list[Field]:
    """Return fields with what was typed, each with what is wrong with it."""
    return [field.checked(given.get(f"{PREFIX}{field.name}", "")) for field in fields]


def values_of(fields: Iterable[Field]) -> dict[str, Any]:
    """Return the values of the fields that are not empty, by their names."""
    return {field.name: field.read() for field in fields if field.text}


def refused(fields: Iterable[Field], error: Exception) -> tuple[list[Field], str]:
    """Return fields with an error at the one that it is about, and else the error itself."""
    name = getattr(error, "node", None)
    fields = [*fields]

    if name not in [field.name for field in fields]:
        return fields, str(error) or type(error).__name__

    return [
        attrs.evolve(field, error=str(error)) if field.name == name else field
        for field in fields
    ], ""


def from_json(
    nodes: Iterable[DataNodeConfig[Any]],
    given: Mapping[str, Any],
    tasks: Iterable[TaskConfig],
) -> dict[str, Any]:
    """Return values that came as JSON, each of the kind that a form has it as: texts
    become dates, whole numbers decimal ones.

    :param given: the values by the ids of the data nodes
    :param tasks: those that may read them
    :raises HTTPException: where a value is none of its kind
    """
    found, tasks = {**given}, [*tasks]

    for node in nodes:
        if node.id not in given:
            continue

        field, sent = declared(node, tasks), given[node.id]

        if field is None or (sent is None and node.default_data is None):
            continue

        try:
            found[node.id] = _of_json(field.kind, sent)
        except ValueError as error:
            raise HTTPException(422, f"{node.id}: {error}") from error

    return found


_TYPES: Mapping[Kind, tuple[type, ...]] = {
    Kind.FLAG: (bool,),
    Kind.LIST: (list,),
    Kind.NUMBER: (int, float),
    Kind.OBJECT: (dict,),
    Kind.REAL: (int, float),
    Kind.TEXT: (str,),
    Kind.WHOLE: (int,),
}
"""What values are in JSON; of other kinds they are texts."""


def _of_json(kind: Kind, sent: Any) -> Any:
    """Return the value that is sent as JSON.

    :raises ValueError: where it is none of its kind
    """
    if kind is Kind.ANY:
        return sent

    if type(sent) not in _TYPES.get(kind, (str,)):
        raise ValueError(f"it is {kind.value}; got {sent!r:.60}")

    if kind is Kind.REAL:
        return _real(sent)

    return sent if kind in _TYPES else read(kind, sent)


def _real(sent: float) -> float:
    try:
        return float(sent)
    except OverflowError as error:
        raise ValueError("it is a decimal number; this one is too large") from error
