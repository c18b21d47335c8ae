"""What is asked for where nothing is, or by another method than it takes."""

from __future__ import annotations

import httpx
import pytest

from asyncflow import Orchestrator
from asyncflow.web import dashboard
from tests.support.web import client

pytestmark = pytest.mark.anyio


async def test_a_slash_too_many_leads_to_the_page_under_any_prefix(
    orchestrator: Orchestrator,
) -> None:
    async with client(orchestrator) as browser:
        for asked, place in (
            ("runs/?status=FAILED&text=a%20b", "../runs?status=FAILED&text=a%20b"),
            ("api/jobs/", "../../api/jobs"),
        ):
            answer = await browser.get(asked)
            assert (answer.status_code, answer.headers["location"]) == (307, place)
            found = await browser.get(asked, follow_redirects=True)
            assert found.status_code == 200
            assert found.url.path == f"/a/b/{asked.partition('?')[0].rstrip('/')}"

        for asked in ("nothing/", "runs//"):
            assert (await browser.get(asked)).status_code == 404


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("runs", "GET, HEAD"),
        ("sign-in", "GET, HEAD, POST"),
        ("runs/SUBMISSION_1/cancel", "POST"),
        ("api/scenarios", "GET, HEAD, POST"),
        ("api/scenarios/SCENARIO_1", "DELETE, GET, HEAD, PATCH"),
    ],
)
async def test_the_methods_of_a_path_are_told(
    orchestrator: Orchestrator, path: str, methods: str
) -> None:
    async with client(orchestrator) as browser:
        told = await browser.options(path)
        assert (told.status_code, told.headers["allow"]) == (200, methods)
        refused = await browser.put(path, headers={"accept": "application/json"})
        assert (refused.status_code, refused.headers["allow"]) == (405, methods)
        assert refused.json() == {"error": f"/{path} takes {methods}, not PUT"}


async def test_the_app_works_alone(orchestrator: Orchestrator) -> None:
    """Without another app round it, as `asyncflow ui` serves it."""
    transport = httpx.ASGITransport(dashboard(orchestrator))

    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost/"
    ) as browser:
        page = await browser.get("nothing", headers={"accept": "text/html"})
        assert page.status_code == 404
        assert "there is nothing at /nothing" in page.text
        answer = await browser.get("api/nothing")
        assert answer.status_code == 404
        assert answer.json() == {
            "error": "there is nothing at /api/nothing: see api/openapi.json"
        }
        assert (await browser.put("runs")).headers["allow"] == "GET, HEAD"
