"""How long the way of a job through the parent is: calls, files, changes of file."""

from __future__ import annotations

import itertools
import os
import sys
from types import FrameType
from typing import NamedTuple

import pytest
from anyio import fail_after

import asyncflow
from asyncflow import Orchestrator
from tests.support.flows import configuration, single

pytestmark = pytest.mark.anyio

OURS = os.path.join(os.path.dirname(asyncflow.__file__), "")
PATIENCE = 30

WARM_UP = 20
RUNS = 10
"""How many runs are counted; the shortest is taken, as the others may have been late."""


class Way(NamedTuple):
    """What was called of ours; where a coroutine goes on is a call, too."""

    calls: int
    changes: int
    """How often a call is in another file than the one before."""
    files: int


CEILING = Way(calls=198, changes=140, files=50)
"""It is to become shorter: 90 changes, 25 files."""


class Profiler:
    """Notes the files of the calls of this thread."""

    def __init__(self) -> None:
        self.files: list[str] = []

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            self.files.append(frame.f_code.co_filename)

    def way(self) -> Way:
        files = self.files
        pairs = itertools.pairwise(files)
        changes = sum(before != after for before, after in pairs)
        return Way(len(files), changes, len({*files}))


async def test_the_way_of_the_job_of_a_small_run() -> None:
    config = configuration(workers=1)
    cfg = single(config, abs, storage_type="pickle")
    ways = []

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE):
            for _ in range(WARM_UP):
                await scenario.submit()

            for _ in range(RUNS):
                profiler, before = Profiler(), sys.getprofile()
                sys.setprofile(profiler)

                try:
                    await scenario.submit()
                finally:
                    sys.setprofile(before)

                ways.append(profiler.way())

    shortest = Way(*map(min, zip(*ways, strict=True)))
    print(*(f"{count} {name}" for name, count in shortest._asdict().items()), sep=", ")

    for name, count in shortest._asdict().items():
        assert count <= getattr(CEILING, name), name
