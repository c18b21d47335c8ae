"""What all pages have."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from asyncflow import Orchestrator
from asyncflow.web.site import KEPT, Site, lines, root_of, seconds


@pytest.mark.parametrize(
    ("path", "root"),
    [("/a/b/", "./"), ("/a/b/runs", "./"), ("/a/b/runs/x/live", "../../")],
)
def test_links_begin_at_the_first_page(path: str, root: str) -> None:
    scope = {"type": "http", "path": path, "root_path": "/a/b", "headers": []}
    assert root_of(Request(scope)) == root


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, ""),
        (0.0123, "12 ms"),
        (3.14, "3.1 s"),
        (61, "1 min 1 s"),
        (3725, "1 h 2 min"),
    ],
)
def test_durations_are_short(count: float | None, text: str) -> None:
    assert seconds(count) == text


def test_output_shows_no_codes_of_terminals() -> None:
    printed = "\x1b[1;31mred\x1b[0m\r\n\x1b]0;title\x07two\n\x00\ufeffthree"
    assert lines(printed) == "red\ntwo\n\ufffd\ufffdthree"


def test_parts_are_made_once_and_the_oldest_go() -> None:
    site = Site(lambda _: Orchestrator(), "flows", has_token=False)
    first = site.kept("run_dag", 0, dag="<svg/>")
    assert "<svg/>" in first
    assert site.kept("run_dag", 0, dag="other") is first

    for number in range(KEPT):
        site.kept("run_dag", ("more", number), dag="")

    assert "other" in site.kept("run_dag", 0, dag="other")
