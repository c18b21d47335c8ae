"""Which things a command works on that changes something: it asks before it does much."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from asyncflow import ids
from asyncflow.cli.filters import are_given, filters, matching
from asyncflow.cli.ids import given, resolve
from asyncflow.cli.output import note, print_json
from asyncflow.cli.records import Reader
from asyncflow.options import Page

F = TypeVar("F", bound=Callable[..., Any])

RUNS = (ids.SUBMISSION, ids.SCENARIO)
"""What names runs: submissions, and scenarios for all of theirs."""


def selection(command: F) -> F:
    """Add the options that say what is worked on."""
    for option in reversed(_OPTIONS):
        command = option(command)

    return filters(command)


_OPTIONS = (
    click.option("--dry-run", is_flag=True, help="Only print what would be done."),
    click.option("-y", "--yes", is_flag=True, help="Do not ask."),
)


def selected(
    store: Reader,
    names: Sequence[str],
    kinds: Sequence[str],
    options: Mapping[str, Any],
) -> list[str]:
    """Return the ids that are meant: by themselves, or by filters.

    :param kinds: what may be meant; filters mean the first
    :raises click.UsageError: where neither is given, or both are
    """
    by_filter = are_given(options)

    if bool(names) == by_filter:
        raise click.UsageError(
            "give ids, `last`, `-` for those of standard input, or filters such as "
            "--status FAILED" + (": not both" if names else "")
        )

    if by_filter:
        return matching(store, kinds[0], options)

    found = [resolve(store, text, kinds) for text in given(names)]
    return [*dict.fromkeys(found)]


def unfinished_runs(
    store: Reader, names: Sequence[str], options: Mapping[str, Any]
) -> list[str]:
    """Return the ids of the runs that are meant and have not ended, and say if there is
    none: a scenario means all of its runs.

    :raises click.UsageError: where neither ids nor filters are given, or both are
    """
    found = selected(store, names, RUNS, options)
    runs = [run for entity_id in found for run in _runs(store, entity_id)]
    going = [run.id for run in runs if run.finished is None]

    if not going:
        note("nothing runs: it has ended already")

    return [*dict.fromkeys(going)]


def _runs(store: Reader, entity_id: str) -> list[Any]:
    if ids.kind_of(entity_id) == ids.SUBMISSION:
        return [store.find(entity_id)]

    return store.listed("submission", {"scenario": entity_id}, "date", Page())


def is_confirmed(
    verb: str, found: Sequence[str], options: Mapping[str, Any], *, as_json: bool
) -> bool:
    """Tell whether something is to be done: where it is much, somebody is asked.

    :param verb: what is done: ``Cancel``
    :param as_json: whether what would be done, or that it is nothing, is told so
    :raises click.UsageError: where nobody can be asked
    """
    if as_json and (options["dry_run"] or not found):
        print_json([{"id": entity_id, "would": verb.lower()} for entity_id in found])
        return False

    if options["dry_run"]:
        for entity_id in found:
            click.echo(f"would {verb.lower()} {entity_id}")

        return False

    is_one = len(found) <= 1 and not are_given(options)

    if not found or options["yes"] or is_one:
        return bool(found)

    if not sys.stdin.isatty():
        raise click.UsageError(
            f"this would {verb.lower()} {len(found)} of them: say --yes, or look with --dry-run"
        )

    for entity_id in found[:10]:
        click.echo(f"  {entity_id}", err=True)

    more = f" (and {len(found) - 10} more)" if len(found) > 10 else ""
    return click.confirm(f"{verb} these {len(found)}{more}?", err=True)
