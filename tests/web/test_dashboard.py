"""The app that is mounted."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

import asyncflow
from asyncflow import Orchestrator
from asyncflow.web import dashboard
from tests.support import flows
from tests.support.web import ACCEPT, client, links

pytestmark = pytest.mark.anyio

WEB = Path(asyncflow.__file__).parent / "web"


@pytest.mark.smoke
async def test_the_pages_lead_from_one_to_the_other(orchestrator: Orchestrator) -> None:
    config = flows.chain(orchestrator.config, flows.double, flows.double)
    scenario = await orchestrator.create_scenario(config)
    submission = await scenario.submit()
    to_see = {"runs", "scenarios", "system"}
    seen: set[str] = set()

    async with client(orchestrator) as browser:
        while to_see - seen:
            place = (to_see - seen).pop()
            seen.add(place)
            page = await browser.get(place)
            assert page.status_code == 200, (place, page.text)
            assert page.text.startswith("<!doctype html>")

            for part in ("runs", "jobs", "scenarios", "data-nodes"):
                to_see |= {*links(page, part)}

    found = {place.partition("/")[0] for place in seen}
    assert found == {"runs", "jobs", "scenarios", "data-nodes", "system"}
    assert f"runs/{submission.id}" in seen


async def test_every_answer_has_its_protection(orchestrator: Orchestrator) -> None:
    async with client(orchestrator) as browser:
        for place in ("", "nothing", "api/jobs", "api/nothing", "static/page.js"):
            headers = (await browser.get(place)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"


def test_nothing_is_inline() -> None:
    for template in WEB.glob("templates/*.html"):
        text = template.read_text("utf-8")
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text), template
        scripts = re.findall(r"<script[^>]*>", text)
        assert all("src=" in script for script in scripts)


def test_only_pictures_are_put_in_as_they_are() -> None:
    unescaped = [
        (template.name, found)
        for template in WEB.glob("templates/*.html")
        for found in re.findall(r"\{\{[^}]*\|\s*safe[^}]*\}\}", template.read_text())
    ]
    assert sorted(unescaped) == [
        ("run_dag.html", "{{ dag|safe }}"),
        ("run_gantt.html", "{{ gantt|safe }}"),
    ]


def test_the_script_is_our_own_and_small() -> None:
    (script,) = WEB.glob("static/*.js")
    text = script.read_text("utf-8")
    assert len(text) < 10_000
    assert not re.search(r"innerHTML|eval|Function\(|setInterval|https?:", text)


async def test_what_is_not_there_is_said(orchestrator: Orchestrator) -> None:
    places = (
        "runs/SUBMISSION_x",
        "jobs/JOB_x",
        "scenarios/SCENARIO_x",
        "data-nodes/x",
        "nothing",
        "static/../dashboard.py",
        "static/%2e%2e/dashboard.py",
    )

    async with client(orchestrator) as browser:
        for place in places:
            page = await browser.get(place)
            assert page.status_code == 404, place

        answer = await browser.get("jobs/JOB_x", headers={"accept": "application/json"})
        assert answer.json() == {"error": "nothing is known under the id 'JOB_x'"}


async def test_the_orchestrator_may_be_that_of_the_app(
    orchestrator: Orchestrator,
) -> None:
    def find(request: Request) -> Orchestrator:
        found: Orchestrator = request.app.state.orchestrator
        return found

    app = Starlette(routes=[Mount("/flows", dashboard(find, title="Mine & yours"))])
    app.state.orchestrator = orchestrator
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))

    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost", headers=ACCEPT
    ) as browser:
        page = await browser.get("/flows/")
        assert page.status_code == 200
        assert "Mine &amp; yours" in page.text


async def test_an_orchestrator_that_is_closed_is_said() -> None:
    async with client(Orchestrator()) as browser:
        page = await browser.get("runs")
        assert page.status_code == 409
        assert "open" in page.text
