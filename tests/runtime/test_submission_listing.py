"""What lists of submissions are asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from asyncflow import Orchestrator
from tests.support import flows

pytestmark = pytest.mark.anyio


async def test_submissions_are_found_page_by_page(orchestrator: Orchestrator) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    scenario = await orchestrator.create_scenario(config, name="Mine")
    runs = [await scenario.submit() for _ in range(3)]
    ids = [run.id for run in runs]
    now = datetime.now(UTC)

    async def found(**given: Any) -> list[str]:
        return [record.id for record in await orchestrator.submissions(**given)]

    (first,) = await orchestrator.submissions(limit=1, text="mine")
    assert first.id == ids[0]
    assert await found(after=first) == await found(after=first.id) == ids[1:]
    assert await found(after=ids[2], newest_first=True, limit=1) == ids[1:2]
    assert await found(config_id=config.id, submitted_to=now) == ids
    assert await found(submitted_from=now + timedelta(days=1)) == []
    assert await found(tag="none") == await found(cycle="none") == []
    assert {*await found(sort_key="duration")} == {*ids}


async def test_what_is_no_filter_is_named(orchestrator: Orchestrator) -> None:
    wrong: dict[str, Any] = {"tags": "x"}

    with pytest.raises(TypeError, match="tag"):
        await orchestrator.submissions(**wrong)

    with pytest.raises(ValueError, match="duration"):
        await orchestrator.submissions(sort_key="durations")
