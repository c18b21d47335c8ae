"""Shrinking: the smallest trial that still breaks the promise that a larger one broke."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import attrs

from asyncflow.testing.simulation.trial import Flow, Trial

T = TypeVar("T")

_NAMES = re.compile(r"[0-9a-f]{12,}|\d+(\.\d+)?")


def kind_of(violation: str) -> str:
    """Return what two violations of one promise have in common."""
    return _NAMES.sub("#", violation)[:60]


def shrunk(
    trial: Trial, breaks: Callable[[Trial], bool], is_over: Callable[[], bool]
) -> Trial:
    """Make a trial smaller, as long as it breaks the same promise.

    :param breaks: tells whether a trial does so
    :param is_over: tells when there is no time left
    """
    is_smaller = True

    while is_smaller and not is_over():
        is_smaller = False

        for candidate in _smaller(trial):
            if is_over():
                break

            if candidate.size < trial.size and breaks(candidate):
                trial, is_smaller = candidate, True
                break

    return trial


def _smaller(trial: Trial) -> Iterator[Trial]:
    """Give trials with less in them: much less first."""
    for faults in _fewer(trial.faults):
        yield attrs.evolve(trial, faults=faults)

    for acts in _fewer(trial.acts):
        yield attrs.evolve(trial, acts=acts)

    if len(trial.hosts) > 1:
        yield attrs.evolve(trial, hosts=trial.hosts[:-1])

    if len(trial.flows) > 1:
        for flows in _fewer(trial.flows):
            if flows:
                yield attrs.evolve(trial, flows=flows)

    for place, flow in enumerate(trial.flows):
        for smaller in _smaller_flows(flow):
            flows = (*trial.flows[:place], smaller, *trial.flows[place + 1 :])
            yield attrs.evolve(trial, flows=flows)

    for place, act in enumerate(trial.acts):
        if act.options:
            plain = attrs.evolve(act, options={})
            acts = (*trial.acts[:place], plain, *trial.acts[place + 1 :])
            yield attrs.evolve(trial, acts=acts)


def _fewer(parts: Sequence[T]) -> Iterator[tuple[T, ...]]:
    """Give a sequence without some of it: without many first."""
    size = len(parts)

    while size:
        for start in range(0, len(parts), size):
            yield (*parts[:start], *parts[start + size :])

        size //= 2


def _smaller_flows(flow: Flow) -> Iterator[Flow]:
    """Give flows with a task less: one whose outputs nobody reads."""
    if len(flow.tasks) < 2:
        return

    read = {name for task in flow.tasks for name in task.inputs}

    for task in reversed(flow.tasks):
        if read.isdisjoint(task.outputs):
            tasks = tuple(other for other in flow.tasks if other is not task)
            used = {name for task in tasks for name in (*task.inputs, *task.outputs)}
            nodes = tuple(node for node in flow.nodes if node.name in used)
            yield attrs.evolve(flow, tasks=tasks, nodes=nodes)
