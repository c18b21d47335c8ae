"""Failures: what is told of an error, whatever it does when it is asked."""

from __future__ import annotations

from typing import Any, Self

import pytest
from anyio import fail_after

from asyncflow import Orchestrator, Status, SubmissionFailed
from asyncflow.worker.failure import kinds_of, raised, summary_of
from tests.support.flows import configuration, single

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
