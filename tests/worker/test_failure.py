"""Failures: what is told of an error, whatever it does when it is asked."""

from __future__ import annotations

from typing import Any, Self

import pytest
from anyio import fail_after

from asyncflow import Orchestrator, Status, SubmissionFailed
from asyncflow.worker.errors import DataNodeReadingError
from asyncflow.worker.failure import (
    beyond_ours,
    kinds_of,
    put_together,
    raised,
    summary_of,
    traceback_of,
)
from asyncflow.worker.outcome import Raised
from asyncflow.worker.shortened import ERROR, REASON, TRACEBACK
from asyncflow.worker.values import fetch
from tests.support.flows import Locked, TwoArguments, configuration, fail, single

pytestmark = pytest.mark.anyio


PATIENCE = 30


class Recursive(Exception):
    """Passes unknown attributes on, as proxies do, to what was never set."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Mute(Exception):
    """Ends the program when it is asked what it says."""

    def __str__(self) -> str:
        raise SystemExit(3)

    __repr__ = __str__


class Interrupted(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


class Unpicklable(Exception):
    def __reduce__(self) -> Any:
        raise SystemExit(3)


class Traceless(Exception):
    @property
    def __traceback__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("none of your business")

    def with_traceback(self, tb: object) -> Self:
        raise RuntimeError("none of your business")


class Causes(Exception):
    @property
    def __cause__(self) -> Any:  # type: ignore[override]
        raise SystemExit(3)

    @property
    def __notes__(self) -> Any:  # type: ignore[override]
        raise RecursionError


class Classless(Exception):
    @property  # type: ignore[misc]  # it cannot be set either
    def __class__(self) -> Any:
        raise RuntimeError("no class")


class Nameless(type):
    def __getattribute__(cls, name: str) -> Any:
        if name in ("__qualname__", "__name__", "__module__", "__mro__"):
            raise RuntimeError(name)

        return super().__getattribute__(name)


class OddClass(Exception, metaclass=Nameless):
    pass


class Text(str):
    __slots__ = ()

    def strip(self, *_: object) -> Any:
        raise RuntimeError


class OddText(Exception):
    def __str__(self) -> str:
        return Text("odd")


HARD = [
    Recursive,
    Mute,
    Interrupted,
    Unpicklable,
    Traceless,
    Causes,
    Classless,
    OddClass,
    OddText,
]


@pytest.mark.parametrize("kind", HARD, ids=range(len(HARD)))
def test_any_error_is_described(kind: type[Exception]) -> None:
    try:
        raise kind("no connection")
    except Exception as error:
        outcome = raised(error, None)

    assert type(outcome.summary) is str
    assert outcome.summary
    assert outcome.traceback
    assert outcome.kinds[-2:] == ("builtins.BaseException", "builtins.object")


@pytest.mark.parametrize("executor", ["process", "thread", "inline"])
@pytest.mark.parametrize("kind", HARD, ids=range(len(HARD)))
@pytest.mark.blocking_jobs
async def test_any_error_is_a_failure(kind: type[Exception], executor: str) -> None:
    if kind is OddClass and executor == "process":
        pytest.skip("it cannot travel")

    config = configuration()

    def fail(_: object) -> None:
        raise kind("no connection")

    cfg = single(config, fail, executor=executor)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE):
            submission = await scenario.submit().wait()

    (job,) = submission.jobs
    assert job.status is Status.FAILED
    assert job.reason
    assert "executor" not in job.reason  # which has not failed


class NotFound(Exception):
    def __init__(self, name: str) -> None:
        super().__init__(f"no such customer: {name}")
        self.name = name


@pytest.mark.parametrize("executor", ["process", "thread"])
async def test_an_error_says_its_message_once(executor: str) -> None:
    config = configuration()

    def fail(_: object) -> None:
        raise NotFound("ann")

    async with Orchestrator(config) as orchestrator:
        cfg = single(config, fail, executor=executor)
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit().wait()

    failed = submission.error()
    assert isinstance(failed, SubmissionFailed)
    cause = failed.exceptions[0].__cause__
    assert isinstance(cause, NotFound)
    assert str(cause) == "no such customer: ann"
    assert cause.name == "ann"


def test_kinds_and_summaries_are_those_of_the_class() -> None:
    error = FileNotFoundError(2, "gone", "a.csv")

    assert summary_of(error) == "FileNotFoundError: [Errno 2] gone: 'a.csv'"
    assert kinds_of(error)[0] == "builtins.FileNotFoundError"


def error_of(outcome: Raised) -> BaseException:
    assert isinstance(outcome.error, bytes)
    found = fetch(outcome.error)
    assert isinstance(found, BaseException)
    return found


def test_an_error_of_other_arguments_is_put_together_again() -> None:
    found = error_of(raised(TwoArguments(1, 2), None))
    assert (type(found), str(found)) == (TwoArguments, "1 and 2")
    again = put_together(NotFound, ("no such customer: ann",), {"name": "ann"})
    assert (str(again), vars(again)) == ("no such customer: ann", {"name": "ann"})


def test_a_group_of_such_errors_is_put_together_again() -> None:
    inner = ExceptionGroup("inner", [NotFound("bob")])
    group = ExceptionGroup("group", [TwoArguments(1, 2), inner, ValueError("plain")])
    group.add_note("a note")

    found = error_of(raised(group, None))

    assert isinstance(found, ExceptionGroup)
    assert (found.message, found.__notes__) == ("group", ["a note"])
    assert [*map(str, found.exceptions)] == [*map(str, group.exceptions)]
    again = found.exceptions[1]
    assert isinstance(again, ExceptionGroup)
    (bob,) = again.exceptions
    assert isinstance(bob, NotFound)
    assert bob.name == "bob"


@pytest.mark.parametrize("error", [Locked("locked"), ValueError("x" * ERROR)])
def test_what_cannot_be_pickled_or_is_large_is_told_as_text(error: Exception) -> None:
    outcome = raised(error, None)
    assert outcome.error is None
    assert outcome.summary.startswith(f"{type(error).__name__}: ")
    assert len(outcome.summary) <= REASON
    assert len(outcome.traceback) <= TRACEBACK


def test_a_traceback_begins_behind_our_frame() -> None:
    with pytest.raises(ValueError, match="no rows") as found:
        fail("rows")

    error = found.value
    assert traceback_of(error) is error.__traceback__
    outcome = raised(error, beyond_ours(error))
    assert outcome.traceback.count("File ") == 1
    assert "in fail" in outcome.traceback
    assert beyond_ours(ValueError()) is None


def test_a_summary_is_the_first_line() -> None:
    assert summary_of(ValueError("one\ntwo")) == "ValueError: one"
    assert summary_of(ValueError()) == "ValueError"
    assert summary_of(Mute()) == "Mute: <its message raised SystemExit>"


def test_the_kinds_of_a_data_nodes_error_have_those_of_its_cause() -> None:
    error = DataNodeReadingError("", "it has no server", "start one")
    error.__cause__ = ConnectionRefusedError("no server")
    kinds = kinds_of(error)
    assert kinds[0] == "asyncflow.worker.errors.DataNodeReadingError"
    assert (
        "builtins.ConnectionError" in kinds
    )  # so that Retry(on=ConnectionError) holds
    assert len(kinds) == len({*kinds})
