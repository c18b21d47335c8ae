"""``asyncflow list``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from asyncflow import ids
from asyncflow.cli.filters import filters, wanted
from asyncflow.cli.ids import completion, resolve
from asyncflow.cli.output import (
    facts_of,
    json_option,
    lasted,
    note,
    print_json,
    print_table,
    shown_date,
    shown_duration,
)
from asyncflow.cli.owners import advice, is_left
from asyncflow.cli.records import Reader, reader, store_option
from asyncflow.options import Page

SORTS: dict[str, tuple[str, ...]] = {
    "submissions": ("date", "duration", "status", "config", "id"),
    "scenarios": ("date", "name", "config", "id"),
    "jobs": ("date", "duration", "status", "config", "id"),
}
LIMIT = 20
"""How many are on a page."""
MOST = 2**62
"""How many that may be: SQLite counts no further than twice as far."""


@click.command(name="list", short_help="List submissions, scenarios or jobs.")
@click.argument("what", type=click.Choice([*SORTS]), default="submissions")
@filters
@click.option(
    "--submission",
    metavar="ID",
    shell_complete=completion(ids.SUBMISSION),
    help="Only jobs of this submission.",
)
@click.option(
    "--sort",
    type=click.Choice(["date", "duration", "status", "name", "config", "id"]),
    default="date",
    show_default=True,
    help="What they are sorted by; the last comes first.",
)
@click.option("--reverse", is_flag=True, help="Turn the order round.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(0),
    default=LIMIT,
    show_default=True,
    help="How many at most; 0 for all.",
)
@click.option("--offset", type=click.IntRange(0), default=0, help="How many to skip.")
@click.option("--ids", "ids_only", is_flag=True, help="Print ids alone, one a line.")
@json_option
@store_option
def command(what: str, sort: str, ids_only: bool, as_json: bool, **given: Any) -> None:
    """List submissions (runs), scenarios or jobs, the newest first.

    \b
      asyncflow list                              the last 20 runs
      asyncflow list jobs --status FAILED         jobs that failed
      asyncflow list scenarios --tag best -n 0    all with a tag
      asyncflow list --older 30d -n 0 --ids | asyncflow delete - --yes
    """
    if sort not in SORTS[what]:
        raise click.UsageError(f"{what} are sorted by {', '.join(SORTS[what])}")

    if ids_only and as_json:
        raise click.UsageError("--ids prints ids alone: leave out --json, or --ids")

    with reader(given["store"]) as store:
        records, has_more = _records(store, what, sort, given)

        if ids_only:
            for record in records:
                click.echo(record.id)
        elif as_json:
            print_json(_facts(store, what, records))
        else:
            columns, rows = _TABLES[what](store, records)
            print_table(columns, rows)

            if what == "submissions":
                _tell_left(store, records)

            if not records:
                note(f"no {what} are found in {store.file}")

    if has_more and not as_json and not ids_only:
        after = given["offset"] + given["limit"]
        note(f"there are more: --offset {after} shows the next ones, -n 0 all")


def _tell_left(store: Reader, records: Sequence[Any]) -> None:
    """Say which runs count as running, but are not."""
    left = [record.id for record in records if is_left(store, record)]

    if left:
        note(
            "nobody drives these any more, as their process has ended: "
            f"{', '.join(left)}: {advice('ID')}"
        )


def _records(
    store: Reader, what: str, sort: str, given: Mapping[str, Any]
) -> tuple[list[Any], bool]:
    """Return a page, and whether others follow."""
    table = what.removesuffix("s")
    found = wanted(store, table, given)

    if text := given["submission"]:
        if what != "jobs":
            raise click.UsageError("--submission lists jobs: asyncflow list jobs")

        found["submission"] = resolve(store, text, [ids.SUBMISSION])

    limit, offset = (min(given[name], MOST) for name in ("limit", "offset"))
    page = Page(not given["reverse"], limit + 1 if limit else None, offset)
    records = store.listed(table, found, sort, page)
    return (records[:limit], len(records) > limit) if limit else (records, False)


def _facts(store: Reader, what: str, records: Sequence[Any]) -> list[dict[str, Any]]:
    """Return what is listed as plain data."""
    facts = [facts_of(record) for record in records]

    if what == "jobs":
        for fact, record in zip(facts, records, strict=True):
            fact["task"] = ids.config_of(record.id)
            fact["duration"] = _duration(record)

    if what == "submissions":
        counts, named = _counts(store, records), _scenarios(store, records)

        for fact, record in zip(facts, records, strict=True):
            del fact["graph"]
            fact["config_id"], fact["name"] = named.get(
                record.scenario_id, (None, None)
            )
            fact["jobs"] = counts.get(record.id, {})
            fact["tasks"] = len(json.loads(record.graph))

    if what == "scenarios":
        last = _last(store, records)

        for fact, record in zip(facts, records, strict=True):
            submission_id, status = last.get(record.id, (None, None))
            fact["last_submission_id"], fact["last_status"] = submission_id, status

    return facts


def _submissions(store: Reader, records: Sequence[Any]) -> Any:
    counts, named = _counts(store, records), _scenarios(store, records)
    rows = []

    for run in records:
        config_id, name = named.get(run.scenario_id, ("?", None))
        ended = counts.get(run.id, {})
        done = sum(count for status, count in ended.items() if status in _ENDED)
        failed = ended.get("FAILED", 0)
        jobs = f"{done}/{len(json.loads(run.graph))}"
        rows.append(
            (
                *(run.id, str(run.status), config_id, name or ""),
                f"{jobs} ({failed} failed)" if failed else jobs,
                shown_date(run.submitted),
                shown_duration(lasted(run.submitted, run.finished)),
            )
        )

    return ("SUBMISSION", "STATUS", "CONFIG", "NAME", "JOBS", "SUBMITTED", "TOOK"), rows


def _scenario_rows(store: Reader, records: Sequence[Any]) -> Any:
    last = _last(store, records)
    rows = [
        (
            *(
                scenario.id,
                scenario.config_id,
                scenario.name or "",
                ", ".join(scenario.tags),
            ),
            shown_date(scenario.created),
            last.get(scenario.id, ("", "never ran"))[1],
        )
        for scenario in records
    ]
    return ("SCENARIO", "CONFIG", "NAME", "TAGS", "CREATED", "LAST RUN"), rows


def _jobs(_: Reader, records: Sequence[Any]) -> Any:
    rows = [
        (
            *(job.id, str(job.status), ids.config_of(job.id)),
            shown_date(job.started),
            shown_duration(_duration(job)),
            job.reason,
        )
        for job in records
    ]
    return ("JOB", "STATUS", "TASK", "STARTED", "TOOK", "REASON"), rows


_TABLES: dict[str, Callable[[Reader, Sequence[Any]], Any]] = {
    "submissions": _submissions,
    "scenarios": _scenario_rows,
    "jobs": _jobs,
}
_ENDED = frozenset({"COMPLETED", "SKIPPED", "FAILED", "CANCELED", "ABANDONED"})


def _duration(job: Any) -> float | None:
    return lasted(job.started, job.finished)


def _counts(store: Reader, records: Sequence[Any]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}

    for submission_id, status, count in store.facts(
        "job_counts", [record.id for record in records]
    ):
        found.setdefault(submission_id, {})[status] = count

    return found


def _scenarios(store: Reader, records: Sequence[Any]) -> dict[str, tuple[str, Any]]:
    wanted_ids = {record.scenario_id for record in records}
    rows = store.facts("scenarios_of", wanted_ids)
    return {scenario_id: (config_id, name) for scenario_id, config_id, name in rows}


def _last(store: Reader, records: Sequence[Any]) -> dict[str, tuple[str, str]]:
    rows = store.facts("last_submissions", [record.id for record in records])
    return {scenario_id: (run_id, status) for scenario_id, run_id, status in rows}
