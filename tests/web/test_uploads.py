"""Files that are uploaded."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from asyncflow import Orchestrator
from tests.support import flows
from tests.support.web import HOSTILE, client

pytestmark = pytest.mark.anyio


class Code:
    """Leaves a file where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


async def test_a_file_is_uploaded_and_its_rows_filtered(
    orchestrator: Orchestrator,
) -> None:
    config = flows.single(
        orchestrator.config, flows.double, [{"a": "1"}], storage_type="csv"
    )
    scenario = await orchestrator.create_scenario(config)
    node = scenario.data_nodes["source"]
    table = b"name,size\r\nbig,20\r\nlarge,30\r\nsmall,1\r\n"

    async with client(orchestrator) as browser:
        answer = await browser.post(
            f"data-nodes/{node.id}/upload",
            files={"file": ("x.csv", table)},
            data={"comment": HOSTILE},
        )
        assert answer.status_code == 303, answer.text
        edit = await node.get_last_edit()
        assert edit is not None
        assert (edit.editor_id, edit.comment) == ("web", HOSTILE)

        place = f"data-nodes/{node.id}"
        page = await browser.get(place, params={"column": "name", "is": "big"})
        assert ("big" in page.text, "large" in page.text) == (True, False)
        page = await browser.get(place, params={"column": HOSTILE, "is": "1"})
        assert (page.status_code, "<b>" in page.text) == (200, False)
        asked = {"column": "name", "operator": "x"}
        assert (await browser.get(place, params=asked)).status_code == 400

        for where, found in (
            ('[["name", "small", "!="]]', ["big", "large"]),
            ('[["name", "small"], ["name", "big"]]', ["big", "small"]),
        ):
            value = await browser.get(
                f"api/data-nodes/{node.id}/value",
                params={"where": where, "join": "or"},
            )
            assert [row[0] for row in value.json()["rows"]] == found

        for where in ("[[]]", "[1]", "{}", "x"):
            answer = await browser.get(
                f"api/data-nodes/{node.id}/value", params={"where": where}
            )
            assert answer.status_code == 422, where

        again = await browser.put(
            f"api/data-nodes/{node.id}/file", content=table, params={"comment": "x"}
        )
        assert again.status_code == 200
        copy = await browser.get(f"api/data-nodes/{node.id}/file")
        assert copy.content == table

        answer = await browser.post(f"data-nodes/{node.id}/upload", data={"file": "x"})
        assert answer.status_code == 400


async def test_a_file_that_could_run_code_is_refused(
    orchestrator: Orchestrator, tmp_path: Path
) -> None:
    config = flows.single(orchestrator.config, flows.double, storage_type="pickle")
    scenario = await orchestrator.create_scenario(config)
    node = scenario.data_nodes["source"]
    content = pickle.dumps(Code(tmp_path / "trace"))

    async with client(orchestrator) as browser:
        assert "multipart" not in (await browser.get(f"data-nodes/{node.id}")).text
        answer = await browser.put(f"api/data-nodes/{node.id}/file", content=content)
        assert (answer.status_code, "code" in answer.text) == (409, True)

    assert not (tmp_path / "trace").exists()
    assert await node.read() == 1
