"""Instructions: what the plan says that is to be done. Pure, as the plan is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import attrs

from asyncflow.facts import Facts
from asyncflow.status import Status

Ref: TypeAlias = tuple[int, int]
"""A job: its run, and its place in the run."""


@attrs.frozen(eq=False, repr=False)
class Block(Facts):
    """Jobs wait for others."""

    run: int
    places: Sequence[int]


@attrs.frozen(eq=False, repr=False)
class MakeReady(Facts):
    """Jobs wait for nothing but a worker."""

    run: int
    places: list[int]


@attrs.frozen(eq=False, repr=False)
class End(Facts):
    """The job ends without having run."""

    ref: Ref
    status: Status
    reason: str


@attrs.frozen(eq=False, repr=False)
class Kill(Facts):
    """The job has a slot, and must not run; if it does not end by itself it gets the
    status.
    """

    ref: Ref
    reason: str
    status: Status = Status.CANCELED


@attrs.frozen(eq=False, repr=False)
class Finish(Facts):
    """Every job of the run has ended."""

    run: int


Instruction: TypeAlias = Block | MakeReady | End | Kill | Finish
