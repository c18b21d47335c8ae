"""What can be wrong with a task: its function, its executor, its limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from asyncflow.alternatives import EXECUTORS, executor_of
from asyncflow.config.checks.numbers import (
    BYTES_OR_NONE,
    MAX_COUNT,
    SECONDS,
    SECONDS_OR_NONE,
    Number,
)
from asyncflow.config.checks.references import keys_of, members, twice
from asyncflow.config.checks.values import choice, flag
from asyncflow.config.registry import Registry, are_known
from asyncflow.config.retry import Retry
from asyncflow.config.sections import DataNodeConfig, TaskConfig
from asyncflow.errors import Problem
from asyncflow.executors import DEFAULT
from asyncflow.worker.codec import dumps, dumps_code
from asyncflow.worker.errors import NotPicklable

NUMBERS: Mapping[str, Number] = {
    "run_timeout": SECONDS_OR_NONE,
    "stall_timeout": SECONDS_OR_NONE,
    "memory_limit": BYTES_OR_NONE,
    "crash_retries": Number(
        maximum=MAX_COUNT, whole=True, remedy="give how often a job may run again"
    ),
}

RETRY_NUMBERS: Mapping[str, Number] = {
    "attempts": Number(
        minimum=1,
        maximum=MAX_COUNT,
        whole=True,
        remedy="give how often a job is tried in all",
    ),
    "wait": SECONDS,
    "factor": Number(minimum=1, remedy="give 1 for waits that are all the same"),
    "max_wait": Number(optional=True, remedy="give seconds, or None"),
    "jitter": Number(maximum=1, remedy="give a share of the wait, such as 0.1"),
}

KILLING = ("run_timeout", "stall_timeout", "memory_limit")
"""Limits that end a job: where it runs, it must be possible to end it."""

ON_RESTART = ("rerun", "fail")


def problems(registry: Registry, task: TaskConfig) -> Iterator[Problem]:
    """Yield what is wrong with a task, its id, properties and data nodes aside."""
    yield from _function(task.label, task.function)
    yield from flag(task.label, "skippable", task.skippable)
    yield from _executor(task)
    yield from choice(task.label, "on_restart", task.on_restart, ON_RESTART)
    yield from _async_elsewhere(task)
    yield from _limits(task)
    if task.needs != {}:
        from asyncflow.config.checks import resources

        yield from resources.needs(task, registry.job.resources)


def has_plain_nodes(registry: Registry, task: TaskConfig) -> bool:
    """Tell whether nothing is wrong with what a task reads and writes, as it mostly is.
    What is known is told apart by its identity.
    """
    read, written = task.input, task.output
    return (
        are_known((*read, *written), registry.data_nodes)
        and len({*read}) == len(read)
        and len({*written}) == len(written)
        and {*read}.isdisjoint(written)
    )


def problems_of_nodes(registry: Registry, task: TaskConfig) -> Iterator[Problem]:
    """Yield what is wrong with what a task reads and writes."""
    for field, nodes in (("input", task.input), ("output", task.output)):
        yield from members(task.label, field, nodes, DataNodeConfig, registry)

        yield from twice(task.label, field, nodes)

    yield from _own_input(task)


def _function(label: str, function: object) -> Iterator[Problem]:
    if not callable(function):
        yield Problem(
            section=label,
            field="function",
            message=f"{function!r} cannot be called",
            remedy="give the function itself, without parentheses",
        )


def _executor(task: TaskConfig) -> Iterator[Problem]:
    executor: object = task.executor

    if not isinstance(executor, str) or not EXECUTORS.is_known(executor):
        yield from choice(task.label, "executor", executor, EXECUTORS.names())
    elif why := EXECUTORS.failure(executor):
        yield Problem(
            section=task.label,
            field="executor",
            message=f"the executor {executor!r} cannot be loaded ({why})",
            remedy="mend or update the package that it is from",
        )


def _async_elsewhere(task: TaskConfig) -> Iterator[Problem]:
    """Report an executor that was chosen for a function that does not run there."""
    if task.executor == DEFAULT or not task.is_async:
        return

    executor = EXECUTORS.find(task.executor)

    if executor is not None and executor.not_async:
        yield Problem(
            section=task.label,
            field="executor",
            message=executor.not_async,
            remedy="leave the executor out, or make the function a plain def",
        )


def _own_input(task: TaskConfig) -> Iterator[Problem]:
    read = {*keys_of(task.input)}
    for key in dict.fromkeys(keys_of(task.output)):
        if key in read:
            yield Problem(
                section=task.label,
                field="output",
                message=f"the task reads the data node {key!r} that it writes",
                remedy="write to another data node",
            )


def unpicklable(registry: Registry) -> Iterator[Problem]:
    """Try each function that will travel, once."""
    tried: dict[int, NotPicklable | None] = {}
    for task in travelling(registry):
        if id(task.function) not in tried:
            tried[id(task.function)] = _refusal(task.function)

        error = tried[id(task.function)]
        if error is not None:
            yield Problem(
                section=task.label,
                field="function",
                message=f"{error.path} cannot be pickled ({error.why})",
                remedy="make it inside the function, put it into a module, or use executor="
                "'thread'",
            )


def unpicklable_options(registry: Registry) -> Iterator[Problem]:
    """Try the options of each data node that a job will read or write elsewhere, once."""
    given: Iterator[object] = (
        node for task in travelling(registry) for node in (*task.input, *task.output)
    )
    nodes = {
        node.key: node
        for node in given
        if isinstance(node, DataNodeConfig) and node.options
    }

    for node in nodes.values():
        for name, value in node.options.items():
            try:
                dumps(value, name=name)
            except NotPicklable as error:
                yield Problem(
                    section=node.label,
                    field=name,
                    message=f"{error.path} cannot be pickled ({error.why})",
                    remedy="make it where it is used, in read_fct or write_fct: workers "
                    "have none of it; or use executor='thread' for the tasks",
                )


def travelling(registry: Registry) -> Iterator[TaskConfig]:
    """Yield the tasks whose functions travel to processes: of a kind one is asked."""
    mode = registry.job.mode
    known: dict[tuple[int, int], bool] = {}

    for task in registry.tasks.values():
        kind = id(task.executor), id(task.function)

        if kind not in known:
            known[kind] = _travels(task, mode)

        if known[kind]:
            yield task


def _travels(task: TaskConfig, mode: object) -> bool:
    executor = executor_of(task.executor, mode)
    return executor is not None and executor.in_processes and not task.is_async


def _refusal(function: Callable[..., object]) -> NotPicklable | None:
    try:
        dumps_code(function)
    except NotPicklable as error:
        return error

    return None


# ------------------------------------------------------------------------------ limits


def _limits(task: TaskConfig) -> Iterator[Problem]:
    for field, number in NUMBERS.items():
        yield from number.problems(task.label, field, getattr(task, field))

    yield from _retry(task.label, task.retry)
    yield from _async_memory(task) if task.is_async else _unstoppable(task)


def _unstoppable(task: TaskConfig) -> Iterator[Problem]:
    given = [field for field in KILLING if getattr(task, field) is not None]
    executor = EXECUTORS.find(task.executor) if given else None

    if executor is None or executor.not_killing is None:
        return

    for field in given:
        other = "" if field == "memory_limit" else ", or an async def function"
        yield Problem(
            section=task.label,
            field=field,
            message=executor.not_killing,
            remedy=f"use executor='process'{other}",
        )


def _async_memory(task: TaskConfig) -> Iterator[Problem]:
    if task.memory_limit is not None:
        yield Problem(
            section=task.label,
            field="memory_limit",
            message="an async def function has no process of its own",
            remedy="leave it out, or use a plain def with executor='process'",
        )


# ----------------------------------------------------------------------------- retries


def _retry(label: str, retry: object) -> Iterator[Problem]:
    if retry is None:
        return

    if not isinstance(retry, Retry):
        yield Problem(
            section=label,
            field="retry",
            message=f"{retry!r} is not a Retry",
            remedy="give a Retry, a number of attempts, or None",
        )
        return

    for name, number in RETRY_NUMBERS.items():
        yield from number.problems(label, "retry", getattr(retry, name), name)

    yield from _kinds(label, retry.on)


def _kinds(label: str, on: tuple[object, ...]) -> Iterator[Problem]:
    from asyncflow.config.checks import exception_names

    faults = (
        [exception_names.fault(kind) for kind in on]
        if on
        else ["it names no exception"]
    )
    for fault in faults:
        if fault is not None:
            yield Problem(
                section=label,
                field="retry",
                message=f"on: {fault}",
                remedy="name a class as its own module does: 'builtins:ValueError'",
            )
