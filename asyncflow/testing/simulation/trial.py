"""A trial: what is declared, what is asked for, and what goes wrong. All of it is data."""

from __future__ import annotations

from typing import Any

import attrs

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
