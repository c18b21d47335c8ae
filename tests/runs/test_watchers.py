"""Those who wait for what happens in a run."""

from __future__ import annotations

from functools import partial

import pytest
from anyio import create_task_group, fail_after
from anyio.lowlevel import checkpoint

from asyncflow.abc import Progress
from asyncflow.config import Configuration
from asyncflow.runs.progress import Report
from asyncflow.runs.watchers import Watchers
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
