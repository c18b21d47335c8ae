"""What the programs of a trial have asked for."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from asyncflow.testing.simulation.process import Process
from asyncflow.testing.simulation.trial import Flow


@attrs.define(eq=False)
class Written:
    """A value that a data node was given by hand."""

    value: str
    began: int
    """At which moment of its world."""
    process: Process
    ended: int | None = None


@attrs.define(eq=False)
class Asked:
    """A submission that was asked for."""

    id: str
    flow: Flow
    at: float
    moment: int
    process: Process
    nodes: Mapping[str, str]
    """The ids of its data nodes, by their names."""
    is_accepted: bool = False
    is_forgotten: bool = False
    """Whether it, or its scenario, was deleted."""
    is_canceled: bool = False
    has_limit: bool = False
