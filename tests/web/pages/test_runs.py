"""The list of runs."""

from __future__ import annotations

import html
import re

import pytest
from anyio import fail_after

from asyncflow import Orchestrator, Status
from asyncflow.acting import SUBMITTED_BY
from asyncflow.web.pages import runs
from tests.support import flows
from tests.support.web import HOSTILE, app, client, links, stream

pytestmark = pytest.mark.anyio


async def test_runs_are_found_by_what_the_address_says(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "SHOWN", 2)
    good = await orchestrator.create_scenario(
        flows.chain(orchestrator.config, flows.double)
    )
    first, second, third = [await good.submit() for _ in range(3)]

    async with client(orchestrator) as browser:
        page = await browser.get("runs")
        assert links(page, "runs") == [f"runs/{third.id}", f"runs/{second.id}"]
        (next_page,) = re.findall(r'rel="next" href="([^"]*)"', page.text)
        page = await browser.get(f"runs{html.unescape(next_page)}")
        assert links(page, "runs") == [f"runs/{first.id}"]
        assert 'rel="next"' not in page.text

        page = await browser.get("runs", params={"status": "FAILED"})
        assert "No run is found." in page.text
        page = await browser.get("runs", params={"scenario": good.id})
        assert len(links(page, "runs")) == 2
        page = await browser.get("runs", params={"status": "x"})
        assert page.status_code == 400
        page = await browser.get("runs", params={"scenario": HOSTILE})
        assert "<b>" not in page.text


async def test_runs_are_found_by_why_their_jobs_have_failed(
    orchestrator: Orchestrator,
) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    good = await orchestrator.create_scenario(config)
    await good.submit()
    bad = await orchestrator.create_scenario(
        flows.single(orchestrator.config, flows.fail, 1)
    )
    failed = await bad.submit().wait()
    reason = failed.jobs[0].reason

    async with client(orchestrator) as browser:
        page = await browser.get("runs", params={"text": reason.upper()})
        assert links(page, "runs") == [f"runs/{failed.id}"]
        assert html.escape(reason) in page.text
        found = await browser.get("api/submissions", params={"text": reason})
        assert [run["id"] for run in found.json()] == [failed.id]


async def test_runs_are_shown_by_the_names_of_their_scenarios(
    orchestrator: Orchestrator,
) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    unnamed = await orchestrator.create_scenario(config)
    named = await orchestrator.create_scenario(config, name=HOSTILE)
    (task, *_) = named.tasks.values()
    await unnamed.submit()
    await named.submit()
    await task.submit(force=True)

    async with client(orchestrator) as browser:
        page = await browser.get("runs")
        of_task, of_named, of_unnamed = re.findall(
            r'href="[^"]*scenarios/[^"]*">(.*?)</a></td>', page.text
        )
        assert html.unescape(of_named).startswith('<b>"it\'s"</b> & ')
        assert "<b>" not in of_named
        assert unnamed.id in of_unnamed
        assert task.id in of_task
        assert of_task.endswith(f" of {of_named}")


async def test_a_typo_is_no_filter(orchestrator: Orchestrator) -> None:
    """It is told, above all where something is done to all that a filter finds."""
    config = flows.chain(orchestrator.config, flows.double)
    scenario = await orchestrator.create_scenario(config)
    run = await scenario.submit()
    node = scenario.data_nodes["n0"]

    async with client(orchestrator) as browser:
        for place in (
            *("runs", "scenarios", "scenarios/create", "compare", "system"),
            *(f"runs/{run.id}", f"jobs/{run.jobs[0].id}"),
            *(f"scenarios/{scenario.id}", f"data-nodes/{node.id}"),
        ):
            page = await browser.get(place, params={"statsu": "FAILED"})
            assert page.status_code == 400, place
            assert "there is no &#39;statsu&#39;: it may be" in page.text

        for verb in ("cancel", "retry"):
            page = await browser.post(f"runs/{verb}", data={"statsu": "FAILED"})
            assert page.status_code == 400


