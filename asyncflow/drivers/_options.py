"""The options that several storage types have."""

from __future__ import annotations

import codecs
import inspect
import re
from collections.abc import Iterable
from difflib import get_close_matches
from hashlib import blake2b
from typing import Any, TypeAlias

import attrs
from attrs import validators

from asyncflow.drivers._exposed import REMEDY, Exposed, as_exposed, class_of
from asyncflow.worker.errors import DataNodeWritingError
from asyncflow.worker.replacing import OPTION

CACHED = frozenset({"pandas", "polars", "arrow", "numpy"})
"""The exposed types of tables that are copied in no time."""

_NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
"""How something is named that is imported."""

SHORT = 100
"""How many letters a fingerprint has at most that is kept as it is."""

Further: TypeAlias = dict[str, Any]
"""Parameters for a library, by name."""


def exposed_type() -> Any:
    """Make the option that says what a value is when it is read."""
    return attrs.field(
        default="pandas", converter=as_exposed, metadata={"remedy": REMEDY}
    )


def further() -> Any:
    """Make an option of parameters that go through to the library."""
    return attrs.field(
        factory=dict,
        validator=validators.instance_of(dict),
        metadata={"remedy": "give a dict of parameters of the library, by name"},
    )


def unknown_option(error: Exception, name: str) -> DataNodeWritingError | None:
    """Return the error of a write whose library has no such option; None for another.

    :param error: what that library has raised
    :param name: how an error calls the value
    """
    if OPTION not in str(error):
        return None

    why = f"what writes it has no such option ({error}): correct write_options"
    return DataNodeWritingError(f"data node {name!r}: {why}")


def check_known(given: Iterable[str], known: Iterable[str], of: str) -> None:
    """Refuse options that a library would not look at.

    :param of: what has them
    :raises TypeError: where one of them is not known, as Python says it of a function
    """
    names = {*known}

    for name in given:
        if name not in names:
            near = get_close_matches(str(name), names, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {told_all(names)}"
            raise TypeError(f"{of} has no {OPTION} {name!r}: {hint}")


def told_all(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def encoding() -> Any:
    """Make the option that says which encoding a text has."""
    return attrs.field(
        default="utf-8",
        validator=_is_known,
        metadata={"remedy": "give an encoding of Python, such as 'utf-8'"},
    )


def flag(default: bool) -> Any:
    """Make an option that is true or false."""
    return attrs.field(
        default=default,
        validator=validators.instance_of(bool),
        metadata={"remedy": "give True or False"},
    )


def imported(given: Any) -> Any:
    """Return what a module has, where it is named so: ``module:name``."""
    return (
        class_of(given) if isinstance(given, str) and _NAME.fullmatch(given) else given
    )


def port(default: int | None) -> Any:
    """Make the option that is the port of a server."""
    or_none = ", or None" if default is None else ""
    return attrs.field(
        default=default,
        validator=_is_port,
        metadata={"remedy": f"give an int from 1 to 65535{or_none}"},
    )


def function(*further: Any) -> Any:
    """Make an option that is a function; who reads TOML imports what a text names.

    :param further: what else looks at it
    """
    checks = validators.and_(validators.is_callable(), *further)
    return attrs.field(
        default=None,
        validator=validators.optional(checks),
        metadata={
            "remedy": "give the function itself, without parentheses (in TOML: "
            "'module:function')"
        },
    )


def fingerprint() -> Any:
    """Make the option that tells whether others have changed a place."""
    return attrs.field(
        default=None,
        converter=imported,
        validator=_is_fingerprint,
        metadata={"remedy": "give a query, or a function (in TOML: 'module:function')"},
    )


def told_by(value: Any) -> str | None:
    """Return the fingerprint that any value is: a short text."""
    if value is None:
        return None

    text = value if isinstance(value, str) else repr(value)
    return (
        text
        if len(text) <= SHORT
        else blake2b(text.encode(), digest_size=16).hexdigest()
    )


def _is_port(_: object, field: attrs.Attribute[Any], value: Any) -> None:
    if value is None and field.default is None:
        return

    if type(value) is not int or not 1 <= value <= 65535:
        raise ValueError(f"{value!r:.100} is no port")


def makes_queries(_: object, __: object, value: Any) -> None:
    """Refuse what does not make queries of a value when it is called with it."""
    if inspect.iscoroutinefunction(value):
        raise ValueError(
            f"{value!r:.100} is async, and gives no query when it is called"
        )

    try:
        signature = inspect.signature(value)
    except Exception:  # it has none, or its own code raises: the call will tell
        return

    try:
        signature.bind(object())
    except TypeError:
        why = f"it takes {signature}, and is called with the value alone"
        raise ValueError(why) from None


def _is_fingerprint(_: object, __: object, value: Any) -> None:
    if value is not None and not callable(value) and not isinstance(value, str):
        raise ValueError(f"{value!r:.100} is neither a query nor a function")


def _is_known(_: object, __: object, value: Any) -> None:
    try:
        codecs.lookup(value)
    except (LookupError, TypeError):
        raise ValueError(f"{value!r} is no encoding") from None


@attrs.frozen(kw_only=True)
class StorageOptions:
    """What every storage type takes of which the path may be an address."""

    storage_options: Further = further()


@attrs.frozen(kw_only=True)
class TableOptions(StorageOptions):
    """What every storage type takes that keeps tables."""

    exposed_type: Exposed = exposed_type()
    read_options: Further = further()
    write_options: Further = further()

    @property
    def is_cached(self) -> bool:
        """Whether a table that was read may be given to others."""
        exposed = self.exposed_type
        return isinstance(exposed, str) and exposed in CACHED and not self.read_options
