"""One job."""

from __future__ import annotations

import pytest
from anyio import fail_after

from asyncflow import Orchestrator, Retry, Submission
from asyncflow.web.pages import job as page_of_job
from tests.support import flows
from tests.support.web import HOSTILE, app, client, stream

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("shared_workers")]


def say(_: object) -> None:
    print("first <b>line</b>")
    print(HOSTILE)
    print("third line")


async def ended(orchestrator: Orchestrator, function: flows.Function) -> Submission:
    config = flows.single(
        orchestrator.config, function, retry=Retry(attempts=2, wait=0)
    )
    scenario = await orchestrator.create_scenario(config)
    return await scenario.submit().wait()


async def test_output_is_text(orchestrator: Orchestrator) -> None:
    (job,) = (await ended(orchestrator, say)).jobs

    async with client(orchestrator) as browser:
        page = await browser.get(f"jobs/{job.id}")
        assert "first &lt;b&gt;line&lt;/b&gt;" in page.text
        assert "\x1b" not in page.text
        assert "<b>" not in page.text

        page = await browser.get(f"jobs/{job.id}", params={"search": "third"})
        assert "third line" in page.text
        assert "first" not in page.text
        page = await browser.get(f"jobs/{job.id}", params={"search": "fourth"})
        assert "No line of it has this." in page.text

        raw = await browser.get(f"jobs/{job.id}/log")
        assert raw.text == f"first <b>line</b>\n{HOSTILE}\nthird line\n"
        assert raw.headers["content-type"].startswith("text/plain")
        assert "attachment" in raw.headers["content-disposition"]


async def test_a_job_that_has_printed_nothing_says_so(
    orchestrator: Orchestrator,
) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    run = await (await orchestrator.create_scenario(config)).submit()

    async with client(orchestrator) as browser:
        page = await browser.get(f"jobs/{run.jobs[0].id}")

    assert "It has printed nothing." in page.text
    assert 'id="log"' not in page.text


async def test_output_comes_as_it_is_printed(orchestrator: Orchestrator) -> None:
    (job,) = (await ended(orchestrator, say)).jobs

    with fail_after(30):
        async with stream(app(orchestrator), f"/a/b/jobs/{job.id}/live") as reader:
            text = ""

            while (event := await reader.event())[0] != "ended":
                assert event[1]["id"] == "log"
                text += event[1]["text"]

        assert text.startswith("first <b>line</b>\n")

        # What the page had already is not sent.
        place = f"/a/b/jobs/{job.id}/live?last=18"

        async with stream(app(orchestrator), place) as reader:
            assert (await reader.event())[1]["text"].startswith("<b>")


async def test_long_output_is_in_pieces(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_of_job, "CHUNK", 2)
    (job,) = (await ended(orchestrator, say)).jobs

    async with client(orchestrator) as browser:
        page = await browser.get(f"jobs/{job.id}")
        assert page.text.partition('id="log"')[2].count("<pre>") == 2


async def test_errors_and_attempts_are_shown(orchestrator: Orchestrator) -> None:
    (job,) = (await ended(orchestrator, flows.fail)).jobs

    async with client(orchestrator) as browser:
        page = await browser.get(f"jobs/{job.id}")
        assert "Traceback" in page.text
        assert "Attempt 1: RAISED" in page.text


async def test_a_job_is_cancelled(orchestrator: Orchestrator) -> None:
    scenario = await orchestrator.create_scenario(
        flows.chain(orchestrator.config, flows.block)
    )
    submission = await scenario.submit().accepted()
    (job,) = submission.jobs

    async with client(orchestrator) as browser:
        answer = await browser.post(f"jobs/{job.id}/cancel")
        assert answer.status_code == 303

    with fail_after(30):
        await submission.wait()

    assert job.status == "CANCELED"
    assert "cancelled by web" in job.reason
