from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from asyncflow.cli.ids import completion, given, resolve
from asyncflow.cli.records import reader
from tests.support.command import call


def test_a_key_is_enough(folder: Path) -> None:
    (first, *_) = call("list", "--ids").stdout.split()

    with reader(None) as store:
        assert resolve(store, first, ["SUBMISSION"]) == first
        assert resolve(store, first[:-1], ["SUBMISSION"]) == first
        assert (
            resolve(store, first.removeprefix("SUBMISSION_"), ["SUBMISSION"]) == first
        )
        assert resolve(store, "last", ["SUBMISSION", "JOB"]) == first


def test_what_is_meant_is_asked_for(folder: Path) -> None:
    several = call("show", "SUBMISSION_", code=2).output
    assert "several ids begin with 'SUBMISSION_'" in several
    assert several.count("\n  SUBMISSION_") == 2

    none = call("logs", "SUBMISSION_f", code=2).output
    assert "`asyncflow list submissions` shows what there is" in none

    other = call("logs", "SCENARIO_sales", code=2).output
    assert "is a scenario: this takes a submission or job" in other


def test_ids_are_completed(folder: Path) -> None:
    complete = completion("JOB")

    context = SimpleNamespace(params={"store": None})
    found = complete(context, None, "JOB_t")
    assert [one.rpartition("_")[0] for one in found] == ["JOB_total"]
    assert complete(context, None, "la") == ["last"]
    context.params = {"store": "nowhere.db"}
    assert complete(context, None, "JOB") == []


def test_nothing_given_is_nothing() -> None:
    assert given([]) == []
