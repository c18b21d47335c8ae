"""A Gantt chart as SVG."""

from __future__ import annotations

import time
from xml.etree import ElementTree

import pytest

from asyncflow.display.gantt import LEAST, PLOT, svg
from asyncflow.display.timeline import JobTimes, timeline
from asyncflow.status import Status
from tests.support.geometry import SVG, check_apart, rectangles
from tests.support.runs_drawn import BEGIN, random_jobs


def chart(count: int, *, pause: float = 0.0) -> str:
    jobs, needs, end = random_jobs(count, 7, pause=pause)
    return svg(timeline(jobs, needs, submitted=BEGIN, now=end), title="a run")


@pytest.mark.parametrize("pause", [0.0, 4000.0])
@pytest.mark.parametrize("jobs", [0, 1, 2, 30, 200, 2000])
def test_bars_and_labels_are_apart(jobs: int, pause: float) -> None:
    check_apart(chart(jobs, pause=pause))


@pytest.mark.parametrize("jobs", [30, 500])
def test_it_has_no_script_and_nothing_of_the_names_but_text(jobs: int) -> None:
    tree = ElementTree.fromstring(chart(jobs))  # we have made it
    tags = {element.tag for element in tree.iter()}
    assert tags <= {
        f"{SVG}{tag}" for tag in ("svg", "title", "style", "rect", "g", "text", "path")
    }


def test_what_a_job_does_has_a_shape() -> None:
    job = JobTimes(
        name="a",
        status=Status.COMPLETED,
        started=6,
        worked=2,
        finished=10,
        tries=[(1, 4)],
    )
    picture = svg(timeline([job], [[]], submitted=0, now=10))
    found = rectangles(picture)
    heights = {
        name: {round(box.height) for box in boxes} for name, boxes in found.items()
    }
    assert heights["af-wait"] == {4}
    assert heights["af-run-good"] == {14}
    assert heights["af-save"] == {8}
    assert heights["af-lost"] == {13}
    assert 'class="af-cross"' in picture


def test_a_time_in_which_nothing_ran_is_folded_and_told() -> None:
    picture = chart(10, pause=4000)
    assert "<title>nothing ran for 1 h 07 m</title>" in picture
    assert "… 1 h 07 m …" in picture


def test_what_runs_has_no_straight_end_and_what_is_short_is_seen() -> None:
    jobs = [
        JobTimes(name="a", status=Status.RUNNING, started=0),
        JobTimes(name="b", status=Status.COMPLETED, started=0, finished=1e-9),
    ]
    picture = svg(timeline(jobs, [[], []], submitted=0, now=10))
    assert '<path class="af-run-busy"' in picture
    (legend, short) = sorted(box.width for box in rectangles(picture)["af-run-good"])[
        ::-1
    ]
    assert (legend, short) == (22, LEAST)


def test_a_large_run_is_drawn_in_time_and_in_few_signs() -> None:
    jobs, needs, end = random_jobs(10_000, 3)
    begin = time.process_time()
    picture = svg(timeline(jobs, needs, submitted=BEGIN, now=end))
    assert time.process_time() - begin < 2
    assert len(picture) < 200 * PLOT
