"""References: what sections name, and what can be wrong with that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from asyncflow.config.registry import Registry, are_known
from asyncflow.config.section import Section
from asyncflow.errors import Problem


def sections_among(members: Iterable[object]) -> Iterator[Section]:
    """Yield those members that are sections."""
    return (member for member in members if isinstance(member, Section))


def keys_of(members: Iterable[object]) -> list[str]:
    """Return the keys of those members that are sections, in their order."""
    return [
        member.id if type(member.id) is str else member.key
        for member in members
        if isinstance(member, Section)
    ]


def not_registered(label: str, field: str, section: Section) -> Problem:
    """Make the problem of a section that this configuration does not have."""
    return Problem(
        section=label,
        field=field,
        message=f"{section.label} is not a section of this configuration",
        remedy="configure it on the Configuration that the Orchestrator is given",
    )


def members(
    label: str,
    field: str,
    given: Sequence[object],
    kind: type[Section],
    registry: Registry,
) -> Iterator[Problem]:
    """Report what is no section of the kind, and what is another configuration's."""
    known = registry.of_kind(kind)

    if are_known(given, known):  # as it mostly is: fast
        return

    for member in given:
        if not isinstance(member, kind):
            yield Problem(
                section=label,
                field=field,
                message=f"{shown(member)} is not a {kind.__name__}",
                remedy=f"give what Config.configure_{kind.kind.lower()} returned",
            )
        elif known.get(member.key) is not member:
            yield not_registered(label, field, member)


def shown(value: object) -> str:
    """Return how problems name what may be a section."""
    return value.label if isinstance(value, Section) else repr(value)


def twice(label: str, field: str, members: Collection[object]) -> Iterator[Problem]:
    """Report each section that is there more than once."""
    if len(members) < 2:
        return

    keys = keys_of(members)

    if len({*keys}) == len(keys):
        return

    for key, count in Counter(keys).items():
        if count > 1:
            yield Problem(
                section=label,
                field=field,
                message=f"{key!r} is there {count} times",
                remedy="leave it there once",
            )
