"""Failures: what is told of an error, whatever the error does when it is asked.

An error is an object of the user's: its message, its attributes, its pickle may raise in
turn, recurse, or need memory that is not there. To describe one never raises.
"""

from __future__ import annotations

import traceback
from types import TracebackType

from asyncflow.worker.codec import dumps
from asyncflow.worker.errors import DataNodeReadingError, DataNodeWritingError
from asyncflow.worker.outcome import Raised
from asyncflow.worker.shortened import ERROR, REASON, TRACEBACK, shortened
from asyncflow.worker.values import fetch

_qualname = type.__dict__["__qualname__"].__get__
_module = type.__dict__["__module__"].__get__
_mro = type.__dict__["__mro__"].__get__
_traceback = BaseException.__dict__["__traceback__"].__get__
"""What is asked of a class, or of an error, past what that says of itself."""


def traceback_of(error: BaseException) -> TracebackType | None:
    """Return the traceback of an error."""
    found: TracebackType | None = _traceback(error)
    return found


def beyond_ours(error: BaseException) -> TracebackType | None:
    """Return the traceback of an error without its first entry, the frame of ours that
    called the user's function; with it where nothing follows.
    """
    here = traceback_of(error)
    return here.tb_next if here and here.tb_next else here


def raised(error: BaseException, shown: TracebackType | None) -> Raised:
    """Describe an error. Never raises.

    :param shown: where its traceback begins
    """
    try:
        return Raised(
            summary_of(error),
            _formatted(error, shown),
            _survivor(error),
            kinds=kinds_of(error),
        )
    except BaseException:  # no memory is left even for that
        return Raised(_NOT_DESCRIBED, "", None)


_NOT_DESCRIBED = "Exception: it could not be described"


def kinds_of(error: BaseException) -> tuple[str, ...]:
    """Return the names of the classes of an error, its own first; then those of what a
    function of the user's has raised, which it tells.
    """
    kinds = [*_mro(type(error))]

    if issubclass(type(error), DataNodeReadingError | DataNodeWritingError):
        kinds += [] if error.__cause__ is None else _mro(type(error.__cause__))

    return tuple(dict.fromkeys(map(_full_name, kinds)))


def summary_of(error: BaseException) -> str:
    """Say an error in one line: its type and the first line of its message.

    Of a long line the beginning and the end are told.
    """
    try:
        message = str.__str__(str(error))  # a subclass of str is the user's again
    except BaseException as inner:
        message = f"<its message raised {_qualname(type(inner))}>"

    first = message.strip().partition("\n")[0]
    name = _qualname(type(error))
    return shortened(f"{name}: {first}", REASON) if first else name


def _full_name(kind: type) -> str:
    return f"{_module(kind)}.{_qualname(kind)}"


def _formatted(error: BaseException, shown: TracebackType | None) -> str:
    """Format an error with its traceback; without its causes where those cannot be."""
    kind = type(error)

    try:
        lines = traceback.TracebackException(kind, error, shown, compact=True).format()
        text = "".join(shortened(line, TRACEBACK) for line in lines)
    except BaseException:
        text = _formatted_simply(error, shown)

    return shortened(text, TRACEBACK)


def _formatted_simply(error: BaseException, shown: TracebackType | None) -> str:
    try:
        head = "Traceback (most recent call last):\n"
        lines = [head, *traceback.format_tb(shown)] if shown else []
    except BaseException:
        lines = []

    return "".join([*lines, summary_of(error), "\n"])


def _survivor(error: BaseException) -> bytes | None:
    """Pickle an exception, where what is loaded again is like it and not large.

    One that makes its message from other arguments than it keeps is not made anew by
    them: it is put together again from its parts.
    """
    found = None

    for value in (error, _Parts(error)):
        try:
            data = dumps(value)

            if len(data) > ERROR:
                continue

            again = fetch(data)

            if type(again) is not type(error):
                continue

            if str(again) == str(error):
                return data

            found = found or data  # a message may differ each time, by an address
        except BaseException:  # noqa: S112  # the text of it is kept anyway
            continue

    return found


class _Parts:
    """Pickles as an exception that its own class is not asked to make."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __reduce__(self) -> tuple[object, ...]:
        error = self.error
        args = error.args

        if isinstance(error, BaseExceptionGroup):
            args = error.message, [*map(_Parts, error.exceptions)]

        return put_together, (type(error), args, dict(error.__dict__))


def put_together(
    kind: type[BaseException], args: tuple[object, ...], state: dict[str, object]
) -> BaseException:
    """Make an exception without running its `__init__`."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error
