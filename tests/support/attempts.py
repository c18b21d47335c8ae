"""Attempts at jobs that nobody has started: what dispatch works with."""

from __future__ import annotations

from typing import Any

import attrs

from asyncflow.config import Configuration
from asyncflow.dispatch.attempt import Attempt
from asyncflow.dispatch.call_spec import CallSpec, DurationEstimate
from tests.support import flows
from tests.support.entities import make_run, make_scenario


def call_spec(**changes: Any) -> CallSpec:
    """Tell how jobs are called: short ones, in worker processes."""
    spec = CallSpec(
        executor="process",
        function=flows.double,
        is_async=False,
        fingerprint=None,
        force=False,
        code=b"code",
        sources=None,
        duration=DurationEstimate(0.001),
        can_share_batch=True,
        pinned=None,
        can_chain=True,
    )
    return attrs.evolve(spec, **changes)


async def make_attempts(
    config: Configuration, count: int = 1, **options: Any
) -> list[Attempt]:
    """Make attempts at the jobs of one run.

    :param options: more of the tasks
    """
    cfg = flows.fan(config, flows.double, count, **options)
    run = make_run(await make_scenario(cfg))
    spec = call_spec()
    return [Attempt((1, place), run, spec, "") for place in range(count)]
