"""What changes when a file does at an address, as far as its file system says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from glob import has_magic
from hashlib import blake2b
from typing import Any

MARKS = frozenset(
    [
        "checksum",
        "contentmd5",
        "crc",
        "created",
        "digest",
        "etag",
        "generation",
        "ino",
        "lastmodified",
        "md5hash",
        "modified",
        "modify",
        "mtime",
        "sha",
        "updated",
        "versionid",
    ]
)
"""What file systems call it: each has some of these. What fsspec itself makes of them is
no mark: of files by HTTP it takes the address alone."""


def mark_of(files: Any, at: str) -> str | None:
    """Return what changes when a file does; None where its file system does not say it.

    :raises Exception: where it is not there, or cannot be asked
    """
    info = files.info(at)
    marks = _marks(info)
    return _digest([(info.get("size"), *marks)]) if marks else None


def mark_of_all(files: Any, at: str) -> str | None:
    """Return what changes when one of several files does; None for none.

    :param at: a folder, or a pattern
    """
    find = files.glob if has_magic(at) else files.find
    found: Mapping[str, Any] = find(at, detail=True)
    all_of_them = [
        (name, info.get("size"), *_marks(info)) for name, info in found.items()
    ]

    if any(len(pair) == 2 for pair in all_of_them):  # of one nobody can tell
        return None

    return f"{len(found)}-{_digest(sorted(all_of_them))}" if found else None


def _marks(info: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return those of a file by their names, in their order."""
    plain = {
        name.lower().replace("-", "").replace("_", ""): value
        for name, value in info.items()
        if value is not None
    }
    return [(name, _text(plain[name])) for name in sorted(MARKS & plain.keys())]


def _text(value: object) -> str:
    return str(value.timestamp() if isinstance(value, datetime) else value)


def _digest(found: Iterable[object]) -> str:
    return blake2b(repr([*found]).encode(), digest_size=16).hexdigest()
