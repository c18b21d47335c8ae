"""A trial: what is declared, what is asked for, and what goes wrong. All of it is data."""

from __future__ import annotations

import random
from typing import Any

import attrs

from asyncflow.testing.simulation.chance import Chance

RESOURCES = {"gpu": 2.0, "disk": 1.0}
"""How much there is of each named resource, for each orchestrator."""


@attrs.frozen(kw_only=True)
class Node:
    """A data node that is declared."""

    name: str
    scope: str = "SCENARIO"
    default: bool = False
    """Whether it has a value from the beginning."""


@attrs.frozen(kw_only=True)
class Task:
    """A task that is declared."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    options: dict[str, Any] = attrs.field(factory=dict[str, Any])
    retries: int = 1
    """How often it is tried in all."""
    speed: float = 0.05
    """How long a job of it takes, in seconds, more or less."""
    failing: float = 0.0
    """With what chance an attempt raises."""
    dying: float = 0.0
    """With what chance a worker dies of it."""
    hanging: float = 0.0
    """With what chance it never ends by itself."""


@attrs.frozen(kw_only=True)
class Flow:
    """A scenario that is declared."""

    name: str
    nodes: tuple[Node, ...]
    tasks: tuple[Task, ...]


@attrs.frozen(kw_only=True)
class Act:
    """What a program does at a time."""

    at: float
    process: int
    verb: str
    """``create``, ``submit``, ``write``, ``cancel``, ``delete``, ``read``."""
    subject: int = 0
    """Which scenario, or which submission, of those that there are."""
    options: dict[str, Any] = attrs.field(factory=dict[str, Any])
    """Those of `submit`; ``any`` says that it may be a scenario of another process."""


@attrs.frozen(kw_only=True)
class Fault:
    """What goes wrong."""

    kind: str
    """``kill``: a process dies, and is started again after `amount` seconds, or never;
    ``stop``: it is suspended for so long; ``jump``: its clock jumps by so much; ``away``:
    it cannot reach the disk for so long; ``refused``, ``unsure`` and ``broken``: the
    transaction with the number `amount` fails so; see `disk.Mishap`."""
    at: float = 0.0
    process: int = 0
    amount: float = 0.0


@attrs.frozen(kw_only=True)
class Trial:
    """What is simulated.

    :param seed: what all else follows from that is left to chance
    """

    seed: str
    hosts: tuple[str, ...]
    """For each process the host that it runs on."""
    is_far: bool
    """Whether the store is one for several hosts."""
    workers: int
    flows: tuple[Flow, ...]
    acts: tuple[Act, ...]
    faults: tuple[Fault, ...]

    @property
    def size(self) -> int:
        """How much there is in it."""
        tasks = sum(len(flow.tasks) for flow in self.flows)
        return tasks + len(self.acts) + 2 * len(self.faults) + len(self.hosts)

    def task(self, name: str) -> Task:
        """Return a task by its name."""
        found = (task for flow in self.flows for task in flow.tasks)
        return next(task for task in found if task.name == name)


def drawn(seed: int | str) -> Trial:
    """Draw a trial: the same for the same seed."""
    chance = Chance(str(seed)).of("trial")
    count = chance.choices([1, 2, 3], [5, 4, 1])[0]
    is_far = count > 1 and chance.random() < 0.3
    hosts = tuple(
        chance.choice(["alpha", "beta"]) if is_far else "alpha" for _ in range(count)
    )
    flows = tuple(_flow(chance, index) for index in range(chance.randint(1, 3)))
    length = chance.choice([0.5, 2.0, 8.0])
    acts = _acts(chance, count, len(flows), length)
    return Trial(
        seed=str(seed),
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
                tuple(one for one in inputs if one not in outputs) or (nodes[0].name,),
                tuple(outputs),
            )
        )

    if shared not in nodes:
        nodes.append(shared)
        reading = attrs.evolve(tasks[0], inputs=(*tasks[0].inputs, "shared"))
        tasks[0] = reading if chance.random() < 0.3 else tasks[0]

    used = {one for task in tasks for one in (*task.inputs, *task.outputs)}
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
