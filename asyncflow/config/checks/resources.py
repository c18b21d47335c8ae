"""Named resources: how much there is, and how much of it a task needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from asyncflow.config.checks.numbers import Number
from asyncflow.config.checks.values import meant
from asyncflow.config.sections import TaskConfig
from asyncflow.errors import Problem

TOTAL = Number(remedy="give how much there is of it")
NEED = Number(over=True, remedy="give how much of it a job needs, or leave it out")


def totals(label: str, field: str, amounts: object) -> Iterator[Problem]:
    """Yield what is wrong with the resources that there are."""
    yield from _amounts(label, field, amounts, TOTAL)


def needs(task: TaskConfig, available: Mapping[str, float]) -> Iterator[Problem]:
    """Yield what is wrong with the resources that a task needs."""
    yield from _amounts(task.label, "needs", task.needs, NEED)
    if not isinstance(task.needs, dict) or not isinstance(available, dict):
        return

    for name, amount in task.needs.items():
        total = available.get(name)
        if total is not None and NEED.takes(amount) and TOTAL.takes(total):
            yield from _too_much(task, name, amount, total)
        elif _is_name(name) and name not in available:
            yield _not_declared(task, name, available)


def _amounts(
    label: str, field: str, amounts: object, number: Number
) -> Iterator[Problem]:
    if not isinstance(amounts, dict):
        yield Problem(
            section=label,
            field=field,
            message=f"{amounts!r} does not map names to amounts",
            remedy="give a dict such as {'gpu': 1}",
        )
        return

    for name, amount in amounts.items():
        yield from _name(label, field, name)
        yield from number.problems(label, field, amount, str(name))


def _name(label: str, field: str, name: object) -> Iterator[Problem]:
    if not _is_name(name):
        yield Problem(
            section=label,
            field=field,
            message=f"{name!r} is no name of a resource",
            remedy="give a str such as 'gpu'",
        )


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name != ""


def _not_declared(
    task: TaskConfig, name: str, available: Mapping[str, float]
) -> Problem:
    remedy = f"configure_job_executions(resources={{{name!r}: ...}}) declares it"
    return Problem(
        section=task.label,
        field="needs",
        message=f"{name!r} is not a resource that is declared",
        remedy=f"{meant(name, available)}{remedy}",
    )


def _too_much(
    task: TaskConfig, name: str, amount: float, total: float
) -> Iterator[Problem]:
    if amount > total:
        yield Problem(
            section=task.label,
            field="needs",
            message=f"{name}: {amount} is more than there is, which is {total}",
            remedy="need less, or give configure_job_executions(resources=...) more",
        )
