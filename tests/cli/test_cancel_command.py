from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command import answer, call, running


def test_a_run_of_another_process_is_ended(folder: Path) -> None:
    with running(folder) as process:
        assert answer("list", "-n", "1")[0]["finished_at"] is None
        assert "Run by" in call("show", "last").stdout
        (one,) = answer("cancel", "last", "--reason", "enough")
        assert one["status"] == "CANCELED"
        process.communicate(timeout=20)
        assert process.returncode == 1

    (job,) = answer("list", "jobs", "-n", "1")
    assert (job["status"], job["reason"]) == ("CANCELED", "enough")
    assert "nothing runs" in call("cancel", "last").stderr


def test_a_run_that_was_killed_is_ended_too(folder: Path) -> None:
    with running(folder) as process:
        process.kill()
        process.wait()
        (one,) = answer("cancel", "--config", "slow", "--yes")

    assert one["status"] == "CANCELED"
    shown = answer("show", one["id"])
    assert (shown["status"], shown["reason"]) == (
        "CANCELED",
        "asyncflow cancel was called",
    )
    assert [job["status"] for job in shown["jobs"]] == ["CANCELED"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give ids, `last`"),
        (("last", "--tag", "nightly"), "not both"),
        (("JOB_total",), "this takes a submission or scenario"),
    ],
)
def test_what_is_meant_is_asked_for(
    folder: Path, arguments: tuple[str, ...], words: str
) -> None:
    assert words in call("cancel", *arguments, code=2).output
