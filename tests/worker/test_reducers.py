"""What travels by value, and is what it was where it arrives."""

from __future__ import annotations

from pathlib import Path

from tests.support.programs import run

SCRIPT = """
import dataclasses
from typing import Generic, TypeVar
import anyio
import pydantic
from asyncflow import Config, Orchestrator

Item = TypeVar("Item")

class Page(pydantic.BaseModel, Generic[Item]):
    items: list[Item]

@dataclasses.dataclass
class Point:
    x: int
    y: int = 2

def job(_):
    field, _ = dataclasses.fields(Point)
    assert pydantic.TypeAdapter(Point).validate_python({"x": "1"}) == Point(1)
    return Page[int](items=[1]), field.default is dataclasses.MISSING

source = Config.configure_data_node("source", default_data=1)
out = Config.configure_data_node("out")
task = Config.configure_task("job", job, source, out)
cfg = Config.configure_scenario("all", [task])
Config.configure_job_executions(mode="standalone", max_nb_of_workers=1)

async def main():
    async with Orchestrator(store="store.db") as orchestrator:
        if not (known := await orchestrator.scenarios()):
            scenario = await orchestrator.create_scenario(cfg)
            await scenario.submit()
        else:
            scenario = await orchestrator.get_scenario(known[0].id)

        page, is_missing = await scenario.out.read()
        print(type(page) is Page[int], page == Page[int](items=[1]), is_missing)

anyio.run(main)
"""


def test_generic_models_and_constants_of_a_script(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    for _ in range(2):
        assert run(script, folder=tmp_path) == "True True True\n"
