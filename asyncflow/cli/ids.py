"""Which things are meant: ids, their beginnings, ``last``, and those of standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

from asyncflow import ids
from asyncflow.cli.records import Reader, reader
from asyncflow.options import Page

LAST = "last"
TABLES = {
    ids.SUBMISSION: "submission",
    ids.JOB: "job",
    ids.SCENARIO: "scenario",
    ids.CYCLE: "cycle",
    ids.DATA_NODE: "data_node",
}
_LISTED = {ids.JOB: "jobs", ids.SCENARIO: "scenarios"}
SHOWN = 4
"""How many ids are named that begin alike."""


def resolve(store: Reader, text: str, kinds: Sequence[str]) -> str:
    """Return the id that is meant.

    :param text: an id, the beginning of one or of its key, or ``last``
    :param kinds: what may be meant; ``last`` is of the first
    :raises click.UsageError: where nothing is meant, or several are
    """
    if text == LAST:
        return _last(store, kinds[0])

    kind = ids.kind_of(text)

    if kind in TABLES and kind not in kinds:
        wanted = " or ".join(_word(kind) for kind in kinds)
        raise click.UsageError(f"{text} is a {_word(kind)}: this takes a {wanted}")

    found: list[str] = []

    for table in kinds:
        for prefix in (text, f"{table}_{text}"):
            found += store.starting(TABLES[table], prefix, SHOWN + 1)

        if text in found:
            return text

    found = [*dict.fromkeys(found)]

    if len(found) == 1:
        return found[0]

    if not found:
        words = " or ".join(_word(kind) for kind in kinds)
        listed = _LISTED.get(kind if kind in kinds else kinds[0], "submissions")
        raise click.UsageError(
            f"there is no {words} {text!r} in {store.file}: "
            f"`asyncflow list {listed}` shows what there is"
        )

    names = "".join(f"\n  {line}" for line in found[:SHOWN])
    more = "\n  ..." if len(found) > SHOWN else ""
    raise click.UsageError(
        f"several ids begin with {text!r}: give more of it{names}{more}"
    )


def given(texts: Iterable[str]) -> list[str]:
    """Return what was given; ``-`` stands for the first words of the lines of standard
    input.
    """
    found: list[str] = []

    for text in texts:
        if text == "-":
            found += [line.split()[0] for line in sys.stdin if line.strip()]
        else:
            found.append(text)

    return found


def completion(*kinds: str) -> Any:
    """Make what completes ids of some kinds in a shell."""

    def complete(
        ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[Any]:
        try:
            with reader(ctx.params.get("store")) as store:
                found = [
                    entity_id
                    for kind in kinds
                    for entity_id in store.starting(
                        TABLES[kind], incomplete or kind, 50
                    )
                ]
        except Exception:  # a shell shows no errors while one types
            return []

        extra = [LAST] if LAST.startswith(incomplete) else []
        return [*extra, *found]

    return complete


def _last(store: Reader, kind: str) -> str:
    found = store.listed(TABLES[kind], {}, "date", Page(True, 1, 0))

    if not found:
        raise click.UsageError(f"there is no {_word(kind)} in {store.file} yet")

    return str(found[0].id)


def _word(kind: str) -> str:
    return TABLES[kind].replace("_", " ")
