"""Everything asyncflow raises: each error carries its facts, and survives pickling."""

from __future__ import annotations

import pickle

import pytest

from asyncflow import errors
from asyncflow.errors import (
    ArchiveRefused,
    AsyncflowError,
    ClusterFailed,
    ComparisonFailed,
    ConfigError,
    DataNodeIsBeingEdited,
    EventsLost,
    InsideWorker,
    JobFailed,
    MigrationFailed,
    NoData,
    NotCopied,
    NotDeclared,
    NotFound,
    OrchestratorFailed,
    Problem,
    RecordDamaged,
    RemoteTraceback,
    StoreFailed,
    StoreUnavailable,
    SubmissionCanceled,
    SubmissionFailed,
    SubmissionInterrupted,
    TakenOver,
    UsageError,
)

FILE = Problem(
    section="TASK.t", field="inputs", message="no", remedy="go", file="c.toml", line=7
)
CODE = Problem(section="JOB", field="", message="no", remedy="go")

EXAMPLES: list[AsyncflowError] = [
    ConfigError([FILE, CODE]),
    UsageError("not here"),
    InsideWorker("not here"),
    NotCopied("SCENARIO_c_1", {"node": "a table"}),
    ArchiveRefused("a.zip", "it is torn"),
    MigrationFailed("SCENARIO_c_1", "2.0", "ValueError: no"),
    NotFound("JOB_1"),
    ClusterFailed("tcp://host:8786", "nobody answers", "start a scheduler"),
    NotDeclared("SCENARIO_c_1", "c", "which is not declared"),
    NoData("node"),
    NoData("node", 7),
    NoData("node", cause="the task failed"),
    NoData("node", file="/a/b.p"),
    NoData("node", file="/a/b.p", is_gone=False),
    DataNodeIsBeingEdited("node", "ann"),
    RemoteTraceback("line\n"),
    JobFailed("JOB_1", "fit", "ValueError: x"),
    SubmissionCanceled("SUBMISSION_1", "enough"),
    ComparisonFailed("node", "compare", ("SCENARIO_1", "SCENARIO_2"), "why"),
    SubmissionInterrupted("SUBMISSION_1", "it is closed"),
    OrchestratorFailed("no plan"),
    EventsLost(1, 10),
    StoreFailed("f", "p", "r"),
    StoreUnavailable("f", "p", "r"),
    TakenOver("f", "p", "r"),
    RecordDamaged("JOB_1", "why"),
]


def test_each_survives_pickling_with_its_facts() -> None:
    for error in EXAMPLES:
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error) != ""
        assert vars(again) == vars(error)


def test_errors_survive_pickling() -> None:
    failed = JobFailed("JOB_1", "fit", "ValueError: x")
    error = SubmissionFailed.of("SUBMISSION_1", [failed])

    again = pickle.loads(pickle.dumps(error))

    assert str(again) == str(error)
    assert again.submission_id == "SUBMISSION_1"
    assert again.exceptions[0].reason == "ValueError: x"
    assert again.split(JobFailed)[0].submission_id == "SUBMISSION_1"


def test_all_are_of_one_tree_which_the_docstring_shows() -> None:
    found = {
        one.__name__
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, BaseException)
    }
    shown = {
        line.strip("│├└─ ").split()[0]
        for line in (errors.__doc__ or "").splitlines()
        if "──" in line or line.strip() == "AsyncflowError"
    }
    assert found == shown
    assert all(issubclass(getattr(errors, name), AsyncflowError) for name in found)


def test_a_configuration_names_all_its_problems() -> None:
    assert str(FILE) == "c.toml:7: [TASK.t.inputs] no; go"
    assert str(CODE) == "[JOB] no; go"
    assert str(ConfigError([CODE])) == (
        "the configuration has 1 problem:\n  - [JOB] no; go"
    )
    assert str(ConfigError(iter([FILE, CODE]))).startswith(
        "the configuration has 2 problems:"
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NoData("node"), "was never written: give it default_data"),
        (NoData("node", 7), "version 7 of data node 'node' is not kept"),
        (NoData("node", cause="the task failed"), "never written: the task failed"),
        (NoData("node", file="/a/b.p"), "its file /a/b.p is gone: bring it back"),
        (NoData("node", file="/a/b.p", is_gone=False), "no file /a/b.p: make it"),
        (EventsLost(1, 10), "1 event was lost.*only 10 are held"),
        (EventsLost(2, 10), "2 events were lost"),
        (SubmissionInterrupted("S", "it is closed"), "has not ended.*goes on with it"),
        (RecordDamaged("JOB_1", "why"), r"\(why\).*delete\('JOB_1'\)"),
        (StoreFailed("f", "p", "r"), "the store f failed: p; r"),
    ],
)
def test_the_text_says_what_to_do(error: AsyncflowError, words: str) -> None:
    with pytest.raises(type(error), match=words):
        raise error


def test_a_submission_names_its_first_failures() -> None:
    failures = [JobFailed(f"JOB_{n}", f"t{n}", "no") for n in range(12)]
    error = SubmissionFailed.of("SUBMISSION_1", failures)
    assert error.failures == tuple(failures)
    assert "12 jobs failed: t0: no; t1: no;" in str(error)
    assert "; t9: no; and 2 more" in str(error)
    assert "1 job failed: t0: no (" in str(SubmissionFailed.of("S", failures[:1]))


def test_a_part_of_a_failed_submission_is_one_too() -> None:
    failures = [JobFailed(f"JOB_{n}", f"t{n}", "no") for n in range(3)]
    error = SubmissionFailed.of("SUBMISSION_1", failures)
    found, rest = error.split(lambda one: getattr(one, "task", "") == "t1")
    assert isinstance(found, SubmissionFailed)
    assert isinstance(rest, SubmissionFailed)
    assert (found.failures, rest.submission_id) == ((failures[1],), "SUBMISSION_1")


def test_an_engine_that_fails_has_a_cause() -> None:
    cause = KeyError("no plan")
    error = OrchestratorFailed.of(cause)
    assert error.__cause__ is cause
    assert error.reason == "KeyError: 'no plan'"
