"""What tells entities from each other, in their ids."""

from __future__ import annotations

import time

import pytest

from asyncflow import Orchestrator
from asyncflow.ids import new_key
from tests.support import flows
from tests.support.flows import configuration, single


@pytest.mark.smoke
def test_keys_are_in_the_order_of_their_time() -> None:
    before = time.time_ns() // 1_000_000
    keys = [new_key() for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    times = [int(key[:12], 16) for key in keys]

    assert len(set(keys)) == 1000
    assert {len(key) for key in keys} == {32}
    assert before <= times[0] <= times[-1] <= after
    assert times == sorted(times)


def test_a_key_of_the_users_gives_the_same() -> None:
    assert new_key("a") == new_key("a")
    assert len({new_key("a"), new_key("b"), new_key(""), new_key()}) == 4
    assert {len(new_key(key)) for key in ("a", "b" * 1000)} == {32}


@pytest.mark.anyio
async def test_ids_end_with_a_key() -> None:
    config = configuration()
    cfg = single(config, flows.double)

    async with Orchestrator(config, ":memory:") as orchestrator:
        first = await orchestrator.create_scenario(cfg)
        second = await orchestrator.create_scenario(cfg)
        runs = [first.submit(), first.submit()]
        names = [first.id, second.id, runs[0].id, runs[1].id]
        ends = [name.rpartition("_")[2] for name in names]
        assert len(set(ends)) == 4
        assert {len(end) for end in ends} == {32}
        assert runs[0].jobs[0].id == f"JOB_work_{ends[2]}"

        for run in runs:
            await run
