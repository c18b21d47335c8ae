"""What can be wrong with the function of a task, beside that it cannot be called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator

from asyncflow.config.converters import refusal, run_by, signature_of
from asyncflow.config.sections import ScenarioConfig, TaskConfig
from asyncflow.errors import Problem


def problems(scenarios: Iterable[ScenarioConfig]) -> Iterator[Problem]:
    """Yield what is wrong with how functions take their inputs and give their results,
    for each task of the scenarios once.
    """
    tasks: dict[int, TaskConfig] = {}
    for scenario in scenarios:
        given: tuple[object, ...] = scenario.task_configs
        tasks |= {id(task): task for task in given if isinstance(task, TaskConfig)}

    known: dict[tuple[int, int], bool] = {}
    for task in tasks.values():
        same = id(task.function), len(task.input)
        if known.get(same):
            continue  # thousands of tasks may share a function

        found = list(_problems(task))
        known[same] = not found
        yield from found


def _problems(task: TaskConfig) -> Iterator[Problem]:
    function: object = task.function
    if not callable(function):
        return

    if _is_generator(function):
        yield Problem(
            section=task.label,
            field="function",
            message=f"{_name(function)} yields: its call would give a generator, which "
            "cannot be kept",
            remedy="have it return its results, as a list for example",
        )

    yield from _parameters(task, function)


def _parameters(task: TaskConfig, function: Callable[..., object]) -> Iterator[Problem]:
    """Report a function that cannot be called with a value for each input."""
    signature = signature_of(function)

    if signature and (error := refusal(signature, len(task.input))):
        yield Problem(
            section=task.label,
            field="input",
            message=f"{_name(function)}{_shown(signature)} cannot be called with "
            f"{_count(len(task.input))} ({error})",
            remedy="give a data node for each parameter that has no default, in their "
            "order",
        )


def _is_generator(function: object) -> bool:
    """Tell whether a call gives a generator."""
    return any(
        inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called)
        for called in run_by(function)
    )


def _name(function: object) -> str:
    return getattr(function, "__qualname__", None) or type(function).__qualname__


def _shown(signature: inspect.Signature) -> str:
    """Return the parameters without annotations and values, which may be long."""
    empty = inspect.Parameter.empty
    names = [
        str(parameter.replace(annotation=empty, default=empty))
        + ("" if parameter.default is empty else "=...")
        for parameter in signature.parameters.values()
    ]
    return f"({', '.join(names)})"


def _count(inputs: int) -> str:
    return f"{inputs} input" if inputs == 1 else f"{inputs} inputs"
