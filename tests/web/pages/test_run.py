"""One run."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from anyio import fail_after

from asyncflow import Orchestrator
from asyncflow.acting import SUBMITTED_BY
from asyncflow.web.pages import run
from tests.support import flows
from tests.support.web import app, client, stream

pytestmark = pytest.mark.anyio


async def test_a_page_shows_a_run_as_it_goes(
    orchestrator: Orchestrator, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    config = flows.single(orchestrator.config, flows.wait_for_file, str(gate))
    scenario = await orchestrator.create_scenario(config)
    submission = await scenario.submit().accepted()
    place = f"/a/b/runs/{submission.id}/live"
    (job,) = submission.jobs

    with fail_after(40):
        async with stream(app(orchestrator), place) as reader:
            _, parts = await reader.event()
            assert {*parts} == {
                *("head", "dag", "gantt", "values-list", "events-list"),
                f"row-{job.id}",
            }
            gate.touch()
            news: dict[str, str] = {}

            while (event := await reader.event())[0] != "ended":
                news |= event[1]

    assert "COMPLETED" in news["head"]
    assert "COMPLETED" in news[f"row-{job.id}"]
    assert "wrote" in news["values-list"]
    assert "<svg" in news["dag"]
    assert "<svg" in news["gantt"]


async def test_jobs_are_found_by_their_status_and_their_task(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SHOWN", 1)
    declare = orchestrator.config
    source = declare.configure_data_node("source", default_data=1)
    tasks = [
        declare.configure_task(
            name, function, source, declare.configure_data_node(f"{name}_out")
        )
        for name, function in (
            *(("load_a", flows.double), ("load_b", flows.fail)),
            *(("store_a", flows.fail), ("store_b", flows.double)),
        )
    ]
    scenario = await orchestrator.create_scenario(
        declare.configure_scenario("s", tasks)
    )
    submission = await scenario.submit().wait()
    place = f"runs/{submission.id}"

    async with client(orchestrator) as browser:

        async def found(asked: str) -> list[str]:
            names: list[str] = []
            more = f"?{asked}"

            while more:
                page = await browser.get(f"{place}{more}")
                rows = re.findall(r'<tr id="row-JOB_(load_.|store_.)_', page.text)
                live = await browser.get(f"{place}/live{more}")
                assert re.findall(r'[^\\]"row-JOB_(load_.|store_.)_', live.text) == rows
                names += rows
                further = re.search(r'href="([^"]*)#jobs">Further jobs', page.text)
                more = html.unescape(further[1]) if further else ""

            return names

        assert await found("") == ["load_a", "load_b", "store_a", "store_b"]
        assert await found("status=FAILED") == ["load_b", "store_a"]
        assert await found("task=LOAD") == ["load_a", "load_b"]
        assert await found("task=load&status=FAILED") == ["load_b"]
        assert await found("status=CANCELED") == []
        page = await browser.get(place)
        assert 'href="?status=FAILED#jobs"' in page.text
        page = await browser.get(place, params={"status": "BROKEN"})
        assert page.status_code == 400


async def test_a_run_that_has_ended_is_sent_once(orchestrator: Orchestrator) -> None:
    scenario = await orchestrator.create_scenario(
        flows.chain(orchestrator.config, flows.double)
    )
    submission = await scenario.submit()

    async with client(orchestrator) as browser:
        answer = await browser.get(f"runs/{submission.id}/live")
        events = answer.text.split("\n\n")
        assert [
            event.partition("event: ")[2].partition("\n")[0] for event in events
        ] == [*("", "parts", "ended", "")]
        number = events[1].partition("id: ")[2].partition("\n")[0]

        answer = await browser.get(
            f"runs/{submission.id}/live", headers={"last-event-id": number}
        )
        assert "event: parts" not in answer.text
        assert "event: ended" in answer.text


async def test_long_runs_are_shown_in_parts(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SHOWN", 2)
    monkeypatch.setattr(run, "VALUES", 2)
    scenario = await orchestrator.create_scenario(
        flows.chain(orchestrator.config, *[flows.double] * 5)
    )
    submission = await scenario.submit()

    async with client(orchestrator) as browser:
        page = await browser.get(f"runs/{submission.id}", params={"from": 2})
        assert page.text.count('<tr id="row-') == 2
        assert "Earlier jobs" in page.text
        assert "Further jobs" in page.text
        assert "and 3 more" in page.text


async def test_a_run_is_cancelled_tried_again_and_deleted(
    orchestrator: Orchestrator,
) -> None:
    scenario = await orchestrator.create_scenario(
        flows.chain(orchestrator.config, flows.block)
    )
    submission = await scenario.submit().accepted()
    place = f"runs/{submission.id}"

    async with client(orchestrator) as browser:
        assert (await browser.post(f"{place}/delete")).status_code == 409
        assert (await browser.post(f"{place}/retry")).status_code == 409
        assert (await browser.post(f"{place}/cancel")).status_code == 303

        with fail_after(30):
            await submission.wait()

        page = await browser.get(place)
        assert "CANCELED" in page.text
        again = (await browser.post(f"{place}/retry")).headers["location"]
        other = await orchestrator.get_submission(
            again.rpartition("/")[2].partition("?")[0]
        )
        assert other.id != submission.id
        assert other.properties == {SUBMITTED_BY: "web"}
        assert " by web" in (await browser.get(f"runs/{other.id}")).text
        other.cancel()

        with fail_after(30):
            await other.wait()

        assert (await browser.post(f"{place}/delete")).status_code == 303
        assert (await browser.get(place)).status_code == 404


async def test_a_run_is_paused_and_goes_on(orchestrator: Orchestrator) -> None:
    scenario = await orchestrator.create_scenario(
        flows.chain(orchestrator.config, flows.block)
    )
    submission = await scenario.submit().accepted()
    place = f"runs/{submission.id}"

    async with (
        client(orchestrator) as browser,
        stream(app(orchestrator), f"/a/b/{place}/live") as reader,
    ):
        with fail_after(30):
            while "Pause" not in (await reader.event())[1].get("head", ""):
                pass

            assert (await browser.post(f"{place}/pause")).status_code == 303
            assert submission.is_paused
            assert "It is paused" in (await browser.get(place)).text

            while "Resume" not in (await reader.event())[1].get("head", ""):
                pass

            assert (await browser.post(f"{place}/resume")).status_code == 303
            assert "It is paused" not in (await browser.get(place)).text
            submission.cancel()
            await submission.wait()


async def test_a_reader_sees_no_buttons_also_in_what_comes_later(
    orchestrator: Orchestrator,
) -> None:
    from asyncflow.web import Access

    scenario = await orchestrator.create_scenario(
        flows.chain(orchestrator.config, flows.double)
    )
    submission = await scenario.submit()

    async with client(orchestrator, access=lambda _: Access.READ) as browser:
        for place in ("", "/live"):
            text = (await browser.get(f"runs/{submission.id}{place}")).text
            assert "COMPLETED" in text
            assert 'method="post"' not in text
            assert text.count("<button") == (place == "")  # that of the filter
