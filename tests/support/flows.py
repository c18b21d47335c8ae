"""Small configurations for tests; what their jobs do is in `tests.support.jobs`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anyio import fail_after

from asyncflow import (
    Configuration,
    Event,
    EventStream,
    JobStarted,
    Orchestrator,
    Scenario,
    ScenarioConfig,
    Scope,
    Submission,
    SubmissionFinished,
)
from tests.support.jobs import Locked as Locked
from tests.support.jobs import TwoArguments as TwoArguments
from tests.support.jobs import add as add
from tests.support.jobs import add_and_read as add_and_read
from tests.support.jobs import block as block
from tests.support.jobs import change_directory as change_directory
from tests.support.jobs import close_streams as close_streams
from tests.support.jobs import collects_garbage as collects_garbage
from tests.support.jobs import double as double
from tests.support.jobs import exit_hard as exit_hard
from tests.support.jobs import exit_python as exit_python
from tests.support.jobs import fail as fail
from tests.support.jobs import fork_and_raise as fork_and_raise
from tests.support.jobs import fork_and_return as fork_and_return
from tests.support.jobs import identity as identity
from tests.support.jobs import increment as increment
from tests.support.jobs import interrupt as interrupt
from tests.support.jobs import is_alive as is_alive
from tests.support.jobs import kill_self as kill_self
from tests.support.jobs import large as large
from tests.support.jobs import meet_three as meet_three
from tests.support.jobs import open_orchestrator as open_orchestrator
from tests.support.jobs import pid as pid
from tests.support.jobs import print_in_child as print_in_child
from tests.support.jobs import print_much as print_much
from tests.support.jobs import raise_locked as raise_locked
from tests.support.jobs import raise_two_arguments as raise_two_arguments
from tests.support.jobs import read_stdin as read_stdin
from tests.support.jobs import return_lock as return_lock
from tests.support.jobs import thousand as thousand
from tests.support.jobs import three_values as three_values
from tests.support.jobs import touch_and_block as touch_and_block
from tests.support.jobs import wait_for_file as wait_for_file
from tests.support.jobs import worker_pids as worker_pids
from tests.support.jobs import write_from_c as write_from_c

Function = Callable[..., Any]
GLOBAL = Scope.GLOBAL


def configuration(
    mode: str = "standalone", workers: int = 2, **options: Any
) -> Configuration:
    """Make a configuration.

    :param options: more of how jobs are executed
    """
    config = Configuration()
    quiet = {"echo": False, "kill_grace": 0.2, "prewarm": False}
    config.configure_job_executions(mode, workers, **{**quiet, **options})
    return config


def single(
    config: Configuration,
    function: Function,
    value: object = 1,
    *,
    executor: str = "process",
    storage_type: str = "in_memory",
    skippable: bool = False,
    **options: Any,
) -> ScenarioConfig:
    """Declare one task: ``source`` -> ``result``.

    :param options: more of the task
    """
    source = config.configure_data_node("source", storage_type, default_data=value)
    result = config.configure_data_node("result", storage_type)
    task = config.configure_task(
        "work",
        function,
        source,
        result,
        executor=executor,
        skippable=skippable,
        **options,
    )
    return config.configure_scenario("single", task)


def chain(
    config: Configuration, *functions: Function, **options: Any
) -> ScenarioConfig:
    """Declare tasks in a row: ``n0`` -> ``t0`` -> ``n1`` -> ``t1`` -> ..."""
    nodes = [config.configure_in_memory_data_node("n0", default_data=1)]
    tasks = []

    for index, function in enumerate(functions):
        nodes.append(config.configure_in_memory_data_node(f"n{index + 1}"))
        tasks.append(
            config.configure_task(
                f"t{index}", function, nodes[index], nodes[-1], **options
            )
        )

    return config.configure_scenario("chain", tasks)


def fan(
    config: Configuration, function: Function, count: int, **options: Any
) -> ScenarioConfig:
    """Declare independent tasks: ``source`` -> ``f0``, ``f1``, ..."""
    source = config.configure_in_memory_data_node("source", default_data=1)
    tasks = [
        config.configure_task(
            f"f{index}",
            function,
            source,
            config.configure_in_memory_data_node(f"r{index}"),
            **options,
        )
        for index in range(count)
    ]
    return config.configure_scenario("fan", tasks)


def statuses(scenario_jobs: Any) -> list[str]:
    return [job.status.value for job in scenario_jobs]


async def make_short(orchestrator: Orchestrator, scenario: Scenario) -> None:
    """Run it until its functions are known to be short."""
    assert orchestrator._session.engine is not None
    known = orchestrator._session.engine.specs._durations._known

    while not known or not all(pace.is_short for pace in known.values()):
        await scenario.submit()


async def until_started(submission: Submission, count: int = 1) -> None:
    """Wait until so many of its jobs have started."""
    with fail_after(20):
        async for event in submission:
            count -= isinstance(event, JobStarted)

            if not count:
                return


async def until_finished(
    events: EventStream[Event], *submissions: Submission
) -> list[Event]:
    """Read events up to the end of the last of some runs."""
    left = {submission.id for submission in submissions}
    read = []

    with fail_after(20):
        while left:
            read.append(await anext(events))

            if isinstance(read[-1], SubmissionFinished):
                left.discard(read[-1].submission_id)

    return read


async def result_of(scenario: Scenario) -> Any:
    return await scenario.result.read()


async def seen_by(orchestrator: Orchestrator, submission: Submission) -> Submission:
    found = await orchestrator.get(submission.id)
    assert isinstance(found, Submission)
    assert found is not submission
    return found
