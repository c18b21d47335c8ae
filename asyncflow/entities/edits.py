"""Edits: the writes of data nodes that have ended, and what is said of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from datetime import time as dt_time
from typing import Any

import attrs

from asyncflow.config.checks.arguments import check_date, check_text
from asyncflow.config.checks.typos import spelled_like
from asyncflow.facts import Facts
from asyncflow.runs.node import NOTHING_SAID, Said

_TAIPYS = {"timestamp": "at", "editor": "editor_id"}
"""What Taipy calls otherwise."""

_NAMES = ("timestamp", "version", "job_id", "editor", "comment", "is_kept")
"""All that an edit may say, as Taipy calls it."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Edit(Facts):
    """A write of a data node that has ended."""

    version: int
    """The number of the version that it made."""

    at: datetime
    """When, in UTC."""

    job_id: str | None
    """The job that wrote; None for a write by hand, unless that has named one."""

    editor_id: str | None
    """Who wrote by hand, as far as that was told."""

    comment: str
    """What the writer said about it."""

    is_kept: bool
    """Whether the value can still be read: ``await node.read(version=edit.version)``."""

    properties: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    """What else the writer said about it."""

    def __getitem__(self, name: str) -> Any:
        """Return a fact by its name, also by that which Taipy gives it: ``"timestamp"``,
        ``"editor"``; or what else the writer said.
        """
        if name in self.properties:
            return self.properties[name]

        name = _TAIPYS.get(name, name)

        if name not in self.as_dict():
            raise KeyError(name)

        return getattr(self, name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a fact by its name; `default` where there is none."""
        try:
            return self[name]
        except KeyError:
            return default

    def __contains__(self, name: object) -> bool:
        """Tell whether something is said under a name: of a write by hand no ``job_id``."""
        return isinstance(name, str) and self.get(name) not in (None, "")

    def __iter__(self) -> Iterator[str]:
        """Give the names under which something is said, as Taipy calls them."""
        return (name for name in (*_NAMES, *self.properties) if name in self)

    def keys(self) -> tuple[str, ...]:
        """Return these names, so that ``dict(edit)`` has all that is said."""
        return (*self,)

    def as_dict(self) -> dict[str, Any]:
        """Return its facts as plain data that JSON can hold; the time is ISO text."""
        return attrs.asdict(self) | {"at": self.at.isoformat()}


OPTIONS = ("editor_id", "comment", "job_id", "timestamp")
"""What can be said by name, beside what people call as they like."""

OF_TAIPY = frozenset({"editor", "comments"})
"""What Taipy's programs say, which is like an option."""


def said(
    editor_id: str | None,
    comment: str,
    properties: Mapping[str, Any],
    timestamp: datetime | None = None,
) -> Said:
    """Return what is kept with an edit.

    :param properties: what else; what is None is left out
    :raises TypeError: where one is no option, but for a slip, or JSON cannot hold it
    :raises ValueError: where the time is to come
    """
    if editor_id or comment:
        check_text("editor_id", editor_id, optional=True)
        check_text("comment", comment)

    facts = {name: value for name, value in properties.items() if value is not None}

    if not facts and timestamp is None:
        return Said(editor_id, comment) if editor_id or comment else NOTHING_SAID

    for name, value in facts.items():
        _check(name, value)

    check_date("timestamp", timestamp)
    at = None if timestamp is None else round(timestamp.timestamp() * 1e9)

    if at is not None and at > time.time_ns():
        raise ValueError(f"timestamp is when it was written: {timestamp} is to come")

    text = json.dumps(facts, default=_text) if facts else None
    return Said(editor_id, comment, text, at)


def _check(name: str, value: object) -> None:
    if name not in (*OPTIONS, *OF_TAIPY) and (meant := spelled_like(name, OPTIONS)):
        raise TypeError(
            f"an edit has no option {name!r}: did you mean {meant!r}? What you keep with "
            "it needs a name that is less like an option's"
        )

    try:
        json.dumps(value, default=_text)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name}={value!r:.100} cannot be kept with an edit ({error}): give a text, a "
            "number, a date, or lists and dicts of these"
        ) from None


def _text(value: object) -> str:
    """Write a date; nothing else that JSON cannot hold."""
    if isinstance(value, date | dt_time):
        return value.isoformat()

    raise TypeError(f"JSON has no {type(value).__name__}")
