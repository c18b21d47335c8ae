"""A picture as SVG."""

from __future__ import annotations

import time
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncflow.display.folding import folded
from asyncflow.display.graph import Box, Graph
from asyncflow.display.svg import STYLE, svg
from asyncflow.status import Status
from tests.support.geometry import check_apart
from tests.support.pictures import HOSTILE, random_graph

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: str) -> list[str]:
    tree = ElementTree.fromstring(picture)  # we have made it
    return [element.text or "" for element in tree.iter(f"{SVG}text")]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_and_nothing_else(name: str) -> None:
    picture = svg(
        Graph(boxes=[Box(id="a", label=name, note=name)], edges=()), title=name
    )
    tags = {
        element.tag for element in ElementTree.fromstring(picture).iter()
    }  # the same
    assert tags <= {
        f"{SVG}{tag}" for tag in ("svg", "title", "style", "rect", "g", "text", "path")
    }
    assert "<script" not in picture


@given(st.text(max_size=60))
def test_any_name_makes_valid_xml(name: str) -> None:
    ElementTree.fromstring(
        svg(Graph(boxes=[Box(id="a", label=name)], edges=()), title=name)
    )  # the same


def test_a_short_name_is_shown_as_it_is() -> None:
    box = Box(id="a", label="a <b> & 'c'", note="csv")
    assert texts(svg(Graph(boxes=[box], edges=()))) == ["a <b> & 'c'", "csv"]


@pytest.mark.parametrize("status", Status)
def test_a_status_has_a_sign_and_is_told(status: Status) -> None:
    picture = svg(Graph(boxes=[Box(id="a", label="a", statuses={status: 1})], edges=()))
    assert len(texts(picture)) == 2
    assert f"<title>a, {status}</title>" in picture


def test_signs_tell_statuses_apart_without_colours() -> None:
    pictures = [
        svg(Graph(boxes=[Box(id="a", label="a", statuses={status: 1})], edges=()))
        for status in Status
    ]
    assert len({texts(picture)[0] for picture in pictures}) == len(Status)


def test_a_page_may_have_the_colours() -> None:
    graph = random_graph(10, 1)
    assert "<style>" not in svg(graph, is_styled=False)
    assert f"<style>{STYLE}</style>" in svg(graph)
    assert "prefers-color-scheme:dark" in STYLE


def test_every_edge_is_a_line_with_a_tip() -> None:
    graph = random_graph(30, 3)
    picture = svg(graph)
    assert picture.count('class="af-line"') == len(set(graph.edges))
    assert picture.count('class="af-tip"') == len(set(graph.edges))


@pytest.mark.parametrize("boxes", [2, 30, 200, 2000])
def test_boxes_and_labels_are_apart_in_the_picture(boxes: int) -> None:
    graph = random_graph(boxes, 7)
    check_apart(svg(graph))
    check_apart(svg(folded(graph)))


def test_10_000_tasks_are_drawn_in_time() -> None:
    graph = random_graph(10_000, 5)
    begin = time.process_time()
    svg(folded(graph))
    assert time.process_time() - begin < 2
