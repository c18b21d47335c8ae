"""Fields that take one of a few values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from asyncflow.errors import Problem


def one_of(value: object, known: Collection[str]) -> str:
    """Make the remedy for a value that is not among the known ones."""
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
