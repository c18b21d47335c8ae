"""The event loop in a background thread, and how its verbs are called."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable

import pytest
from anyio.lowlevel import checkpoint

import asyncflow
import asyncflow.sync as tp
from asyncflow import (
    BlockingCall,
    ConfigError,
    Configuration,
    InsideWorker,
    NotOpen,
    SubmissionStatus,
)
from asyncflow.sync.loop import Loop, each
from tests.support import flows
from tests.support.flows import chain, configuration, single
from tests.support.sync import interrupt_in
from tests.support.sync import orchestrator as orchestrator


@pytest.mark.usefixtures("orchestrator")
def test_verbs_work_in_other_threads_and_loops(config: Configuration) -> None:
    scenario = tp.create_scenario(single(config, flows.double, 21))
    found: list[object] = []

    def work() -> None:
        scenario.submit(wait=True)
        found.append(scenario.result.read())

    async def on_a_loop() -> None:
        work()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    asyncio.run(on_a_loop())
    assert found == [42, 42]


def call_itself(what: str) -> str:
    """Use the blocking face in a job that runs on the orchestrator's own loop."""
    verbs: dict[str, Callable[[], object]] = {
        "create": lambda: tp.create_scenario("single"),
        "submit": lambda: scenarios[-1].submit(),
        "read": lambda: scenarios[-1].result.read(),
        "stop": lambda: orchestrators[-1].stop(),
        "close": lambda: orchestrators[-1].stop(wait=False),
    }

    try:
        verbs[what]()
    except BlockingCall as error:
        return str(error)

    return "no error"


scenarios: list[tp.Scenario] = []


orchestrators: list[tp.Orchestrator] = []


@pytest.mark.parametrize(
    ("verb", "form"),
    [
        ("create", "await orchestrator.create_scenario()"),
        ("submit", "await scenario.submit()"),
        ("read", "await data_node.read()"),
        ("stop", "async with asyncflow.Orchestrator()"),
        ("close", "async with asyncflow.Orchestrator()"),
    ],
)
def test_a_verb_on_the_own_loop_is_refused(verb: str, form: str) -> None:
    config = configuration("development")

    with tp.Orchestrator(config) as orchestrator:
        scenario = tp.create_scenario(single(config, call_itself, verb))
        scenarios.append(scenario)
        orchestrators.append(orchestrator)
        scenario.submit(wait=True).result()
        assert f"`{form}`" in scenario.result.read()


def start_another(_: object) -> str:
    try:
        tp.Orchestrator(configuration()).run()
    except InsideWorker as error:
        return str(error)

    return "no error"


@pytest.mark.usefixtures("orchestrator")
def test_a_job_cannot_start_one(config: Configuration) -> None:
    scenario = tp.create_scenario(single(config, start_another))
    scenario.submit(wait=True).result()
    assert "inside a job's worker process" in scenario.result.read()


@pytest.mark.usefixtures("orchestrator")
def test_a_fork_has_no_orchestrator(config: Configuration) -> None:
    scenario = tp.create_scenario(single(config, flows.double))
    reader, writer = os.pipe()

    if not (child := os.fork()):
        try:
            for verb in (scenario.submit, lambda: tp.get(scenario.id)):
                with pytest.raises(NotOpen, match=r"was forked from .* `post_fork`"):
                    verb()

            with tp.Orchestrator(config, ":memory:") as own:
                run = tp.create_scenario("single").submit(wait=True)
                assert own.is_running
                assert run.status is SubmissionStatus.COMPLETED

            os.write(writer, b"refused")
        finally:
            os._exit(0)

    os.close(writer)
    assert os.read(reader, 10) == b"refused"
    os.waitpid(child, 0)
    os.close(reader)


def test_an_interrupt_ends_the_waiting_alone(
    config: Configuration, orchestrator: tp.Orchestrator
) -> None:
    submission = tp.create_scenario(single(config, flows.block)).submit()

    for verb in (submission.wait, orchestrator.stop):
        thread = interrupt_in(verb.__name__)

        with pytest.raises(KeyboardInterrupt):
            verb()

        thread.join()

    assert submission.status is SubmissionStatus.RUNNING
    other = tp.create_scenario(chain(config, flows.double))
    other.submit(wait=True).result()
    assert other.n1.read() == 2


def test_a_verb_without_an_await_is_called_too(
    orchestrator: tp.Orchestrator,
) -> None:
    loop = orchestrator._loop
    assert loop is not None
    assert loop.call(threading.get_ident) != threading.get_ident()
    assert loop.call(int, "7") == 7

    with pytest.raises(ValueError, match="invalid literal"):
        loop.call(int, "seven")


def test_what_an_async_iterator_gives_is_given(orchestrator: tp.Orchestrator) -> None:
    async def count() -> AsyncIterator[int]:
        for number in range(3):
            await checkpoint()
            yield number

    loop = orchestrator._loop
    assert loop is not None
    assert list(each(count(), loop)) == [0, 1, 2]


def test_a_loop_is_closed_once(config: Configuration) -> None:
    loop = Loop.open(asyncflow.Orchestrator(config))
    found = [loop.is_open]
    loop.close(None)
    assert [*found, loop.is_open] == [True, False]

    for verb in (lambda: loop.close(None), lambda: loop.call(int)):
        with pytest.raises(NotOpen, match=r"no asyncflow\.sync\.Orchestrator runs"):
            verb()


def test_what_opening_raises_ends_the_thread(config: Configuration) -> None:
    """A thread that is left fails the test; see its `conftest.py`."""
    node = config.configure_in_memory_data_node("n")
    tasks = [config.configure_task(name, flows.double, None, node) for name in "tu"]
    config.configure_scenario("s", tasks)

    with pytest.raises(ConfigError):
        Loop.open(asyncflow.Orchestrator(config))
