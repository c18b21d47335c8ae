"""Themes: trials in which what is rare elsewhere comes often, and together.

Where each trial has a little of all, some faults need so many chances at once that no search
finds them. So half of the trials have a theme. The way is known as swarm testing: Groce and
others, "Swarm Testing", ISSTA 2012.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import attrs

from asyncflow.testing.simulation.trial import Act, Fault, Flow, Trial

SOON = 0.01
"""How many seconds after a submit something happens to what was just submitted."""


def batches(trial: Trial, chance: random.Random) -> Trial:
    """Have many short jobs travel together, and runs cancelled meanwhile."""
    flows = _with_tasks(trial, speed=0.0, hanging=0.0)
    acts = [
        attrs.evolve(act, at=round(act.at, 1)) if act.verb == "submit" else act
        for act in trial.acts
    ]
    acts += [_soon(act, chance, "cancel") for act in _submits(acts)]
    return attrs.evolve(trial, flows=flows, acts=_ordered(acts), workers=1)


def deaths(trial: Trial, chance: random.Random) -> Trial:
    """Have one program die as its runs begin, whose jobs must not run twice."""
    trial = _of_one(trial)
    flows = _with_tasks(trial, on_restart="fail")
    faults = list(trial.faults)

    for act in _submits(trial.acts):
        at = act.at + chance.random() * chance.choice([SOON, 0.3])
        amount = chance.choice([0.0, 0.5, 5.0])
        faults.append(Fault(kind="kill", at=at, process=act.process, amount=amount))

    kept = chance.sample(faults, min(len(faults), 4))
    faults = sorted(kept, key=lambda fault: fault.at)
    return attrs.evolve(trial, flows=flows, faults=tuple(faults))


def values(trial: Trial, chance: random.Random) -> Trial:
    """Have large values replaced while runs wait that read them, by one program."""
    trial = _of_one(trial)
    flows = tuple(_with_large(flow) for flow in trial.flows)
    acts = list(trial.acts)

    for act in _submits(acts):
        acts += [_soon(act, chance, "write") for _ in range(2)]

    return attrs.evolve(trial, flows=flows, acts=_ordered(acts), workers=1)


THEMES: dict[str, Callable[[Trial, random.Random], Trial]] = {
    "batches": batches,
    "deaths": deaths,
    "values": values,
}


def _of_one(trial: Trial) -> Trial:
    """Have one program do all, and meet all that goes wrong: of several on one store, one
    that takes a run over may read what another wrote by hand after its submit.
    """
    return attrs.evolve(
        trial,
        hosts=trial.hosts[:1],
        is_far=False,
        acts=tuple(attrs.evolve(act, process=0) for act in trial.acts),
        faults=tuple(attrs.evolve(fault, process=0) for fault in trial.faults),
    )


def _with_tasks(trial: Trial, **changes: Any) -> tuple[Flow, ...]:
    """Change all tasks: their fields, and else their options."""
    own = {name: changes.pop(name) for name in ("speed", "hanging") if name in changes}
    return tuple(
        attrs.evolve(
            flow,
            tasks=tuple(
                attrs.evolve(task, options={**task.options, **changes}, **own)
                for task in flow.tasks
            ),
        )
        for flow in trial.flows
    )


def _with_large(flow: Flow) -> Flow:
    """Have all values of a scenario's own so large that they get files."""
    names = {
        node.name: f"{node.name}_big"
        for node in flow.nodes
        if node.scope == "SCENARIO" and not node.name.endswith("_big")
    }

    def renamed(given: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.get(name, name) for name in given)

    return attrs.evolve(
        flow,
        nodes=tuple(
            attrs.evolve(node, name=names.get(node.name, node.name))
            for node in flow.nodes
        ),
        tasks=tuple(
            attrs.evolve(
                task, inputs=renamed(task.inputs), outputs=renamed(task.outputs)
            )
            for task in flow.tasks
        ),
    )


def _submits(acts: list[Act] | tuple[Act, ...]) -> list[Act]:
    return [act for act in acts if act.verb == "submit"]


def _soon(act: Act, chance: random.Random, verb: str) -> Act:
    """Have something happen after an act."""
    at = act.at + chance.random() * chance.choice([SOON, 0.3])
    return attrs.evolve(act, at=at, verb=verb, subject=chance.randrange(64), options={})


def _ordered(acts: list[Act]) -> tuple[Act, ...]:
    return tuple(sorted(acts, key=lambda act: act.at))
