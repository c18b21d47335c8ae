"""Plain tables as a TOML text: a new one, or an edit of one that is there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import MutableMapping
from typing import Any

import tomlkit
from tomlkit.items import Item, Key
from tomlkit.items import Table as TomlTable

Table = dict[str, Any]

WHOLE = frozenset({"APP", "JOB", "CORE"})
"""The tables that are one section each."""

HEADER = "# What asyncflow runs; written by Config.export, read by Config.load.\n"

Notes = dict[tuple[str, ...], str]
"""Comments in sections, by the paths of these."""

SET_IN_CODE = "# default_data: set in code "
"""How the note begins of default data that has no form."""

_OLD_NOTE = re.compile(rf"^{SET_IN_CODE}\(.*\)\n", re.MULTILINE)


def fresh(tables: Table, notes: Notes) -> str:
    """Write a text: only tables of sections are tables, what they hold is inline."""
    parts = [HEADER]
    for kind, sections in tables.items():
        if kind in WHOLE:
            parts.append(_section((kind,), sections, notes))
        else:
            parts += [
                _section((kind, key), table, notes) for key, table in sections.items()
            ]

    return "\n".join(parts)


def _section(path: tuple[str, ...], table: Table, notes: Notes) -> str:
    sequences = table.get("sequences") if path[0] == "SCENARIO" else None
    names = [name for name in table if sequences is None or name != "sequences"]
    text = f"[{'.'.join(map(_key, path))}]\n" + "".join(
        f"{_key(name)} = {_item(table[name]).as_string()}\n" for name in names
    )

    if path in notes:
        text += f"{notes[path]}\n"

    return (
        text
        if sequences is None
        else f"{text}\n{_section((*path, 'sequences'), sequences, notes)}"
    )


def _key(name: str) -> str:
    return tomlkit.key(name).as_string()


def _item(value: Any) -> Item:
    if isinstance(value, dict):
        table = tomlkit.inline_table()
        for name, item in value.items():
            table.append(tomlkit.key(name), _item(item))

        return table

    if isinstance(value, list):
        array = tomlkit.array()
        array.extend(map(_item, value))
        return array

    scalar: Item = tomlkit.item(value)
    return scalar


def edited(text: str, tables: Table, notes: Notes) -> str | None:
    """Edit a text so that it says what the tables say; None where that fails.

    tomlkit keeps what it does not touch, but not every layout survives its edits: the
    result counts only if it reads back as meant.
    """
    try:
        document = tomlkit.parse(_OLD_NOTE.sub("", text))
        _edit(document, tables, (), notes)
        result = tomlkit.dumps(document).rstrip() + "\n"
        return result if tomllib.loads(result) == tables else None
    except Exception:  # whatever tomlkit stumbles over: the text is written anew
        return None


def _edit(
    present: MutableMapping[str, Any],
    wanted: Table,
    path: tuple[str, ...],
    notes: Notes,
) -> None:
    for name in [name for name in present if name not in wanted]:
        del present[name]

    tail = _cut_tail(present)
    for name, value in wanted.items():
        old = present.get(name)
        if isinstance(old, MutableMapping) and isinstance(value, dict):
            _edit(old, value, (*path, name), notes)
        elif repr(old.unwrap() if isinstance(old, Item) else old) != repr(value):
            present[name] = _new(value, (*path, name), notes)

    if isinstance(present, TomlTable):
        _add_note(present, path, notes)
        present.value.body.extend(tail)


def _add_note(table: TomlTable, path: tuple[str, ...], notes: Notes) -> None:
    if path in notes:
        table.add(tomlkit.comment(notes[path].removeprefix("# ")))


def _cut_tail(table: object) -> list[tuple[Key | None, Item]]:
    """Cut off the blank lines and comments before the next table, whose they are."""
    tail: list[tuple[Key | None, Item]] = []
    if isinstance(table, TomlTable):
        body = table.value.body
        while body and body[-1][0] is None:
            tail.insert(0, body.pop())

    return tail


def _new(value: Any, path: tuple[str, ...], notes: Notes) -> Item:
    """Make what an edited text lacks: a table where a fresh text would have one."""
    sequences = len(path) == 3 and path[0] == "SCENARIO" and path[2] == "sequences"
    if len(path) > 2 and not sequences:
        return _item(value)

    if not isinstance(value, dict) or (path[0] in WHOLE and len(path) > 1):
        return _item(value)

    table = tomlkit.table(is_super_table=len(path) == 1 and path[0] not in WHOLE)
    for name, item in value.items():
        table.append(tomlkit.key(name), _new(item, (*path, name), notes))

    _add_note(table, path, notes)

    if not table.is_super_table() and "sequences" not in value:
        table.add(tomlkit.nl())

    return table
