"""One run."""

from __future__ import annotations

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
            assert "<button" not in text
