"""Fields that take one of a few values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from asyncflow.errors import Problem


def one_of(value: object, known: Collection[str]) -> str:
    """Make the remedy for a value that is not among the known ones."""
    return f"{meant(value, known)}choose one of {', '.join(map(repr, known))}"


def meant(value: object, known: Iterable[object]) -> str:
    """Ask whether the known value that is most like it was meant, if one is."""
    if not isinstance(value, str):
        return ""

    import difflib

    texts = [text for text in known if isinstance(text, str)]
    close = difflib.get_close_matches(value, texts, 1)
    return f"did you mean {close[0]!r}? " if close else ""


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
