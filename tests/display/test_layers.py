"""Which box stands in which layer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncflow.display.layers import layers_of
from tests.support.pictures import random_graph


def test_a_box_stands_behind_all_that_lead_to_it() -> None:
    assert layers_of([[1, 2], [3], [3], []]) == [0, 1, 1, 2]


def test_a_source_stands_just_before_what_it_leads_to() -> None:
    assert layers_of([[1], [2], [], [2]]) == [0, 1, 2, 1]


def test_no_boxes_have_no_layers() -> None:
    assert layers_of([]) == []


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="circle"):
        layers_of([[1], [0]])


@given(st.integers(0, 80), st.integers())
def test_all_edges_lead_to_later_layers(boxes: int, seed: int) -> None:
    successors = random_graph(boxes, seed).successors()
    layers = layers_of(successors)

    for box, targets in enumerate(successors):
        assert all(layers[box] < layers[target] for target in targets)

    assert min(layers, default=0) == 0
