"""Whether a value is valid, before it is written."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from asyncflow.worker.errors import ValueInvalid

MAX_ROWS = 20
"""How many wrong rows an error names."""


def validated(validator: Any, value: Any, name: str) -> Any:
    """Return a value that a validator accepts, in the form in which it does.

    :param name: the data node
    :raises ValueInvalid: where it refuses it
    """
    ask, rule = _asked(validator)

    try:
        answer = ask(value)
    except Exception as error:
        raise _invalid(error, name, rule) from error

    if inspect.iscoroutine(answer):
        answer.close()
        why = "it returned a coroutine, which nobody awaits: give a plain function"
        raise ValueInvalid(name, rule, why, ())

    if _refuses(answer, value):
        raise ValueInvalid(name, rule, "it returned False", ())

    is_form = ask is not validator and type(answer) is type(value)
    return answer if is_form else value


def _refuses(answer: Any, value: Any) -> bool:
    """Tell whether an answer is False: that of Python, or of NumPy as pandas gives it, or
    an array or a column with one that is.

    A validator may also return the value itself, of which nothing is asked.
    """
    if not _is_boolean(answer):
        return answer is False

    is_one = getattr(answer, "ndim", 1) == 0
    return (is_one or not _is_boolean(value)) and not answer.all()


def _is_boolean(value: Any) -> bool:
    """Tell whether a scalar, an array or a column of some library is of booleans."""
    return str(getattr(value, "dtype", "")).lower() in ("bool", "boolean")


def _asked(validator: Any) -> tuple[Callable[[Any], Any], str]:
    """Return what is called with a value, and how it is named."""
    for method in ("model_validate", "validate"):
        if callable(ask := getattr(validator, method, None)):
            name = getattr(validator, "__qualname__", None) or type(validator).__name__
            return _whole(ask), getattr(validator, "name", None) or name

    return validator, getattr(validator, "__qualname__", None) or repr(validator)


def _whole(ask: Callable[..., Any]) -> Callable[[Any], Any]:
    """Have all that is wrong told at once, by what can do so."""
    try:
        takes = inspect.signature(ask).parameters
    except (TypeError, ValueError):  # of what is not Python
        return ask

    return partial(ask, lazy=True) if "lazy" in takes else ask


def _told(cases: Any) -> str:
    """Say in one line which columns break which rules, as pandera lists them."""
    if not {"column", "check", "failure_case"} <= {*getattr(cases, "columns", ())}:
        return ""

    head = cases.head(MAX_ROWS)
    found = head.to_dicts() if hasattr(head, "to_dicts") else head.to_dict("records")
    broken: dict[str, list[str]] = {}

    for failure in found:
        rule = f"column {failure['column']!r} breaks {failure['check']}"
        broken.setdefault(rule, []).append(f"{failure['failure_case']}")

    return "; ".join(f"{rule}: {', '.join(them)}" for rule, them in broken.items())


def _invalid(error: Exception, name: str, rule: str) -> ValueInvalid:
    cases: Any = getattr(error, "failure_cases", None)  # of pandera
    rows: tuple[Any, ...] = ()

    if hasattr(cases, "columns") and "index" in cases.columns:
        found = cases["index"]
        known = found.drop_nulls() if hasattr(found, "drop_nulls") else found.dropna()
        rows = tuple(known.head(MAX_ROWS).to_list())

    check = getattr(error, "check", None)
    rule = f"{rule} ({check})" if check is not None else rule
    why = f"{type(error).__name__}: {_told(cases) or error}"
    return ValueInvalid(name, rule, why[:2000], rows)
