from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command import answer, call, spawned
from tests.support.terminal import terminal

WAITING = "input(); from asyncflow.cli import main; main()"
"""Waits for a key: the terminal has its size by then."""


SUBMISSION = {
    *("id", "entity_id", "scenario_id", "orchestrator_id", "status", "submitted_at"),
    *("finished_at", "reason", "force", "on_failure", "properties", "priority"),
    *("run_timeout", "waits", "is_paused", "config_id", "name", "jobs", "tasks"),
}
SCENARIO = {
    *("id", "config_id", "name", "creation_date", "properties", "tags", "revision"),
    *("cycle_id", "sequences", "version", "last_submission_id", "last_status"),
}
JOB = {
    *("id", "task_id", "submission_id", "status", "reason", "run_at", "finished_at"),
    *("traceback", "attempts", "cpu_seconds", "peak_rss", "worker"),
    *("task", "duration"),
}


@pytest.mark.parametrize(
    ("what", "keys"),
    [("submissions", SUBMISSION), ("scenarios", SCENARIO), ("jobs", JOB)],
)
def test_json_has_what_the_docs_say(folder: Path, what: str, keys: set[str]) -> None:
    found = answer("list", what)
    assert found
    assert all({*one} == keys for one in found)


def test_the_last_comes_first_with_its_jobs_counted(folder: Path) -> None:
    last, first = answer("list")
    assert (last["status"], last["config_id"], last["tasks"]) == ("FAILED", "bad", 2)
    assert last["jobs"] == {"COMPLETED": 1, "FAILED": 1}
    assert (first["status"], first["name"]) == ("COMPLETED", "first")
    assert [one["id"] for one in answer("list", "--reverse")] == [
        first["id"],
        last["id"],
    ]


@pytest.mark.parametrize(
    ("arguments", "tasks"),
    [
        (("--status", "FAILED"), ["broken"]),
        (("--status", "failed", "--config", "total"), []),
        (("--config", "total"), ["total"]),
        (("--name", "ex*"), ["extract", "extract"]),
        (("--tag", "nightly"), ["total", "extract"]),
        (("--scenario", "SCENARIO_sales"), ["total", "extract"]),
        (("--submission", "last"), ["broken", "extract"]),
        (("--newer", "1h", "-n", "1"), ["broken"]),
        (("--newer", "1h", "-n", "1", "--offset", "1"), ["extract"]),
        (("--older", "1h"), []),
        (("--sort", "config", "--reverse"), ["broken", "extract", "extract", "total"]),
    ],
)
def test_filters_sort_and_pages(
    folder: Path, arguments: tuple[str, ...], tasks: list[str]
) -> None:
    assert [one["task"] for one in answer("list", "jobs", *arguments)] == tasks


def test_scenarios_are_found_by_their_last_run(folder: Path) -> None:
    assert [one["config_id"] for one in answer("list", "scenarios")] == ["bad", "sales"]
    (one,) = answer("list", "scenarios", "--status", "FAILED")
    assert (one["config_id"], one["last_status"]) == ("bad", "FAILED")
    (one,) = answer("list", "scenarios", "--name", "fir*", "--tag", "nightly")
    assert one["tags"] == ["nightly"]


def test_ids_are_never_cut_and_go_to_other_programs(folder: Path) -> None:
    ids = call("list", "--ids").stdout.split()
    table = call("list").stdout
    assert all(one in table and len(one) == 43 for one in ids)


def test_what_is_not_known_is_told_with_the_remedy(
    folder: Path, tmp_path: Path
) -> None:
    assert "write 90s, 15m" in call("list", "--newer", "soon", code=2).output
    assert "list jobs" in call("list", "--submission", "last", code=2).output
    assert (
        "sorted by date, name"
        in call("list", "scenarios", "--sort", "duration", code=2).output
    )
    missing = call("list", "--store", str(tmp_path / "no.db"), code=2).output
    assert "there is no such file; go to the folder of your program" in missing


def test_a_process_that_lists_loads_nothing_it_does_not_need(folder: Path) -> None:
    (folder / "sitecustomize.py").write_text(
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))"
    )
    ran = spawned("list", "jobs", folder=folder, PYTHONPATH=f".:{Path.cwd()}")
    assert ran.returncode == 0
    assert len(ran.stdout.splitlines()) == 5
    assert "\x1b" not in ran.stdout
    loaded = {*ran.stderr.split()}
    assert {"click", "sqlite3"} <= loaded
    assert not {"anyio", "asyncio", "rich", "flows", "asyncflow.orchestrator"} & loaded


@pytest.mark.parametrize(("columns", "lines"), [(40, 13), (200, 3)])
def test_a_terminal_shows_ids_whole_and_in_colours(
    folder: Path, columns: int, lines: int
) -> None:
    ids = call("list", "--ids").stdout.split()

    with terminal("-c", WAITING, "list", folder=folder) as screen:
        screen.resize(columns)
        screen.type("\n")
        assert screen.ended() == 0

    shown = screen.text.strip().splitlines()
    assert len(shown) == lines
    assert all(one in screen.text for one in ids)
    assert "\x1b[31m" in screen.text


def test_a_terminal_without_colours(folder: Path) -> None:
    with terminal("-m", "asyncflow", "list", folder=folder, NO_COLOR="1") as screen:
        assert screen.ended() == 0

    assert "FAILED" in screen.text
    assert "\x1b" not in screen.text


def test_numbers_that_no_store_knows(folder: Path) -> None:
    huge = "9" * 20
    assert len(answer("list", "-n", huge)) == 2
    assert answer("list", "--offset", huge) == []


def test_ids_are_no_json(folder: Path) -> None:
    assert "leave out --json" in call("list", "--ids", "--json", code=2).output
