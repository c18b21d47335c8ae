"""How the jobs of a task are called: what travels, where to, and with which others."""

from __future__ import annotations

import linecache
from collections.abc import AsyncIterator
from typing import Any

import pytest
from anyio import create_task_group
from anyio.abc import TaskGroup

from asyncflow import Configuration
from asyncflow.abc import Executor
from asyncflow.config.sections import TaskConfig
from asyncflow.dispatch import call_spec as durations
from asyncflow.dispatch.call_spec import (
    REMEMBERED_BYTES,
    CallSpec,
    CallSpecs,
    DurationEstimate,
    DurationEstimates,
)
from asyncflow.errors import NotPicklable, UsageError
from asyncflow.executors import ASYNC
from asyncflow.executors.dask.executor import DaskExecutor
from asyncflow.task_group import Tasks
from tests.support import flows

pytestmark = pytest.mark.anyio


@pytest.fixture
async def specs() -> AsyncIterator[CallSpecs]:
    async with create_task_group() as group:
        yield specs_of("standalone", group)


def specs_of(mode: str, group: TaskGroup) -> CallSpecs:
    return CallSpecs(
        executors=["process", "thread"],
        mode=mode,
        group=Tasks(group),
        pin=lambda *, have_run=False: None,
    )


def task(
    config: Configuration, function: flows.Function = flows.double, **options: Any
) -> TaskConfig:
    (found,) = flows.single(config, function, **options).task_configs
    return found


def spec_of(specs: CallSpecs, config: TaskConfig) -> CallSpec:
    (spec,) = specs.of_all([config], force=False)
    return spec


async def test_a_function_is_pickled_for_other_processes_alone(
    config: Configuration, specs: CallSpecs
) -> None:
    far, near = task(config), task(config, executor="thread")
    one, other = specs.of_all([far, near], force=False)
    assert (one.executor, other.executor) == ("process", "thread")
    assert one.code is not None
    assert other.code is None
    assert (one.can_share_batch, other.can_share_batch) == (True, False)


async def test_a_coroutine_function_has_its_own_executor(
    config: Configuration, specs: CallSpecs
) -> None:
    async def work(value: int) -> int:
        return value

    spec = spec_of(specs, task(config, work))
    assert (spec.executor, spec.is_async, spec.code) == (ASYNC, True, None)


async def test_what_cannot_change_is_remembered(
    config: Configuration, specs: CallSpecs
) -> None:
    by_name, by_value = task(config), task(config, lambda value: value)
    first = specs.of_all([by_name, by_value], force=False)
    again = specs.of_all([by_name, by_value], force=False)
    assert again[0] is first[0]
    assert again[1] is not first[1]
    assert again[1].code == first[1].code
    (forced,) = specs.of_all([by_name], force=True)
    assert (forced.force, forced.code) == (True, first[0].code)
    assert not spec_of(specs, by_name).force


