"""Addresses: which store a text means."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from asyncflow.errors import UsageError

MEMORY = ":memory:"
KNOWN = f"the path of an SQLite file, {MEMORY!r}, or postgresql://user@host/database"

_SCHEME = r"([A-Za-z][A-Za-z0-9+.-]*):(/*)"
_LIKE_MEMORY = r"(?i):*(in[_-]?)?mem(ory)?:*"
_LIBPQ = r"(^|\s)(host|hostaddr|dbname|user|password|service)\s*="


def kind_of(address: str, told_by: str, is_known: Callable[[str], bool]) -> str:
    """Tell what kind of store an address means: as it is registered.

    :param told_by: how errors name where it came from
    :param is_known: whether there is a store for a scheme
    :raises UsageError: where it is of none that is known; it does not tell the address,
        in which there may be a password
    """
    if address == MEMORY:
        return "memory"

    scheme, is_url, _ = address.partition("://")

    if is_url and scheme != "sqlite" and is_known(scheme):
        return scheme

    if advice := _advice(address) or _homeless(address):
        raise UsageError(
            f"{told_by} is not the address of a store: {advice}; known are {KNOWN}"
        )

    return "sqlite"


def file_of(path: str | os.PathLike[str]) -> str:
    """Return the path of a file, with ``~`` expanded.

    :raises UsageError: where it looks like an address, or names an unknown home
    """
    text = os.fsdecode(path)

    if "://" in text and isinstance(path, str):
        advice = _advice(text)
        raise UsageError(f"this is not the path of a file: {advice}")

    if advice := _homeless(text):
        raise UsageError(f"this is not the path of a file: {advice}")

    return os.path.expanduser(text)


def _homeless(text: str) -> str:
    """Say that a home folder is not known; "" where none is named, or it is."""
    if not text.startswith("~") or not os.path.expanduser(text).startswith("~"):
        return ""

    return (
        f"the home folder of {text.partition('/')[0]!r} is not known: give the path in "
        f"full, or {'./' + text!r} for a file with such a name"
    )


def _advice(text: str) -> str:
    """Say what is wrong with an address, and what may be meant; "" for a path."""
    if ":" not in text and "=" not in text and "mem" not in text.lower():
        return ""  # as most are: so nothing is compiled for them

    if re.fullmatch(_LIKE_MEMORY, text):
        return f"did you mean {MEMORY!r}? ({'./' + text!r} is a file with this name)"

    if re.search(_LIBPQ, text):
        return (
            "it is how to connect to PostgreSQL: write postgresql://user@host/database, "
            "or give PostgresStore('...')"
        )

    found = re.match(_SCHEME, text)

    if found is None:
        return "write it without what stands before its scheme" if "://" in text else ""

    scheme, rest = found[1], text[found.end() :]
    kind = scheme.lower()

    if kind.startswith(("postgres", "pgsql")):
        return (
            f"it begins with {scheme + ':' + found[2]!r}: write postgresql://, in small "
            "letters and without a driver"
        )

    if kind.startswith("sqlite") or kind == "file":
        name = "" if "@" in rest or "?" in rest else _path(found[2], rest)
        shown = f", {name!r}" if name else ""
        return f"it begins with {scheme + ':'!r}: give the path alone{shown}"

    return (
        f"nothing is known of {scheme + ':'!r} (for a file with such a name write ./ "
        "before it)"
    )


def _path(slashes: str, rest: str) -> str:
    """Return the path of ``sqlite:///a/b`` or ``file:a``."""
    if rest.strip(":") == "memory":
        return MEMORY

    return slashes[3:] + rest if len(slashes) >= 3 else slashes + rest
