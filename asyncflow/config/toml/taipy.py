"""Tables that Taipy wrote, as tables of ours: without its suffixes, as ``2:int``.

What has no meaning here is left out, with a note that names the line.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from asyncflow.config.checks.names import is_name
from asyncflow.config.frequency import Frequency
from asyncflow.config.periods import from_text
from asyncflow.config.sections import Scope
from asyncflow.config.toml.importable import NotImportable, find
from asyncflow.config.toml.lines import Name, line_at
from asyncflow.errors import Problem
from asyncflow.log import logger as _logger
from asyncflow.log import named

Table = dict[str, Any]

MARK = "TAIPY"
"""The table that Taipy writes to each file."""

KINDS = ("DATA_NODE", "TASK", "SCENARIO")
"""Its tables of sections with ids."""

DEFAULT = "default"
"""The id of the section that others of its kind follow."""

PATHS = frozenset({"default_path", "path"})
"""What may have the separators of Windows, where the file was written there."""

_ALL_KEEP = frozenset({"scope", "validity_period"})
"""What data nodes have of the default one, also where theirs is another storage type."""

_OWN = re.compile(r"taipy\.[\w.]+:(class|function)")
"""What Taipy has itself, as its encoder for JSON: in its place is what is here by default."""

_NO_REMEDY = "nothing is to be done, but for the line, which may go"


@attrs.define(eq=False, kw_only=True)
class Translator:
    """Makes tables of ours of Taipy's, and gathers what it leaves out, and what is wrong."""

    file: str
    lines: Mapping[Name, int]
    notes: list[Problem] = attrs.field(init=False, factory=list[Problem])
    problems: list[Problem] = attrs.field(init=False, factory=list[Problem])

    def translated(self, tables: Table) -> Table:
        """Return all tables of a file."""
        found: Table = {}

        for kind, table in tables.items():
            if kind in KINDS and isinstance(table, dict):
                found[kind] = self._sections(kind, table)
            elif kind in ("JOB", "CORE", MARK):
                name = "APP" if kind == MARK else kind
                found[name] = self._table((kind,), table)
            else:
                self._note((kind,), "the table has no meaning here")

        return found

    def copy(self) -> Translator:
        """Make another one, to which each reader adds notes of its own."""
        twin = Translator(file=self.file, lines=self.lines)
        twin.notes, twin.problems = [*self.notes], [*self.problems]
        return twin

    def tell(self) -> None:
        """Log, in one record, what was left out."""
        if self.notes:
            what = [
                f"line {note.line} [{note.section}{note.field and '.' + note.field}]: "
                f"{note.message}"
                for note in sorted(self.notes, key=lambda note: note.line or 0)
            ]
            _logger.warning(
                "%s is a file of Taipy's, of which this is left out: %s",
                self.file,
                named(what),
            )

    def left_out(self, label: str, field: str, message: str) -> None:
        """Add a note of what a section says in vain."""
        kind, _, key = label.partition(".")
        self._note((kind, key, field) if key else (kind, field), message)

    # -------------------------------------------------------------------- sections

    def _sections(self, kind: str, table: Table) -> Table:
        default = table.get(DEFAULT)
        follow: Table = default if isinstance(default, dict) else {}

        return {
            key: self._section((kind, key), _with_default(kind, follow, section))
            for key, section in table.items()
            if key != DEFAULT
        }

    def _section(self, path: Name, section: Any) -> Any:
        if not isinstance(section, dict):
            return section

        found: Table = {}

        for name, value in section.items():
            if name == "comparators" and not value:
                continue

            if name == "sequences" and isinstance(value, dict):
                found[name] = self._sequences((*path, name), value)
            elif isinstance(value, str) and _OWN.fullmatch(value):
                self._note(
                    (*path, name), "it is Taipy's own: what is usual here counts"
                )
            elif name in PATHS and isinstance(value, str):
                found[name] = value.replace("\\", "/")
            else:
                found[name] = self._value((*path, name), value)

        return found

    def _sequences(self, path: Name, sequences: Table) -> Table:
        found: Table = {}

        for name, ids in sequences.items():
            own = name if is_name(name) else re.sub(r"\W", "_", name)

            if own != name:
                self._note((*path, name), f"it is no identifier: it is called {own!r}")

            found[own] = self._value((*path, name), ids)

        return found

    # ---------------------------------------------------------------------- values

    def _table(self, path: Name, value: Any) -> Any:
        if not isinstance(value, dict):
            return value

        return {name: self._value((*path, name), each) for name, each in value.items()}

    def _value(self, path: Name, value: Any) -> Any:
        if isinstance(value, dict):
            return self._table(path, value)

        if isinstance(value, list):
            return [self._value(path, part) for part in value]

        return self._text(path, value) if isinstance(value, str) else value

    def _text(self, path: Name, text: str) -> Any:
        found = _SUFFIXED.fullmatch(text)

        if found is None or text.startswith("ENV["):
            return text

        try:
            return _OF_KIND[found[2]](found[1])
        except NotImportable as error:
            what, remedy = str(error), "make it importable, or name another"
        except (ValueError, KeyError, OverflowError):
            what, remedy = f"{found[1]!r} is no {found[2]}", "mend that line"

        place = self._place(path)
        self.problems.append(Problem(message=what, remedy=remedy, **place))
        return None

    # ----------------------------------------------------------------------- notes

    def _note(self, path: Name, message: str) -> None:
        place = self._place(path)
        self.notes.append(Problem(message=message, remedy=_NO_REMEDY, **place))

    def _place(self, path: Name) -> dict[str, Any]:
        size = 2 if path[0] in KINDS else 1
        return {
            "section": ".".join(path[:size]),
            "field": ".".join(path[size:]),
            "file": self.file,
            "line": line_at(self.lines, path),
        }


def is_of_taipy(tables: Mapping[str, object]) -> bool:
    """Tell whether the tables of a file are Taipy's."""
    return MARK in tables


def _with_default(kind: str, default: Table, section: Any) -> Any:
    """Return the table of a section with what it has of the default one."""
    if not isinstance(section, dict):
        return section

    own = "storage_type"
    other = section.get(own, default.get(own)) != default.get(own)

    if kind == "DATA_NODE" and other:
        default = {name: each for name, each in default.items() if name in _ALL_KEEP}

    return {**default, **section}


# ------------------------------------------------------------------------ of what kind


def _flag(text: str) -> bool:
    return {"true": True, "false": False}[text.strip().lower()]


def _period(text: str) -> datetime.timedelta:
    if (period := from_text(text)) is None:
        raise ValueError(text)

    return period


def _imported(name: str) -> object:
    """Import ``module.name``, where the module and the name may have dots themselves."""
    parts = name.replace("__mp_main__", "__main__").split(".")
    errors: list[NotImportable] = []

    for end in range(len(parts) - 1, 0, -1):
        try:
            return find(f"{'.'.join(parts[:end])}:{'.'.join(parts[end:])}")
        except NotImportable as error:
            errors.append(error)

    raise errors[0] if errors else NotImportable(f"{name!r} names no module")


_OF_KIND: Mapping[str, Callable[[str], object]] = {
    "int": int,
    "float": float,
    "bool": _flag,
    "datetime": datetime.datetime.fromisoformat,
    "timedelta": _period,
    "SECTION": str,
    "SCOPE": lambda text: Scope[text.upper()],
    "FREQUENCY": lambda text: Frequency[text.upper()],
    "function": _imported,
    "class": _imported,
}
"""What its suffixes make of a text."""

_SUFFIXED = re.compile(rf"(?s)(.*):({'|'.join(_OF_KIND)})")
