"""What two scenarios have otherwise: versions first, values only where these differ."""

from __future__ import annotations

from pathlib import Path

import anyio
import pandas as pd
import pytest

from asyncflow import Configuration, NotFound, Orchestrator, Scope

pytestmark = pytest.mark.anyio

loads: list[int] = []


class Counted:
    """Counts how often one is loaded."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[object, ...]:
        return _loaded, (self.number,)


def _loaded(number: int) -> Counted:
    loads.append(number)
    return Counted(number)


async def test_only_values_of_other_versions_are_read(
    config: Configuration, path: str, tmp_path: Path
) -> None:
    nodes = [
        config.configure_data_node("counted", default_data=Counted(1)),
        config.configure_data_node("frame", default_data=pd.DataFrame({"a": [1, 2]})),
        config.configure_data_node("large", default_data=b"x" * 200_000),
        config.configure_data_node("shared", scope=Scope.GLOBAL, default_data=1),
        config.configure_data_node("empty"),
        config.configure_json_data_node("file", default_path=str(tmp_path / "f.json")),
    ]
    cfg = config.configure_scenario("flow", additional_data_node_configs=nodes)
    extra = config.configure_data_node("extra")
    wider = config.configure_scenario(
        "wider", additional_data_node_configs=[nodes[1], extra]
    )

    async with Orchestrator(config, path) as orchestrator:
        one = await orchestrator.create_scenario(cfg, name="one", region="EU")
        other = await one.duplicate(name="one", data=["counted", "frame", "large"])
        loads.clear()
        found = await orchestrator.diff(one.id, other)
        assert found.is_same
        assert found == await one.diff(other)
        assert str(found) == "no difference"
        assert sorted(found.same) == sorted(node.id for node in nodes)
        assert not loads

        await other.frame.write(pd.DataFrame({"a": [1, 3], "b": [0, 0]}))
        await other.counted.write(Counted(2))
        await other.empty.write("now")
        await other.update(name="other", properties={"region": None}, tags=["t"])
        found = await one.diff(other)
        assert not found.is_same
        assert set(found.same) == {"large", "shared", "file"}
        assert dict(found.attributes) == {
            "name": ("one", "other"),
            "tags": ((), ("t",)),
            "properties.region": ("EU", None),
        }
        frame = found.data_nodes["frame"]
        assert (frame.rows, frame.columns, frame.changed_cells) == ((2, 2), (1, 2), 1)
        assert found.data_nodes["empty"].written == (False, True)
        assert sorted(loads) == [1, 2]
        assert str(found).splitlines()[0] == "name: 'one' -> 'other'"
        assert "empty: only the second has a value" in str(found)

        # What cannot be read is told, and holds up nothing.
        await one.file.write([1])
        third = await orchestrator.create_scenario(wider)
        found = await one.diff(third)
        assert found.only == (
            ("counted", "large", "shared", "empty", "file"),
            ("extra",),
        )
        assert found.attributes["config_id"] == ("flow", "wider")
        assert found.data_nodes.keys() == set()

        moved = tmp_path / "moved.json"
        await anyio.Path(moved).write_text("[2]")
        await other.file.update(path=moved)
        found = await one.diff(other)
        assert found.data_nodes["file"].texts == ("[1]", "[2]")
        await anyio.Path(moved).write_text("{")
        found = await one.diff(other)
        assert "file: not compared" in str(found)

        await orchestrator.delete(other.id)

        with pytest.raises(NotFound, match=other.id):
            await one.diff(other)
