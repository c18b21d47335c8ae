"""Random generators that functions share: who draws from one is warned."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable

import pytest

from asyncflow import Configuration, Orchestrator
from asyncflow.dispatch.shared_generators import _shared
from tests.support import flows

GENERATOR = random.Random(1)


def draw(value: float) -> float:
    return value + GENERATOR.random()


def draw_below(value: float) -> float:
    return draw(value)


@functools.wraps(draw)
def wrapper(value: float) -> float:
    return draw(value)


def make_own(seed: int) -> float:
    return random.Random(seed).random()


@pytest.mark.parametrize("function", [draw, draw_below, functools.partial(draw, 1.0)])
def test_a_generator_that_is_made_once_is_found(
    function: Callable[..., object],
) -> None:
    assert set(_shared(function)) == {"GENERATOR"}


def test_it_is_found_behind_a_decorator() -> None:
    assert "GENERATOR" in _shared(wrapper)


@pytest.mark.parametrize("function", [make_own, len, flows.double])
def test_who_makes_a_generator_of_its_own_shares_none(
    function: Callable[..., object],
) -> None:
    assert list(_shared(function)) == []


def test_a_variable_that_is_not_filled_yet_is_left_out() -> None:
    def early() -> float:
        return late.random()

    assert list(_shared(early)) == []
    late = random.Random(1)
    assert list(_shared(early)) == ["late"]


@pytest.mark.anyio
async def test_a_shared_generator_of_random_numbers_is_warned_of_once(
    config: Configuration, caplog: pytest.LogCaptureFixture
) -> None:
    generator = random.Random(5)

    def draw(value: float) -> float:
        return value + generator.random()

    cfg = flows.single(config, draw)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        await scenario.submit()

    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "draws from `generator`" in record.getMessage()
