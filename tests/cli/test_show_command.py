from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command import answer, call, spawned


def test_a_submission_is_shown_with_its_jobs_and_errors(folder: Path) -> None:
    shown = call("show").stdout
    last = answer("show", "last")
    assert last["id"] in shown
    assert "ValueError: no such rows" in shown
    assert 'raise ValueError("no such rows")' in shown
    assert last["tasks"] == [
        {"task": "extract", "reads": ["year"], "writes": ["rows"]},
        {"task": "broken", "reads": ["rows"], "writes": ["report"]},
    ]
    assert [job["status"] for job in last["jobs"]] == ["COMPLETED", "FAILED"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "JOB_broken",
            ["Status:     FAILED", "no such rows", "asyncflow logs JOB_broken"],
        ),
        ("SCENARIO_sales", ["first", "nightly", "DATANODE_result", "SUBMISSION_"]),
        ("DATANODE_result", ["VERSION", "JOB_total", "yes"]),
        ("total", ["Task:       total"]),
    ],
)
def test_what_else_is_known(folder: Path, name: str, words: list[str]) -> None:
    shown = call("show", name).stdout
    assert [word for word in words if word not in shown] == []


def test_several_at_once_and_from_standard_input(folder: Path) -> None:
    ids = call("list", "--ids").stdout
    found = answer("show", "-", "JOB_total", stdin=ids)
    assert [one["id"] for one in found[:2]] == ids.split()
    assert found[2]["task"] == "total"


def test_a_process_of_its_own_shows_colours_to_nobody_but_people(folder: Path) -> None:
    ran = spawned("show", folder=folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "\x1b" not in ran.stdout
