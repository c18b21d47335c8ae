"""Fields that take one of a few values, and arguments that have one of a few names."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from types import CodeType, FunctionType
from typing import Any, TypeVar

from asyncflow import ids
from asyncflow.errors import Problem

C = TypeVar("C", bound=type[Any])
F = TypeVar("F", bound=Callable[..., Any])


def one_of(value: object, known: Collection[str]) -> str:
    """Make the remedy for a value that is not among the known ones."""
    if not known:
        return "there are none"

    return f"{meant(value, known)}choose one of {', '.join(map(repr, known))}"


def meant(value: object, known: Iterable[object]) -> str:
    """Ask whether the known value that is most like it was meant, if one is."""
    close = most_like(value, known)
    return "" if close is None else f"did you mean {close!r}? "


def most_like(
    value: object, known: Iterable[object], likeness: float = 0.6
) -> str | None:
    """Return the known text that is most like a value; None where none is.

    :param likeness: how much alike they are at least, from 0 to 1
    """
    if not isinstance(value, str):
        return None

    import difflib

    texts = [text for text in known if isinstance(text, str)]
    close = difflib.get_close_matches(value, texts, 1, likeness)
    return close[0] if close else None


def choice(
    label: str, field: str, value: object, known: Collection[str]
) -> Iterator[Problem]:
    """Yield a problem if a value is not among the known ones."""
    if not isinstance(value, str) or value not in known:
        yield Problem(
            section=label,
            field=field,
            message=f"{value!r} is not known",
            remedy=one_of(value, known),
        )


def flag(label: str, field: str, value: object) -> Iterator[Problem]:
    """Yield a problem if a value is not a bool."""
    if not isinstance(value, bool):
        yield Problem(
            section=label,
            field=field,
            message=f"{value!r} is not a bool",
            remedy="give True or False",
        )


def no_section(kind: str, given: object, known: Collection[str]) -> Problem:
    """Make the problem of an id that nothing was configured under.

    :param kind: ``SCENARIO`` or ``DATA_NODE``
    :raises TypeError: where no id was given, and no section of the kind
    """
    noun = kind.lower().replace("_", " ")

    if not isinstance(given, str):
        raise TypeError(
            f"the config of a {noun}, or its id, is given; got {given!r:.100}"
        )

    remedy = f"{one_of(given, sorted(known))}, or " if known else ""
    return Problem(
        section=f"{kind}.{given}",
        field="",
        message=f"this configuration has no such {noun}",
        remedy=f"{remedy}configure it on the Configuration that the Orchestrator "
        "was given",
    )


def check_submittable(entity: object) -> None:
    """Refuse what is no scenario, sequence or task.

    :raises TypeError: where it cannot be submitted
    """
    if not hasattr(type(entity), "submit"):
        remedy = (
            "get what has that id first, with `await orchestrator.get(...)`"
            if isinstance(entity, str) and ids.kind_of(entity) in ids.SUBMITTABLE
            else "create a scenario of a config with create_scenario() first"
        )
        raise TypeError(
            f"a scenario, a sequence or a task is submitted; got {entity!r:.100}: {remedy}"
        )


def names_arguments(cls: C) -> C:
    """Have a class name the argument that was meant by one that it has not."""
    return names_arguments_beside("", ())(cls)


def names_arguments_beside(place: str, names: Collection[str]) -> Callable[[C], C]:
    """Do the same for a class whose arguments are easily taken for another's.

    :param place: what takes those names
    """

    def decorate(cls: C) -> C:
        hints = dict.fromkeys(names, f"{place} takes it; ")
        cls.__init__ = _naming(cls.__init__, lambda owner: type(owner).__name__, hints)
        return cls

    return decorate


def verbs_name_arguments(cls: C) -> C:
    """Have the verbs of a class name the argument that was meant by another one.

    Those that take any name, for properties, look at it themselves.
    """
    for name, verb in [*vars(cls).items()]:
        is_verb = isinstance(verb, FunctionType) and not name.startswith("_")

        if is_verb and not _code(verb).co_flags & inspect.CO_VARKEYWORDS:
            setattr(cls, name, _naming(verb, _called(name)))

    return cls


def names_own_arguments(function: F) -> F:
    """Have a function name the argument that was meant by one that it has not."""
    made: F = _naming(function, lambda _: function.__name__)
    return made


def shown_without_unknown(verb: F) -> F:
    """Show a verb without its last parameter: it refuses the names that this takes."""
    signature = inspect.signature(verb)
    *shown, _ = signature.parameters.values()
    vars(verb)["__signature__"] = signature.replace(parameters=shown)
    return verb


def _called(verb: str) -> Callable[[object], str]:
    return lambda owner: f"{type(owner).__name__}.{verb}"


def _naming(
    function: Any, called: Callable[[object], str], hints: Mapping[str, str] = {}
) -> Any:
    """Make a function that looks at the names of its arguments first.

    :param called: how it is called, by its first argument
    :param hints: what to say of some names
    """
    code = _code(function)
    known = frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])

    def named(*args: Any, **given: Any) -> Any:
        if given and not known.issuperset(given):
            raise unknown_argument(
                function, called(args[0] if args else None), given, hints
            )

        return function(*args, **given)

    async def named_coroutine(*args: Any, **given: Any) -> Any:
        if given and not known.issuperset(given):
            raise unknown_argument(
                function, called(args[0] if args else None), given, hints
            )

        return await function(*args, **given)

    # All of it is done for many verbs as a program starts.
    is_async = function.__code__.co_flags & inspect.CO_COROUTINE
    return functools.wraps(function)(named_coroutine if is_async else named)


def _code(function: Any) -> CodeType:
    """Return the code of what a function is made from: its parameters are those."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__

    code: CodeType = function.__code__
    return code


