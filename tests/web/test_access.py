"""Who may see and do what."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from starlette.requests import Request

from asyncflow import Orchestrator
from asyncflow.web import Access, dashboard
from asyncflow.web.access import user_of
from asyncflow.web.dashboard import PAGES
from asyncflow.web.site import Site
from tests.conftest import Caplog
from tests.support import flows
from tests.support.web import client

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("shared_workers")]


def asked(**scope: Any) -> Request:
    return Request({"type": "http", "headers": [], "state": {}, **scope})


@pytest.mark.smoke
async def test_who_is_on_this_machine_is_let_in(orchestrator: Orchestrator) -> None:
    for host in ("127.0.0.1", "::1"):
        async with client(orchestrator, host) as browser:
            assert (await browser.get("runs")).status_code == 200


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("192.0.2.1", {}),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.1"}),
        ("127.0.0.1", {"forwarded": "for=192.0.2.1"}),
        # A page of another site whose name leads here.
        ("127.0.0.1", {"host": "evil.example"}),
        ("testclient", {}),
    ],
)
async def test_others_are_not_let_in_without_a_hook(
    orchestrator: Orchestrator, host: str, headers: dict[str, str]
) -> None:
    async with client(orchestrator, host) as browser:
        for page in ("", "runs", "api/submissions", "api/openapi.json"):
            answer = await browser.get(page, headers=headers)
            assert answer.status_code == 403
            assert "access= hook" in answer.text


async def test_a_hook_decides(orchestrator: Orchestrator) -> None:
    async def access(request: Request) -> Access:
        return Access(request.headers.get("x-access", "DENY"))

    async with client(orchestrator, "192.0.2.1", access=access) as browser:
        assert (await browser.get("runs")).status_code == 403

        for name in ("READ", "ALL"):
            answer = await browser.get("runs", headers={"x-access": name})
            assert answer.status_code == 200

        for name, status in (("READ", 403), ("ALL", 201)):
            body = {"config_id": "nothing"} if name == "READ" else {"config_id": "x"}
            answer = await browser.post(
                "api/scenarios", json=body, headers={"x-access": name}
            )
            assert (answer.status_code == 403) is (status == 403)


async def test_a_hook_may_be_a_plain_function(orchestrator: Orchestrator) -> None:
    async with client(orchestrator, "x", access=lambda _: Access.READ) as browser:
        page = await browser.get("system")
        assert page.status_code == 200
        assert "<form method" not in page.text.replace('method="get"', "")


async def test_what_a_hook_does_not_know_is_an_error(
    orchestrator: Orchestrator,
) -> None:
    async with client(orchestrator, access=lambda _: "SOME") as browser:
        with pytest.raises(ValueError, match="SOME"):
            await browser.get("runs")


async def test_a_token_is_asked_for(orchestrator: Orchestrator) -> None:
    async with client(orchestrator, token="sesame") as browser:
        refused = await browser.get("runs")
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"

        for given in ("Bearer nothing", "Basic sesame", "Bearer", "Bearer sesame2"):
            answer = await browser.get("runs", headers={"authorization": given})
            assert answer.status_code == 401

        answer = await browser.get("runs", headers={"authorization": "Bearer sesame"})
        assert answer.status_code == 200


async def test_people_sign_in_with_the_token(orchestrator: Orchestrator) -> None:
    async with client(orchestrator, "192.0.2.1", token="sesame") as browser:
        assert (await browser.get("sign-in")).status_code == 200
        answer = await browser.post("sign-in", data={"token": "nothing"})
        assert answer.status_code == 401

        answer = await browser.post("sign-in", data={"token": "sesame"})
        assert answer.status_code == 303
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert (await browser.get("runs")).status_code == 200

        await browser.post("sign-out")
        browser.cookies.clear()
        assert (await browser.get("runs")).status_code == 401


def test_an_empty_token_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        dashboard(Orchestrator(), token=" ")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:81"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_other_sites_change_nothing(
    orchestrator: Orchestrator, headers: dict[str, str]
) -> None:
    async with client(orchestrator) as browser:
        for place in ("runs/cancel", "system/prune", "api/scenarios"):
            answer = await browser.post(place, headers=headers)
            assert answer.status_code == 403
            assert "another site" in answer.text


async def test_scripts_that_name_no_origin_are_no_other_site(
    orchestrator: Orchestrator,
) -> None:
    async with client(orchestrator) as browser:
        del browser.headers["origin"]
        assert (await browser.post("runs/cancel")).status_code == 303


def test_the_user_is_who_the_app_says() -> None:
    class User:
        display_name = "ada"

    assert user_of(asked()) == "web"
    assert user_of(asked(user=User())) == "ada"
    assert user_of(asked(state={"user": "grace"})) == "grace"
    assert len(user_of(asked(state={"user": "x" * 1000}))) == 200


async def test_what_is_changed_is_logged_with_its_user(
    orchestrator: Orchestrator, caplog: Caplog
) -> None:
    caplog.set_level(logging.INFO, "asyncflow")

    def access(request: Request) -> Access:
        request.state.user = "ada <b>"
        return Access.ALL

    async with client(orchestrator, access=access) as browser:
        await browser.post("runs/cancel")

    assert "POST /runs/cancel, asked for by ada <b>" in caplog.messages


async def test_whoever_may_not_changes_nothing_by_any_way(
    orchestrator: Orchestrator,
) -> None:
    """Each way that changes something, found by the routes themselves."""
    config = flows.chain(orchestrator.config, flows.double)
    scenario = await orchestrator.create_scenario(config, name="a")
    submission = await scenario.submit()
    ids = {
        "runs": submission.id,
        "submissions": submission.id,
        "jobs": submission.jobs[0].id,
        "scenarios": scenario.id,
        "data-nodes": scenario.data_nodes["n0"].id,
        "tasks": scenario.tasks["t0"].id,
        "sequences": scenario.id,
    }
    site = Site(lambda _: orchestrator, "flows", has_token=False)
    ways = [
        (method, route.path.strip("/").replace("{id}", ids.get(noun, "x")))
        for page in PAGES
        for route in page(site).routes
        for method in (route.methods or set()) - {"GET", "HEAD"}
        for noun in [route.path.removeprefix("/api").strip("/").partition("/")[0]]
    ]
    assert len(ways) >= 35
    foreign = {"origin": "http://evil.example"}
    cases: list[tuple[int, dict[str, Any], dict[str, str]]] = [
        (403, {"access": lambda _: Access.READ}, {}),
        (403, {"access": lambda _: Access.DENY}, {}),
        (401, {"token": "sesame"}, {}),
        (403, {"token": "sesame"}, {"authorization": "Bearer sesame", **foreign}),
        (403, {}, foreign),
    ]

    for status, options, headers in cases:
        async with client(orchestrator, **options) as browser:
            for method, place in ways:
                answer = await browser.request(method, place, headers=headers)
                assert answer.status_code == status, (method, place, options)

    assert len(await orchestrator.scenarios()) == 1
    assert len(await orchestrator.submissions()) == 1
    assert len(await orchestrator.jobs()) == 1
    assert scenario.name == "a"
    assert not scenario.tags
    assert len(await scenario.data_nodes["n0"].edits()) == 1


@pytest.mark.parametrize("found", [True, None, "all", 1])
async def test_what_a_hook_returns_is_access(
    orchestrator: Orchestrator, found: Any
) -> None:
    said = f"access returns Access.ALL, Access.READ or Access.DENY; got {found!r}"

    async with client(orchestrator, "x", access=lambda _: found) as browser:
        with pytest.raises(ValueError, match=said):
            await browser.get("runs")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"access": 5}, "access is a function of a request that returns Access"),
        ({"access": lambda: Access.ALL}, "access is called with a request alone"),
        ({"token": 5}, "token is a text, or None; got 5"),
        ({"title": 5}, "title is a text; got 5"),
        ({"orchestrator": None}, "orchestrator is an asyncflow.Orchestrator, or"),
        ({"orchestrator": lambda: None}, "orchestrator is called with a request"),
    ],
)
async def test_what_makes_no_dashboard(wrong: dict[str, Any], said: str) -> None:
    given = {"orchestrator": Orchestrator(store=":memory:"), **wrong}

    with pytest.raises(TypeError, match=said):
        dashboard(given.pop("orchestrator"), **given)
