"""A run as one page of HTML."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncflow.display import report as pages
from asyncflow.display.graph import Box, Graph
from asyncflow.display.picture import DagPicture, GanttPicture
from asyncflow.display.report import ShownJob, ShownRun, ShownTry, report
from asyncflow.display.timeline import JobTimes, timeline
from asyncflow.status import Status
from tests.support.pictures import HOSTILE

EVIL = "</pre></details><script>alert(1)</script><img src=x onerror=alert(1)>"


def run_of(*jobs: ShownJob) -> ShownRun:
    boxes = [Box(id=job.id, label=job.name, statuses={job.status: 1}) for job in jobs]
    times = [JobTimes(name=job.name, status=job.status, started=1) for job in jobs]
    shown = timeline(times, [[] for _ in jobs], submitted=0, now=9)
    return ShownRun(
        id="SUBMISSION_1",
        entity="SCENARIO_1",
        status="FAILED",
        submitted=0,
        finished=9,
        reason="",
        dag=DagPicture(Graph(boxes=boxes, edges=()), "graph"),
        gantt=GanttPicture(shown, "times"),
        jobs=jobs,
    )


def job(name: str = "load", **facts: object) -> ShownJob:
    made = ShownJob(id=f"JOB_{name}", name=name, status=Status.FAILED)
    return attrs.evolve(made, **facts)  # type: ignore[arg-type]  # fields of it


class Page(HTMLParser):
    """Takes note of the tags of a page, of their attributes, and of its texts."""

    VOID = frozenset({"meta", "br", "rect", "path"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


KNOWN = frozenset(
    [
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "h1",
        "h2",
        "p",
        "br",
        "ul",
        "li",
        "a",
        "span",
        "div",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "details",
        "summary",
        "pre",
        "svg",
        "rect",
        "g",
        "text",
        "path",
    ]
)


@pytest.mark.parametrize("text", [*HOSTILE, EVIL, "\x1b[31mred\x1b[0m", "\udc80"])
def test_whatever_was_written_is_text(text: str) -> None:
    facts = {"reason": text, "traceback": text, "output": text}
    tries = [ShownTry(number=1, reason=text, traceback=text)]
    shown = attrs.evolve(run_of(job(text, **facts, tries=tries)), reason=text)
    page = report(shown)
    page.encode("utf-8")
    found = Page(page)
    assert found.open == []
    assert set(found.tags) <= KNOWN
    assert not any(name.startswith("on") or name == "src" for name in found.attributes)
    assert "\x1b" not in page


@given(st.text(max_size=80))
def test_any_text_makes_a_page(text: str) -> None:
    page = Page(report(run_of(job(text, output=text, reason=text))))
    assert page.open == []
    assert set(page.tags) <= KNOWN


def test_nothing_is_loaded_and_nothing_is_run() -> None:
    page = report(run_of(job()))
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    without = page.replace("http://www.w3.org/2000/svg", "")
    assert "http" not in without.replace("http-equiv", "")
    assert "@import" not in page
    assert "url(" not in page
    assert page.count("prefers-color-scheme:dark") == 2


def test_it_tells_what_happened() -> None:
    failed = job(
        reason="ValueError: no",
        traceback="Traceback: line 1",
        output="loading\n",
        began=1.0,
        ran=2.5,
        cpu=0.25,
        peak_rss=100 * 2**20,
        tries=[ShownTry(number=1, reason="it crashed")],
    )
    page = report(run_of(failed, job("tell", status=Status.COMPLETED)))
    texts = Page(page).texts

    for text in ("ValueError: no", "Traceback: line 1", "loading\n", "2.5 s", "250 ms"):
        assert text in texts

    for text in ("100 MiB", "2", "attempt 1 failed: it crashed", "What failed"):
        assert text in texts

    assert '<details id="job-0" open>' in page
    assert '<a href="#job-0">load</a>' in page
    assert "job-1" not in page  # it has printed nothing
    assert page.count("<svg ") == 2


def test_of_much_output_that_of_failed_jobs_comes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pages, "WHOLE", 1_000)
    fine = job("fine", status=Status.COMPLETED, output="x" * 800)
    page = report(run_of(fine, job("bad", output="y" * 800)))
    assert "y" * 800 in page
    assert "x" * 800 not in page
    assert "left out, as this page has enough of that" in page


def test_output_that_was_not_read_is_told() -> None:
    assert "what it printed is not in this page" in report(run_of(job(output=None)))


def test_a_run_that_goes_on_and_one_without_jobs_have_a_page() -> None:
    running = attrs.evolve(run_of(job(status=Status.RUNNING)), finished=None)
    assert "has not ended" in report(running)
    assert "0 jobs: none" in report(run_of())


def test_a_page_of_10_000_jobs_is_made_in_time() -> None:
    jobs = [
        job(f"job {at}", status=Status.COMPLETED, output="a line\n" * 20)
        for at in range(10_000)
    ]
    begin = time.process_time()
    page = report(run_of(*jobs))
    assert time.process_time() - begin < 5
    assert len(page) < 20_000_000