def unknown_argument(
    function: Any, called: str, given: Iterable[str], hints: Mapping[str, str] = {}
) -> TypeError:
    """Make the error of a name that a function does not take."""
    parameters = inspect.signature(function).parameters.values()
    names = [parameter.name for parameter in parameters if parameter.name != "self"]
    many = [
        f"*{parameter.name}"
        for parameter in parameters
        if parameter.kind is parameter.VAR_POSITIONAL
    ]
    name = next(name for name in given if name not in names)
    takes = [*many, *(name for name in names if f"*{name}" not in many)]
    hint = hints.get(name) or meant(name, names)
    return TypeError(
        f"{called}() has no argument {name!r}: {hint}"
        f"it takes {', '.join(takes) or 'none'}"
    )


def known_status(status: str | None, kind: type[StrEnum]) -> str | None:
    """Return a status, or None.

    :raises ValueError: where there is none of this text
    """
    if status is None or status in (known := [*kind]):
        return status

    why = one_of(status, [*map(str, known)])
    raise ValueError(f"there is no status {status!r}: {why}")


NOUNS = {
    ids.SCENARIO: "a scenario",
    ids.SEQUENCE: "a sequence",
    ids.TASK: "a task",
    ids.DATA_NODE: "a data node",
    ids.SUBMISSION: "a submission",
    ids.JOB: "a job",
    ids.CYCLE: "a cycle",
}
"""What messages call the kinds of entities."""


def id_of_kind(given: Any, *kinds: str) -> str:
    """Return the id of an entity of some kinds, or of what it is the id of.

    A text that is no id at all is returned: nothing is found under it.

    :raises TypeError: where it is something else
    """
    entity_id = getattr(given, "id", given)
    kind = ids.kind_of(entity_id) if isinstance(entity_id, str) else None

    if kind in kinds or (isinstance(given, str) and kind not in NOUNS):
        return str(entity_id)

    raise TypeError(f"{_one_of_kinds(kinds)} is given, or its id; got {_shown(given)}")


def check_entity(given: object, *kinds: str) -> None:
    """Refuse what is no entity of some kinds, also the id of one.

    :raises TypeError: where it is something else
    """
    if not isinstance(given, str):
        id_of_kind(given, *kinds)
        return

    raise TypeError(
        f"{_one_of_kinds(kinds)} is given; got {_shown(given)}: get what has an id with "
        "`await orchestrator.get(...)` first"
    )


def _one_of_kinds(kinds: Collection[str]) -> str:
    *first, last = (NOUNS[kind] for kind in kinds)
    return f"{', '.join(first)} or {last}" if first else last


def _shown(given: object) -> str:
    """Show what was given, with what kind an id is of."""
    noun = NOUNS.get(ids.kind_of(given)) if isinstance(given, str) else None
    return f"{given!r:.100}" if noun is None else f"the id of {noun}, {given!r:.100}"


def id_of(entity: Any) -> str:
    """Return the id of something, or of what it is the id of."""
    return check_id(getattr(entity, "id", entity))


def check_id(entity_id: object) -> str:
    """Refuse what is no id.

    :raises TypeError: where it is no text
    """
    if isinstance(entity_id, str):
        return entity_id

    raise TypeError(f"an id is a text, such as scenario.id; got {entity_id!r}")