async def test_a_page_after_a_run_that_is_gone_is_not_the_last(
    orchestrator: Orchestrator,
) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    scenario = await orchestrator.create_scenario(config)
    first, second = await scenario.submit(), await scenario.submit()

    async with client(orchestrator) as browser:
        for place in ("runs", "api/submissions"):
            page = await browser.get(place, params={"after": second.id})
            assert first.id in page.text
            page = await browser.get(place, params={"after": first.id})
            assert page.status_code == 200

        await orchestrator.delete(second.id)

        for place in ("runs", "api/submissions"):
            page = await browser.get(place, params={"after": second.id})
            assert page.status_code == 404
            assert second.id in page.text


async def test_runs_are_found_by_their_scenarios_and_times(
    orchestrator: Orchestrator,
) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    january = await orchestrator.create_scenario(config, name="January")
    await january.add_tag("old")
    other = await orchestrator.create_scenario(config)
    first, second = await january.submit(), await other.submit()
    both, date = [f"runs/{second.id}", f"runs/{first.id}"], "2999-01-01T00:00"

    async with client(orchestrator) as browser:

        async def found(**asked: str) -> list[str]:
            page = await browser.get("runs", params=asked)
            assert page.status_code == 200
            return links(page, "runs")

        assert await found(tag="old") == await found(text="janu") == both[1:]
        assert await found(config=config.id, to=date, cycle="", sort="") == both
        assert await found(config="other") == await found(cycle="x") == []
        assert await found(**{"from": date}) == []
        assert set(await found(sort="duration")) == {*both}

        for asked in ({"from": "x"}, {"sort": "x"}):
            page = await browser.get("runs", params=asked)
            assert (page.status_code, "x" in page.text) == (400, True)


async def test_the_list_is_as_things_are(orchestrator: Orchestrator) -> None:
    scenario = await orchestrator.create_scenario(
        flows.chain(orchestrator.config, flows.double)
    )

    with fail_after(30):
        async with stream(app(orchestrator), "/a/b/runs/live") as reader:
            kind, parts = await reader.event()
            assert (kind, [*parts]) == ("parts", ["runs"])
            assert "No run is found." in parts["runs"]

            submission = await scenario.submit()

            while "COMPLETED" not in parts["runs"]:
                _, parts = await reader.event()

            assert f'href="./runs/{submission.id}"' in parts["runs"]


async def test_all_that_the_filter_finds_is_cancelled(
    orchestrator: Orchestrator,
) -> None:
    config = flows.chain(orchestrator.config, flows.block)
    one, other = [await orchestrator.create_scenario(config) for _ in range(2)]
    first, second = one.submit(), other.submit()

    async with client(orchestrator) as browser:
        await second.accepted()
        answer = await browser.post("runs/cancel", data={"scenario": one.id})
        assert "1+runs" in answer.headers["location"]

        with fail_after(30):
            await first.wait()

        assert not second.is_finished
        await browser.post("runs/cancel")

        with fail_after(30):
            await second.wait()

    assert {job.status for run in (first, second) for job in run.jobs} == {
        Status.CANCELED
    }
    assert "cancelled by web" in first.jobs[0].reason


async def test_all_that_failed_is_tried_again(orchestrator: Orchestrator) -> None:
    scenario = await orchestrator.create_scenario(
        flows.chain(orchestrator.config, flows.fail)
    )
    await scenario.submit().wait()

    async with client(orchestrator) as browser:
        for place in ("runs", f"scenarios/{scenario.id}"):
            page = await browser.get(place)
            assert page.text.count(">t0: ValueError: no 1<") == 1, page.text

        answer = await browser.post("runs/retry", data={"status": "FAILED"})
        assert "1+runs" in answer.headers["location"]

    await orchestrator.drain()
    first, second = await orchestrator.submissions(status="FAILED")
    assert first.properties == {}
    assert second.properties == {SUBMITTED_BY: "web"}


async def test_what_was_tried_again_is_not_once_more(
    orchestrator: Orchestrator,
) -> None:
    cfg = flows.chain(orchestrator.config, flows.fail)
    scenario = await orchestrator.create_scenario(cfg)
    await scenario.submit().wait()
    found = []

    async with client(orchestrator) as browser:
        for _ in range(3):
            answer = await browser.post("runs/retry")
            found.append(answer.headers["location"])
            await orchestrator.drain()

    # Of those that failed, each time the last one alone had no other after it.
    assert all("=1+runs" in one for one in found), found
    assert len(await orchestrator.submissions()) == 4
