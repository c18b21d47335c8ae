from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command import (
    FLOWS,
    SLOW,
    answer,
    beside,
    call,
    running,
    spawned,
    started,
)
from tests.support.terminal import terminal


def test_what_failed_runs_again_alone(folder: Path) -> None:
    mended = FLOWS.replace('raise ValueError("no such rows")', "return len(rows)")
    (folder / "flows.py").write_text(mended)
    done = answer("retry", "last", "-m", "flows")
    assert (done["status"], [job["task"] for job in done["jobs"]]) == (
        "COMPLETED",
        ["broken"],
    )
    assert len(answer("list")) == 3
    nothing = call("retry", "last", "-m", "flows", code=2).output
    assert "nothing is left to retry" in nothing


def test_several_by_a_filter(folder: Path) -> None:
    seen = call("retry", "--status", "FAILED", "-m", "flows", "--dry-run").stdout
    assert seen.startswith("would retry SUBMISSION_")
    again = call("retry", "--status", "FAILED", "-m", "flows", "--yes", code=1)
    assert "1 FAILED" in again.stdout


def test_a_run_that_was_killed_goes_on(folder: Path) -> None:
    with running(folder) as process:
        process.kill()
        process.wait()
        (folder / "slow.py").write_text(SLOW.replace("range(600)", "range(2)"))
        done = answer("retry", "last", "-m", "slow.py", "--mode", "development")

    assert done["status"] == "COMPLETED"
    (only,) = answer("list", "--config", "slow")
    assert only["id"] == done["id"]


PROGRAM = """
import anyio
import flows
from asyncflow import Orchestrator

async def main():
    async with Orchestrator(flows.config) as orchestrator:
        print("open", flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


def test_a_program_that_declares_it_runs_it_again(folder: Path) -> None:
    mended = FLOWS.replace('raise ValueError("no such rows")', "return len(rows)")
    (folder / "flows.py").write_text(mended)

    with started("-c", PROGRAM, folder=folder) as process:
        assert process.stdout is not None

        try:
            assert process.stdout.readline() == "open\n"
            ran = spawned("retry", "last", "--json", folder=folder)
            again = spawned("retry", "last", folder=folder)
            printed = spawned("logs", "last", folder=folder).stdout
        finally:
            process.terminate()
            process.communicate(timeout=20)

    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["status"] == "COMPLETED"
    assert f"process {process.pid} of " in ran.stderr
    assert (again.returncode, printed) == (2, "about to fail\n")
    assert "nothing is left to retry" in again.stderr


def test_a_run_that_goes_on_is_watched(folder: Path) -> None:
    with (
        running(folder),
        beside("retry", "last", "--jsonl", folder=folder) as watcher,
    ):
        assert watcher.stdout is not None
        assert json.loads(watcher.stdout.readline())["event"]
        call("cancel", "last")
        _, told = watcher.communicate(timeout=20)

    assert watcher.returncode == 1
    assert "goes on where it runs" in told


def test_ctrl_c_ends_the_watching_alone(folder: Path) -> None:
    with running(folder):
        with terminal("-m", "asyncflow", "retry", "last", folder=folder) as screen:
            screen.until("goes on where it runs")
            screen.until(r"\d%")
            screen.press_ctrl_c()
            assert screen.ended() == 130

        assert "what runs goes on where it runs" in screen.text
        (run,) = answer("list", "-n", "1")
        assert run["finished_at"] is None


def test_ctrl_c_says_how_a_run_goes_on(folder: Path) -> None:
    with running(folder) as process:
        process.kill()
        process.wait()
        call_ = ("-m", "asyncflow", "retry", "last", "-m", "slow")

        with terminal(*call_, folder=folder) as screen:
            screen.until(r"\d%")
            screen.press_ctrl_c()
            assert screen.ended() == 130

        run = answer("list", "-n", "1")[0]["id"]
        assert f"asyncflow retry {run} -m slow" in " ".join(screen.text.split())
        call("cancel", "last")


def test_what_has_completed_is_not_run_again(folder: Path) -> None:
    run = answer("list", "--config", "sales")[0]["id"]
    told = call("retry", run, code=2).output
    assert "nothing is left to retry" in told
    assert "nothing is left to retry" in call("retry", "--config", "sales").stderr
    (one,) = answer("retry", "--newer", "1d", "--dry-run")
    assert one["would"] == "retry"


def test_the_line_that_is_to_be_typed_is_told(folder: Path) -> None:
    (folder / "parts").mkdir()
    (folder / "parts" / "__init__.py").touch()
    (folder / "parts" / "more.py").write_text("@scenario\ndef bad(): ...")
    told = call("retry", "last", "--workers", "2", code=2).output
    assert "this needs the code that declares 'bad'" in told
    assert "\n  asyncflow retry last --workers 2 -m flows.py\n" in told
    assert "\n  asyncflow retry last --workers 2 -m parts.more\n" in told
    (folder / "flows.py").rename(folder / "moved.txt")
    (folder / "parts" / "more.py").unlink()
    assert "no file here names it" in call("retry", "last", code=2).output


def test_the_environment_may_give_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASYNCFLOW_MODULE", "flows")
    assert answer("retry", "last", code=1)["status"] == "FAILED"
