"""Submissions that are sought by more than a look at each of them, among some in memory."""

from __future__ import annotations

from collections.abc import Iterator

from asyncflow.options import Page, SubmissionFilter
from asyncflow.records import ScenarioRecord, SubmissionRecord
from asyncflow.status import Status
from asyncflow.stores._submission_list import small
from asyncflow.stores._tables import Tables


def sought(
    tables: Tables,
    runs: list[SubmissionRecord],
    where: SubmissionFilter,
    page: Page | None,
) -> list[SubmissionRecord]:
    """Return those of some submissions that a filter lets pass, in its order.

    :param page: how they will be turned round
    """
    scenarios = tables.scenarios.records
    found = [
        run for run in runs if _has(tables, run, scenarios.get(run.scenario_id), where)
    ]

    if not where.by_duration and where.after_id is None:
        return found

    places = {run_id: place for place, run_id in enumerate(tables.submissions.records)}

    def key(run: SubmissionRecord) -> tuple[float, int]:
        return _duration(run) if where.by_duration else 0.0, places[run.id]

    found.sort(key=key)

    if where.after_id is None:
        return found

    last = tables.submissions.records.get(where.after_id)

    if last is None:
        return []

    if page is not None and page.newest_first:
        return [run for run in found if key(run) < key(last)]

    return [run for run in found if key(run) > key(last)]


def _has(
    tables: Tables,
    run: SubmissionRecord,
    scenario: ScenarioRecord | None,
    where: SubmissionFilter,
) -> bool:
    begin, end = where.submitted_from, where.submitted_to

    if begin is not None and run.submitted < begin:
        return False

    if end is not None and run.submitted >= end:
        return False

    name = scenario.name if scenario is not None else None

    if where.text is not None and not any(
        small(where.text) in small(text) for text in _texts(tables, run, name or "")
    ):
        return False

    wanted = (where.labels, where.config_id, where.cycle_id, where.tag)
    return wanted == (None,) * 4 or (
        scenario is not None
        and (where.labels is None or scenario.version in where.labels)
        and where.config_id in (None, scenario.config_id)
        and where.cycle_id in (None, scenario.cycle_id)
        and (where.tag is None or where.tag in scenario.tags)
    )


def _texts(tables: Tables, run: SubmissionRecord, name: str) -> Iterator[str]:
    """Give what a text is looked for in: also why jobs of a run have failed.

    :param name: that of its scenario
    """
    yield from (run.id, run.reason, name)

    for job in tables.jobs.found(submission_id=run.id, status=Status.FAILED):
        yield job.reason


def _duration(run: SubmissionRecord) -> float:
    return float("inf") if run.finished is None else run.finished - run.submitted