async def test_submits_that_follow_each_other_closely_share_a_look(
    config: Configuration, specs: CallSpecs, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[bool] = []

    def pin(*, have_run: bool = False) -> None:
        looks.append(have_run)

    def submit(*, force: bool = False) -> None:
        specs.is_close = len(looks) > 0
        specs.of_all(kinds, force=force)

    specs.pin = pin
    kinds = (task(config),)
    specs.of_all(kinds, force=False)[0].duration.add(0.001)
    looks.clear()
    submit()
    submit()
    submit()
    assert looks == [True]
    submit(force=True)
    assert looks == [True] * 2
    submit()
    submit()
    assert looks == [True] * 3
    monkeypatch.syspath_prepend("/nowhere")
    submit()
    submit()
    assert looks == [True] * 4
    monkeypatch.syspath_prepend("somewhere")  # so it depends on the folder
    submit()
    submit()
    assert looks == [True] * 6


@pytest.mark.parametrize(
    ("options", "can_share"),
    [
        ({}, True),
        ({"run_timeout": 5.0}, True),
        ({"run_timeout": 0.1}, False),
        ({"stall_timeout": 0.1}, False),
        ({"on_restart": "fail"}, False),
    ],
)
async def test_a_job_whose_start_must_be_known_runs_alone(
    config: Configuration, specs: CallSpecs, options: dict[str, Any], can_share: bool
) -> None:
    spec = spec_of(specs, task(config, **options))
    assert (spec.can_share_batch, spec.can_chain) == (can_share, can_share)


async def test_a_skippable_task_has_a_fingerprint_and_follows_nothing(
    config: Configuration, specs: CallSpecs
) -> None:
    spec = spec_of(specs, task(config, skippable=True))
    assert spec.fingerprint is not None
    assert (spec.can_share_batch, spec.can_chain) == (True, False)


async def test_an_executor_that_is_not_open_is_named(
    config: Configuration, specs: CallSpecs
) -> None:
    with pytest.raises(UsageError, match="'inline' of task 'work' is not open"):
        spec_of(specs, task(config, executor="inline"))


async def test_a_function_that_cannot_be_sent_is_named(
    config: Configuration, specs: CallSpecs
) -> None:
    held = (one for one in [1])

    def work(value: int) -> object:
        return value, held

    with pytest.raises(NotPicklable, match="the function of task 'work'"):
        spec_of(specs, task(config, work))


async def test_the_text_of_a_cell_travels_with_its_function(
    config: Configuration, specs: CallSpecs, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "def cell(value):\n    return value\n"
    entry = len(text), None, text.splitlines(keepends=True), "<cell 1>"
    monkeypatch.setitem(linecache.cache, "<cell 1>", entry)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, "<cell 1>", "exec"), names)
    spec = spec_of(specs, task(config, names["cell"]))
    assert spec.sources == {"<cell 1>": text}
    assert spec_of(specs, task(config)).sources is None


async def test_what_is_short_in_a_cluster_is_longer_and_so_are_limits(
    config: Configuration,
) -> None:
    async with create_task_group() as group:
        specs = specs_of("cluster", group)
        found = [spec_of(specs, task(config, run_timeout=limit)) for limit in (1, 2)]

    found[0].duration.add(DaskExecutor.max_short)
    assert found[0].duration.is_short
    assert [spec.can_share_batch for spec in found] == [False, True]


def test_a_function_is_short_once_that_is_known() -> None:
    estimate = DurationEstimate()
    assert not estimate.is_short
    estimate.add(Executor.max_short)
    assert estimate.is_short


def test_a_long_job_weighs_more_than_a_short_one() -> None:
    estimate = DurationEstimate(1.0)
    estimate.add(3.0)
    assert estimate.seconds == pytest.approx(2.0)
    estimate.add(1.0)
    assert estimate.seconds == pytest.approx(1.9)


def test_so_many_estimates_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durations, "REMEMBERED", 2)
    known = DurationEstimates()
    first, second, _ = [known.of(code)[0] for code in (b"a", b"b", b"c")]
    assert known.of(b"b")[0] is second
    assert known.of(b"a")[0] is not first


def test_functions_that_are_remembered_are_bounded_by_their_size() -> None:
    paces = DurationEstimates()
    small = bytes(100)
    pace, code = paces.of(small)
    assert code is small

    for number in range(20):
        large = number.to_bytes(4_000_000, "little")
        assert paces.of(large)[1] is large
        again = paces.of(number.to_bytes(4_000_000, "little"))
        assert again == (paces.of(large)[0], large)
        assert again[1] is large

    assert sum(map(len, paces._codes.values())) == paces._size <= REMEMBERED_BYTES
    assert paces.of(bytes(100))[0] is pace  # an estimate is remembered for longer

    huge = bytes(REMEMBERED_BYTES + 1)
    assert paces.of(huge)[1] is huge
    assert paces._size <= REMEMBERED_BYTES
