"""What can be wrong with the limits of a task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from asyncflow.alternatives import EXECUTORS
from asyncflow.config.checks.numbers import (
    BYTES_OR_NONE,
    MAX_COUNT,
    SECONDS,
    SECONDS_OR_NONE,
    Number,
)
from asyncflow.config.retry import Retry
from asyncflow.config.sections import TaskConfig
from asyncflow.errors import Problem

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


def problems(task: TaskConfig) -> Iterator[Problem]:
    """Yield what is wrong with the limits of a task, its resources aside."""
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
