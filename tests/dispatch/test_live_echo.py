"""The live echo: what jobs print is shown while they run, each line with its task."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest
from anyio import fail_after, to_thread

from asyncflow import Orchestrator
from asyncflow.dispatch import echo
from asyncflow.dispatch.live_echo import Lines
from asyncflow.worker.streams import framed
from tests.support import flows
from tests.support.flows import configuration, single

PATIENCE = 40


def shown(lines: Lines, *texts: str) -> list[tuple[str, str | bytes]]:
    return [(name, text) for name, text, _ in lines.take(texts)]


def test_a_line_is_shown_once_it_is_whole() -> None:
    lines = Lines("[work] ")
    assert shown(lines, "a", "b") == []
    assert shown(lines, "c\nd\ne") == [("stdout", "[work] abc\n[work] d\n")]
    assert [text for _, text, _ in lines.rest()] == ["[work] e\n"]
    assert list(lines.rest()) == []


def test_each_stream_has_its_own_line() -> None:
    lines = Lines("[work] ")
    note = framed(b"no", "stderr").decode()
    assert shown(lines, f"row {note}") == []
    record = framed(b"a record\n", "log").decode()  # the loggers have it
    end = framed(b"te\n", "stderr").decode()
    assert shown(lines, f"1\n{record}{end}") == [
        ("stdout", "[work] row 1\n"),
        ("stderr", "[work] note\n"),
    ]


def test_a_stream_goes_on_in_the_next_piece() -> None:
    lines = Lines("")
    begin, _, end = framed(b"a\nb\n", "stderr").decode().partition("\n")
    assert shown(lines, f"{begin}\n", end) == [("stderr", "a\n"), ("stderr", "b\n")]


def print_and_wait(folder: str) -> None:
    print("row 1")
    print("note 1", file=sys.stderr)
    flows.wait_for_file(f"{folder}/python")
    os.system("echo row of a child; echo note of a child >&2")
    flows.wait_for_file(f"{folder}/child")
    print("no end of line", end="")


class Shown:
    """A stream that tells of what is written to it."""

    def __init__(self) -> None:
        self.text = ""
        self._has_come = threading.Condition()

    def write(self, text: str) -> None:
        with self._has_come:
            self.text += text
            self._has_come.notify_all()

    def wait_for(self, text: str) -> None:
        with self._has_come:
            assert self._has_come.wait_for(lambda: text in self.text, PATIENCE), text


def print_lines(count: int) -> None:
    for number in range(count):
        print("line", number, file=(sys.stdout, sys.stderr)[number % 2])


@pytest.mark.anyio
@pytest.mark.parametrize("executor", ["process", "thread"])
async def test_what_a_job_prints_is_shown_while_it_runs(
    executor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configuration(workers=1, echo="live")
    cfg = single(config, print_and_wait, str(tmp_path), executor=executor)
    out, err = Shown(), Shown()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    has_children = executor == "process"

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()

        with fail_after(PATIENCE):
            await to_thread.run_sync(out.wait_for, "[work] row 1\n")
            await to_thread.run_sync(err.wait_for, "[work] note 1\n")
            await to_thread.run_sync((tmp_path / "python").touch)

            if has_children:
                await to_thread.run_sync(out.wait_for, "[work] row of a child\n")
                await to_thread.run_sync(err.wait_for, "[work] note of a child\n")

            await to_thread.run_sync((tmp_path / "child").touch)
            await submission

    of_child = "[work] row of a child\n" if has_children else ""
    assert out.text.rstrip("\n") == f"[work] row 1\n{of_child}[work] no end of line"
    of_child = "[work] note of a child\n" if has_children else ""
    assert err.text == f"[work] note 1\n{of_child}"


def print_number(value: int) -> int:
    print("out", value)
    print("err", value, file=sys.stderr)
    return value


@pytest.mark.anyio
async def test_short_jobs_are_shown_live_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = configuration(workers=2, echo="live")

    async with Orchestrator(config) as orchestrator:
        cfg = flows.fan(config, print_number, 50)
        scenario = await orchestrator.create_scenario(cfg)

        for _ in range(3):
            await scenario.submit()

    out, err = capsys.readouterr()
    assert sorted(out.splitlines()) == sorted(f"[f{n}] out 1" for n in [*range(50)] * 3)
    assert sorted(err.splitlines()) == sorted(f"[f{n}] err 1" for n in [*range(50)] * 3)


@pytest.mark.anyio
async def test_nothing_is_lost_live_up_to_the_bounds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = configuration(workers=1, echo="live")

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(
            single(config, print_lines, 30_000)
        )
        await scenario.submit()

    out, err = capsys.readouterr()
    assert out.splitlines() == [f"[work] line {n}" for n in range(0, 30_000, 2)]
    assert err.splitlines() == [f"[work] line {n}" for n in range(1, 30_000, 2)]


@pytest.mark.anyio
async def test_a_flood_that_nobody_reads_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(echo, "PATIENCE", 0.05)
    monkeypatch.setattr(echo, "LAST", 0.05)
    monkeypatch.setattr(echo, "MAX_SIZE", 10_000)
    config = configuration(workers=1, echo="live", max_log_size=1000)
    end = threading.Event()

    class Blocking(Shown):
        def write(self, text: str) -> None:
            end.wait(PATIENCE)

    monkeypatch.setattr(sys, "stdout", Blocking())

    try:
        with fail_after(PATIENCE):
            async with Orchestrator(config) as orchestrator:
                cfg = single(config, print_lines, 200_000)
                scenario = await orchestrator.create_scenario(cfg)
                submission = await scenario.submit()
                assert submission.jobs[0].status == "COMPLETED"
                assert orchestrator._opened().scheduler._echo._size < 3_000_000
    finally:
        end.set()
