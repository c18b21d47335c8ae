"""Values as texts that a form can show and change. For faces."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any, ClassVar, NamedTuple

import attrs

from asyncflow.abc import Driver, StoredValue
from asyncflow.entities.data_node import DataNode, node_of
from asyncflow.entities.parts import Ask

LONGEST = 1 << 16
"""How many characters a text may have."""


LINE = 80
"""How many characters of JSON are one line."""


class Typed(NamedTuple):
    """A value as a text."""

    kind: str
    """Its type, as in ``"float"`` or ``"datetime.date"``."""
    text: str


@attrs.frozen
class AsTyped(Ask):
    """The value as a text; None where it is none that a form can change."""

    is_parsed: ClassVar[bool] = True

    def __call__(self, driver: Driver, kept: StoredValue) -> Typed | None:
        size = driver.parsed_size(kept)

        if size is not None and size > 8 * LONGEST:  # it is read for nothing
            return None

        return typed(driver.read(kept))


def typed(value: object) -> Typed | None:
    """Return a value as a text from which the same value can be made again.

    :return: None where it has none that is short
    """
    try:
        text = _text_of(value)
    except (TypeError, ValueError, RecursionError):
        return None

    if text is None or len(text) > LONGEST or not _is_shown(text):
        return None

    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    return Typed(kind.removeprefix("builtins."), text)


def _text_of(value: object) -> str | None:
    if type(value) is str:
        return value

    if type(value) in (date, datetime):
        return value.isoformat()  # type: ignore[attr-defined,no-any-return]  # as its type says

    if value is None or type(value) in (bool, int, float):
        return json.dumps(value)

    if type(value) not in (dict, list):
        return None

    text = json.dumps(value, ensure_ascii=False)

    if len(text) > LINE:
        text = json.dumps(value, indent=1, ensure_ascii=False)

    return text if json.loads(text) == value else None


def _is_shown(text: str) -> bool:
    """Tell whether a form gives back a text as it is: pages know no control characters."""
    return all(
        char in "\n\t"
        or (
            (char.isprintable() or ord(char) > 0x9F)
            and not 0xD800 <= ord(char) <= 0xDFFF
        )
        for char in text
    )


async def as_typed(node: DataNode[Any]) -> Typed | None:
    """Return the value of a data node as a text, made by a worker; see `typed`.

    :raises NoData: where it was never written
    """
    found: Typed | None = await node._verbs.read(
        node_of(node), None, AsTyped(), in_process=False
    )
    return found
