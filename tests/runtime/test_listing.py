"""Lists of scenarios: what users find them by."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from asyncflow import Configuration, Orchestrator, ScenarioRecord, Scope
from asyncflow.stores.memory import MemoryStore
from asyncflow.stores.sqlite import SqliteStore

pytestmark = pytest.mark.anyio


def configured() -> Configuration:
    config = Configuration()
    rate = config.configure_data_node("rate", default_data=1)
    unit = config.configure_json_data_node("unit", default_data="kg")
    made = config.configure_data_node("made")
    config.configure_data_node("all", default_data=(1, 2), scope=Scope.GLOBAL)
    config.configure_csv_data_node("file", "file.csv")
    task = config.configure_task("double", lambda nb: nb * 2, rate, made)
    config.configure_scenario(
        "plan", [task], [unit, config.data_nodes["all"]], region="EU"
    )
    return config


def names(records: list[ScenarioRecord]) -> list[str | None]:
    return [record.name for record in records]


@pytest.mark.parametrize("kind", [MemoryStore, SqliteStore])
async def test_scenarios_are_found_by_what_users_know(
    tmp_path: Path, kind: type[MemoryStore | SqliteStore]
) -> None:
    store = SqliteStore(tmp_path / "runs.db") if kind is SqliteStore else MemoryStore()

    async with Orchestrator(configured(), store) as orchestrator:
        one = await orchestrator.create_scenario("plan", name="one", rate=5)
        two = await orchestrator.create_scenario(
            "plan", name="two", rate=2.0, unit="t", properties={"region": "US", "n": 1}
        )
        none = await orchestrator.create_scenario("plan")
        await one.submit()
        find = orchestrator.scenarios

        assert names(await find(property=("region", "EU"))) == ["one", None]
        assert names(await find(property={"region": "US", "n": 1.0})) == ["two"]
        await two.update(properties={"region": "EU"}, without=["n"])
        assert await find(property=("n", 1)) == []
        assert len(await find(property=("region", "EU"), config_id="plan")) == 3

        assert names(await find(value=("rate", 2))) == ["two"]
        assert names(await find(value=("rate", 5.0))) == ["one"]
        assert names(await find(value=("rate", np.int64(5)))) == ["one"]
        assert names(await find(value=("rate", np.float64(2)))) == ["two"]
        assert names(await find(value=("made", 10))) == ["one"]
        assert names(await find(value={"unit": "t"})) == ["two"]
        assert len(await find(value=("all", (1, 2)), is_primary=False)) == 3
        await none.rate.write(np.int64(7))
        await none.update(properties={"n": np.int64(3)})
        assert names(await find(value=("rate", np.int64(7)))) == [None]
        assert names(await find(property=("n", 3))) == [None]
        assert names(await find(property=("n", np.float64(3)))) == [None]
        await none.rate.write(5)
        assert names(await find(value=("rate", 5))) == ["one", None]

        assert names(await find(sort_key="name")) == [None, "one", "two"]
        down = await find(sort_key="name", descending=True, limit=2)
        assert names(down) == ["two", "one"]
        left = await find(sort_key="name", descending=True, after=down[-1])
        assert names(left) == [None]
        assert names(await find(newest_first=True)) == [None, "two", "one"]

        here = datetime.now()  # noqa: DTZ005  # without a time zone, as users give it
        assert await find(created_from=here + timedelta(hours=1)) == []
        assert len(await find(created_to=here + timedelta(hours=1))) == 3


async def test_what_nothing_is_found_by_is_refused() -> None:
    async with Orchestrator(configured(), MemoryStore()) as orchestrator:
        find = orchestrator.scenarios

        with pytest.raises(ValueError, match=r"no sort key 'date'.*creation_date"):
            await find(sort_key="date")

        with pytest.raises(TypeError, match=r"property is a name and a value"):
            await find(property="region")  # type: ignore[arg-type]  # wrong on purpose

        with pytest.raises(ValueError, match="texts of at most 200"):
            await find(property=("region", ["EU"]))

        for value in (("file", 1), ("rate", b"x" * 100_000)):
            with pytest.raises(ValueError, match="does not keep such a value"):
                await find(value=value)

        with pytest.raises(ValueError, match=r"no data node 'rat' .*mean 'rate'\?"):
            await find(value=("rat", 1))

        with pytest.raises(ValueError, match="one data node at a time"):
            await find(value={"rate": 1, "unit": "t"})
