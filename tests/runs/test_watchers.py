"""Those who wait for what happens in a run."""

from __future__ import annotations

from functools import partial

import pytest
from anyio import create_task_group, fail_after
from anyio.lowlevel import checkpoint

from asyncflow.abc import Progress
from asyncflow.config import Configuration
from asyncflow.runs.watchers import ProgressReports, Report, Watchers
from tests.support.runs import make

pytestmark = [pytest.mark.smoke, pytest.mark.anyio]


async def test_who_waits_for_a_change_is_told_the_next_one() -> None:
    watchers = Watchers()
    watchers.wake()  # nobody waits
    seen: list[str] = []

    async def wait() -> None:
        await watchers.next_change()
        seen.append("change")

    with fail_after(10):
        async with create_task_group() as group:
            group.start_soon(wait)
            group.start_soon(wait)

            while watchers.next is None:
                await checkpoint()

            assert not seen
            watchers.wake()

    assert seen == ["change"] * 2
    assert watchers.next is None


async def test_the_end_is_told_to_all_who_wait_for_it() -> None:
    watchers = Watchers()
    calls: list[str] = []
    watchers.when_finished(partial(calls.append, "one"))
    watchers.when_finished(partial(calls.append, "other"))

    with fail_after(10):
        async with create_task_group() as group:
            group.start_soon(watchers.over)
            await checkpoint()
            watchers.tell_end()

        await watchers.over()

    watchers.when_finished(partial(calls.append, "late"))
    assert calls == ["one", "other", "late"]


async def test_reports_are_kept_for_those_who_watch(config: Configuration) -> None:
    job = make(config, 1).job(0)
    watchers = Watchers()
    assert wishes(watchers) == (False, False)
    some, all_ = watchers.watch(), watchers.watch(is_whole=True)
    assert wishes(watchers) == (True, True)

    report = Report(job, 1, Progress(1, 2, ""), 2.0)
    watchers.take(report, 1)
    assert [*some.until(1)] == [*all_.until(1)] == [report]

    watchers.unwatch(all_)
    assert wishes(watchers) == (True, False)
    watchers.take(report, 1)
    assert some.has_news
    assert not all_.has_news


def wishes(watchers: Watchers) -> tuple[bool, bool]:
    return watchers.want_reports, watchers.want_all


@pytest.fixture
def reports() -> ProgressReports:
    return ProgressReports(is_whole=False)


def test_the_last_report_stands_where_the_first_was(
    config: Configuration, reports: ProgressReports
) -> None:
    job = make(config).job(0)
    first, last = (Report(job, 1, Progress(done, 9), 2.0) for done in (1, 2))
    reports.take(first, 3)
    reports.take(last, 8)
    assert list(reports.until(2)) == []
    assert reports.has_news
    assert list(reports.until(3)) == [last]
    assert not reports.has_news


def test_each_attempt_and_each_job_has_its_own(
    config: Configuration, reports: ProgressReports
) -> None:
    run = make(config)
    told = [
        Report(run.job(0), 1, Progress(1, 9), 2.0),
        Report(run.job(0), 2, Progress(2, 9), 3.0),
        Report(run.job(1), 1, Progress(3, 9), 4.0),
    ]

    for place, report in enumerate(told):
        reports.take(report, place)

    assert list(reports.until(1)) == told[:2]
    assert list(reports.until(9)) == told[2:]
