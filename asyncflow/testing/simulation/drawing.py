"""Drawing trials: what is in each follows from its seed."""

from __future__ import annotations

import random
from typing import Any

import attrs

from asyncflow.errors import UsageError
from asyncflow.testing.simulation.chance import Chance
from asyncflow.testing.simulation.themes import THEMES
from asyncflow.testing.simulation.trial import Act, Fault, Flow, Node, Task, Trial


def drawn(seed: int | str) -> Trial:
    """Draw a trial: the same for the same seed.

    :param seed: a number, and perhaps a theme after it: ``7-batches``; see `THEMES`
    :raises UsageError: there is no such theme
    """
    number, _, theme = str(seed).partition("-")

    if theme and theme not in THEMES:
        raise UsageError(f"there is no theme {theme!r}, but {', '.join(THEMES)}")

    trial = attrs.evolve(_any_trial(number), seed=str(seed))
    return THEMES[theme](trial, Chance(str(seed)).of("theme")) if theme else trial


def _any_trial(seed: str) -> Trial:
    chance = Chance(seed).of("trial")
    count = chance.choices([1, 2, 3], [5, 4, 1])[0]
    is_far = count > 1 and chance.random() < 0.3
    hosts = tuple(
        chance.choice(["alpha", "beta"]) if is_far else "alpha" for _ in range(count)
    )
    flows = tuple(_flow(chance, index) for index in range(chance.randint(1, 3)))
    length = chance.choice([0.5, 2.0, 8.0])
    acts = _acts(chance, count, len(flows), length)
    return Trial(
        seed=seed,
        hosts=hosts,
        is_far=is_far,
        workers=chance.randint(1, 4),
        flows=flows,
        acts=acts,
        faults=_faults(chance, count, length),
    )


def _flow(chance: random.Random, index: int) -> Flow:
    count = chance.choice([1, 2, 3, 3, 4, 5, 8])
    name = f"f{index}"
    source = f"{name}_in_big" if chance.random() < 0.25 else f"{name}_in"
    nodes = [Node(name=source, default=True)]
    shared = Node(name="shared", scope="GLOBAL", default=True)
    tasks: list[Task] = []
    shape = chance.choice(["chain", "fan", "any", "any"])

    for place in range(count):
        if shape == "chain":
            inputs = [nodes[-1].name]
        elif shape == "fan":
            inputs = [nodes[0].name]
        else:
            wanted = min(len(nodes), chance.choice([1, 1, 2, 3]))
            inputs = [node.name for node in chance.sample(nodes, wanted)]

        made = [
            Node(name=f"{name}_{place}{letter}")
            for letter in ("ab" if chance.random() < 0.2 else "a")
        ]
        outputs = [node.name for node in made]

        if chance.random() < 0.15 and shared in nodes:
            inputs.append("shared")
        elif chance.random() < 0.15 and shared not in nodes:
            outputs.append("shared")
            nodes.append(shared)

        if chance.random() < 0.06:
            made[0] = attrs.evolve(made[0], name=f"{made[0].name}_big")
            outputs[0] = made[0].name

        nodes = [*nodes, *made]
        inputs = list(dict.fromkeys(inputs))
        tasks.append(
            _task(
                chance,
                f"{name}_t{place}",
                tuple(key for key in inputs if key not in outputs) or (nodes[0].name,),
                tuple(outputs),
            )
        )

    if shared not in nodes:
        nodes.append(shared)
        reading = attrs.evolve(tasks[0], inputs=(*tasks[0].inputs, "shared"))
        tasks[0] = reading if chance.random() < 0.3 else tasks[0]

    used = {name for task in tasks for name in (*task.inputs, *task.outputs)}
    return Flow(
        name=name,
        nodes=tuple(node for node in nodes if node.name in used),
        tasks=tuple(tasks),
    )


def _task(
    chance: random.Random, name: str, inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> Task:
    options: dict[str, Any] = {}

    if chance.random() < 0.2:
        options["on_restart"] = "fail"

    if chance.random() < 0.25:
        options["needs"] = chance.choice(
            [{"gpu": 1}, {"gpu": 2}, {"gpu": 1, "disk": 1}, {"disk": 1}]
        )

    if chance.random() < 0.15:
        options["skippable"] = True

    hanging = 0.0

    if chance.random() < 0.15:
        options["run_timeout"] = chance.choice([0.1, 0.5, 2.0])
        hanging = chance.choice([0.0, 0.3])

    if chance.random() < 0.5:
        options["crash_retries"] = chance.choice([0, 1, 3])

    return Task(
        name=name,
        inputs=inputs,
        outputs=outputs,
        options=options,
        retries=chance.choice([1, 1, 1, 2, 3]),
        speed=chance.choice([0.0, 0.0, 0.0, 0.001, 0.05, 0.3, 2.0]),
        failing=chance.choice([0.0, 0.0, 0.0, 0.1, 0.4]),
        dying=chance.choice([0.0, 0.0, 0.0, 0.0, 0.2]),
        hanging=hanging,
    )


def _acts(
    chance: random.Random, processes: int, flows: int, length: float
) -> tuple[Act, ...]:
    acts = [
        Act(at=0.0, process=process, verb="create", subject=index)
        for process in range(processes)
        for index in range(flows)
    ]
    verbs = ["submit", "create", "write", "cancel", "delete", "read"]

    for _ in range(chance.choice([2, 4, 8, 16, 24])):
        verb = chance.choices(verbs, [12, 1, 3, 1.5, 0.3, 1])[0]
        options: dict[str, Any] = {}

        if verb == "submit":
            options = _submit_options(chance)

        if chance.random() < 0.2:
            options["any"] = True

        acts.append(
            Act(
                at=round(0.05 + chance.random() ** 2 * length, 4),
                process=chance.randrange(processes),
                verb=verb,
                subject=chance.randrange(64),
                options=options,
            )
        )

    return tuple(sorted(acts, key=lambda act: act.at))


def _submit_options(chance: random.Random) -> dict[str, Any]:
    options: dict[str, Any] = {}

    if chance.random() < 0.2:
        options["priority"] = float(chance.randint(-2, 2))

    if chance.random() < 0.15:
        options["on_failure"] = "stop"

    if chance.random() < 0.1:
        options["run_timeout"] = chance.choice([0.05, 0.5, 3.0])

    if chance.random() < 0.2:
        options["force"] = True

    return options


def _faults(chance: random.Random, processes: int, length: float) -> tuple[Fault, ...]:
    faults: list[Fault] = []

    for _ in range(chance.choice([0, 0, 1, 1, 2, 3, 5])):
        kind = chance.choices(
            ["kill", "stop", "jump", "away", "refused", "unsure", "broken"],
            [6, 2, 1, 2, 3, 3, 1],
        )[0]
        amount = {
            "kill": chance.choice([0.0, 0.5, 5.0, 40.0]),
            "stop": chance.choice([0.1, 1.0, 20.0, 70.0]),
            "jump": chance.choice([-3600.0, -10.0, -0.5, 0.5, 10.0, 3600.0]),
            "away": chance.choice([0.2, 3.0, 20.0, 50.0]),
        }.get(kind, float(chance.randint(1, 60)))
        faults.append(
            Fault(
                kind=kind,
                at=round(chance.random() * length * 1.3, 4),
                process=chance.randrange(processes),
                amount=amount,
            )
        )

    return tuple(sorted(faults, key=lambda fault: fault.at))
