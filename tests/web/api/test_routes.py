"""The API as a whole: it is as its document says."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from asyncflow import Orchestrator
from tests.support import flows
from tests.support.web import client

pytestmark = pytest.mark.anyio


class Checked:
    """Asks the API, and holds each answer to the document."""

    def __init__(self, browser: httpx.AsyncClient, document: dict[str, Any]) -> None:
        self.browser = browser
        self.document = document
        self.asked: set[str] = set()

    async def __call__(self, name: str, entity_id: str = "", **given: Any) -> Any:
        """Ask for an operation; return what it answers."""
        path, method, told = next(
            (path, method, told)
            for path, operations in self.document["paths"].items()
            for method, told in operations.items()
            if told["operationId"] == name
        )
        self.asked.add(name)
        answer = await self.browser.request(
            method, f"api{path}".replace("{id}", entity_id), **given
        )
        described = told["responses"][str(answer.status_code)]
        content = described.get("content", {}).get("application/json")

        if content is None:
            return answer

        schema = {**content["schema"], "components": self.document["components"]}
        Draft202012Validator(schema).validate(answer.json())
        return answer.json()


@pytest.mark.smoke
async def test_every_operation_answers_as_the_document_says(
    orchestrator: Orchestrator,
) -> None:
    flows.chain(orchestrator.config, flows.double, flows.double)

    async with client(orchestrator) as browser:
        document = (await browser.get("api/openapi.json")).json()
        ask = Checked(browser, document)
        made = await ask(
            "create_scenario",
            json={"config_id": "chain", "name": "a", "inputs": {"n0": 5}},
        )
        again = await ask(
            "create_scenario",
            json={"config_id": "chain", "name": "a", "exist_ok": True},
        )
        assert made["id"] == again["id"]
        scenario = made["id"]
        (listed,) = await ask("list_scenarios", params={"name": "a"})
        assert listed["id"] == scenario
        changed = await ask(
            "update_scenario", scenario, json={"name": "b", "tags": ["x"]}
        )
        assert (changed["name"], changed["tags"]) == ("b", ["x"])
        assert (await ask("get_scenario", scenario))["name"] == "b"
        copy = await ask("duplicate_scenario", scenario, json={})

        key = {"Idempotency-Key": "k"}
        run = await ask(
            "submit_scenario",
            scenario,
            params={"wait": 30},
            json={"inputs": {"n0": 7}},
            headers=key,
        )
        assert run["status"] == "COMPLETED"
        same = await ask(
            "submit_scenario",
            scenario,
            json={"inputs": {"n0": 7}},
            headers=key,
        )
        assert same["id"] == run["id"]
        task = made["tasks"]["t0"]
        alone = await ask("submit_task", task, params={"wait": 30})
        assert alone["counts"]["COMPLETED"] == 1
        sequence = made["sequences"]
        assert sequence == {}
        assert "error" in await ask("submit_sequence", task)
        assert await ask("list_sequences", scenario) == []
        assert "error" in await ask("get_sequence", task)
        (config,) = await ask("list_configs")
        assert (config["id"], config["inputs"]) == ("chain", ["n0"])
        assert (await ask("get_readiness", scenario))["is_submittable"]
        of_node = await ask("get_data_node_lineage", made["data_nodes"]["n1"])
        assert [job["task"] for job in of_node["writers"]] == ["t0"]
        lineage = await ask("get_lineage", scenario)
        assert {job["task"] for job in lineage["writers"]} == {"t0", "t1"}
        pair = {"other": copy["id"]}
        differing = await ask("compare_scenarios", scenario, params=pair)
        assert {each["data_node"] for each in differing} == {"n1", "n2"}
        tasks = await ask("list_tasks", scenario)
        assert tasks[0] == await ask("get_task", task)
        assert tasks[0]["inputs"] == {"n0": made["data_nodes"]["n0"]}
        assert "error" in await ask("promote_scenario", scenario)

        assert (await ask("get_submission", run["id"]))["status"] == "COMPLETED"
        assert len(await ask("list_submissions", params={"status": "COMPLETED"})) == 2
        events = await ask("follow_submission", run["id"])
        assert events.text.count("event: JobFinished") == 2
        assert run["properties"] == {"submitted_by": "web"}
        report = await ask("get_report", run["id"])
        assert report.text.startswith("<!doctype html>")
        assert "attachment" in report.headers["content-disposition"]
        nothing = {"status": "FAILED", "submitted_from": "2020-01-01T00:00:00"}
        for verb in ("cancel", "retry"):
            done = await ask(f"{verb}_submissions", json=nothing)
            assert done == {"submissions": 0}

            for unclear in ({}, {"all": False}, {"all": True, "tag": "a"}):
                told = await ask(f"{verb}_submissions", json=unclear)
                assert "give a filter" in told["error"]

        wrong = {"submitted_from": "yesterday"}
        assert "error" in await ask("cancel_submissions", json=wrong)
        assert "error" in await ask("retry_submission", run["id"])
        assert (await ask("cancel_submission", run["id"]))["status"] == "COMPLETED"
        assert "has ended" in (await ask("pause_submission", run["id"]))["error"]
        assert (await ask("resume_submission", run["id"]))["is_paused"] is False

        jobs = await ask("list_jobs", params={"submission_id": run["id"]})
        assert [job["status"] for job in jobs] == ["COMPLETED"] * 2
        job = jobs[0]["id"]
        assert (await ask("get_job", job))["id"] == job
        assert (await ask("get_job_log", job)).text == ""
        printed = await ask("follow_job", job)
        assert "event: ended" in printed.text
        assert (await ask("cancel_job", job, json={"reason": "x"}))["id"] == job

        node = made["data_nodes"]["n0"]
        assert len(await ask("list_data_nodes", params={"owner_id": scenario})) == 3
        assert (await ask("get_data_node", node))["config_id"] == "n0"
        await ask("write_data_node", node, json={"value": 3, "comment": "why"})
        edits = await ask("list_edits", node)
        assert [edit["comment"] for edit in edits] == ["why", "given"]
        node = made["data_nodes"]["n2"]  # nothing says of what type it is
        await ask("write_data_node", node, json={"value": {"a": 1}, "comment": "why"})
        value = await ask("read_data_node", node)
        assert value["rows"] == [["a", 1]]
        assert "error" in await ask("get_data_node_statistics", node)
        await ask("write_data_node", node, json={"value": [{"a": 1}, {"a": 3}]})
        told = await ask("get_data_node_statistics", node)
        assert told["columns"][0]["mean"] == 2
        edits = await ask("list_edits", node)
        assert [edit["comment"] for edit in edits][:2] == ["", "why"]
        assert "error" in await ask("download_data_node", node)
        assert "error" in await ask("upload_data_node", node, content=b"1")
        assert await ask("list_cycles") == []
        assert {worker["state"] for worker in await ask("list_workers")} <= {
            "idle",
            "busy",
        }
        (worker, *_) = await ask("list_workers", params={"stacks": True})
        assert "most recent call first" in worker["stack"]
        assert (await ask("get_statistics"))["runs"] == 0
        assert (await ask("get_store"))["lost"] == 0
        assert await ask("list_orchestrators") == []  # a store in memory has none
        assert await ask("count_prunable") == {"submissions": 0}

        assert (await ask("delete_job", job)).status_code == 204
        assert (await ask("delete_submission", run["id"])).status_code == 204
        assert (await ask("delete_scenario", copy["id"])).status_code == 204
        assert "error" in await ask("get_scenario", copy["id"])
        assert await ask("prune", json={"days": 0}) == {"submissions": 1}
        # `tests/web/api/test_system.py` has this one: it does not end.
        assert ask.asked | {"follow_events"} == {
            told["operationId"]
            for operations in document["paths"].values()
            for told in operations.values()
        }
