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
    """Have many short jobs travel together, whose workers die, and whose runs are
    cancelled, meanwhile.
    """
    dying = chance.choice([0.0, 0.1, 0.4])
    flows = _with_tasks(trial, speed=0.0, hanging=0.0, dying=dying, crash_retries=3)
    acts = [
        attrs.evolve(act, at=round(act.at, 1)) if act.verb == "submit" else act
        for act in trial.acts
    ]

    for act in _submits(acts):
        acts += [attrs.evolve(act, subject=chance.randrange(64)) for _ in range(2)]
        acts.append(_soon(act, chance, "cancel"))

    return attrs.evolve(trial, flows=flows, acts=_ordered(acts), workers=1)


def cancels(trial: Trial, chance: random.Random) -> Trial:
    """Have jobs that never end by themselves, and every run cancelled."""
    flows = _with_tasks(trial, hanging=chance.choice([0.2, 0.6]), speed=0.05)
    acts = [attrs.evolve(act, process=0) for act in trial.acts]
    acts += [_soon(act, chance, "cancel") for act in _submits(acts)]
    last = max(act.at for act in acts)
    acts += [
        Act(at=last + later, process=0, verb="cancel", options={"all": True})
        for later in (1.0, 20.0)
    ]
    faults = [
        fault for fault in trial.faults if fault.kind in ("refused", "unsure", "jump")
    ]
    return attrs.evolve(
        trial,
        hosts=trial.hosts[:1],
        flows=flows,
        acts=_ordered(acts),
        faults=tuple(attrs.evolve(fault, process=0) for fault in faults),
    )


def deaths(trial: Trial, chance: random.Random) -> Trial:
    """Have processes die as runs begin whose jobs must not run twice."""
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
    """Have large values replaced while runs wait that read them."""
    flows = tuple(_with_large(flow) for flow in trial.flows)
    acts = list(trial.acts)

    for act in _submits(trial.acts):
        acts += [_soon(act, chance, "write") for _ in range(2)]

    return attrs.evolve(trial, flows=flows, acts=_ordered(acts), workers=1)


def reads(trial: Trial, chance: random.Random) -> Trial:
    """Have large values read just as they are replaced, while runs wait for them, and runs
    of one scenario follow each other.
    """
    acts = [attrs.evolve(act, process=0) for act in trial.acts]

    for act in _submits(acts):
        acts += [attrs.evolve(act, at=act.at + 0.3 * chance.random()) for _ in range(2)]

    again = attrs.evolve(trial, hosts=trial.hosts[:1], acts=_ordered(acts))
    made = values(again, chance)
    acts = list(made.acts)

    for act in made.acts:
        if act.verb == "write":
            at = max(0.0, act.at - 0.003 * chance.random())
            acts.append(attrs.evolve(act, at=at, verb="read"))

    return attrs.evolve(made, acts=_ordered(acts))


def programs(trial: Trial, chance: random.Random) -> Trial:
    """Have several programs share scenarios, write to them as runs begin, and die."""
    count = max(len(trial.hosts), chance.choice([2, 2, 3]))
    hosts = (*trial.hosts, *["alpha"] * (count - len(trial.hosts)))
    made = [
        attrs.evolve(
            act,
            process=act.process if act.at == 0 else chance.randrange(count),
            options={**act.options, "any": True},
        )
        for act in trial.acts
    ]
    acts = list(made)
    faults = list(trial.faults)

    for act in _submits(made):
        for _ in range(2):
            soon = _soon(act, chance, "write")
            acts.append(
                attrs.evolve(
                    soon,
                    process=chance.randrange(count),
                    subject=act.subject,
                    options={"any": True},
                )
            )

        if chance.random() < 0.3:
            at = act.at + chance.random() * chance.choice([SOON, 0.3, 3.0])
            amount = chance.choice([0.0, 0.5, 5.0, 40.0])
            faults.append(Fault(kind="kill", at=at, process=act.process, amount=amount))

    kept = chance.sample(faults, min(len(faults), 5))
    return attrs.evolve(
        trial,
        hosts=hosts,
        acts=_ordered(acts),
        faults=tuple(sorted(kept, key=lambda fault: fault.at)),
    )


THEMES: dict[str, Callable[[Trial, random.Random], Trial]] = {
    "batches": batches,
    "cancels": cancels,
    "deaths": deaths,
    "programs": programs,
    "reads": reads,
    "values": values,
}


def _with_tasks(trial: Trial, **changes: Any) -> tuple[Flow, ...]:
    """Change all tasks: their fields, and else their options."""
    own = {
        name: changes.pop(name)
        for name in ("speed", "hanging", "dying")
        if name in changes
    }
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
