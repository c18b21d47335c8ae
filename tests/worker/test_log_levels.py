"""The log levels of the parent: a worker makes no record that nobody wants there."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from asyncflow import Orchestrator
from asyncflow.worker import world
from asyncflow.worker.world import (
    LevelWatch,
    all_loggers,
    apply_levels,
    captures_warnings,
    handled_by_parent,
)
from tests.support.flows import configuration, single

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]


def log_levels_of(_: object) -> list[bool]:
    return [
        logging.getLogger(name).isEnabledFor(level)
        for name in ("tests.a", "tests.b", "tests.c")
        for level in (logging.DEBUG, logging.INFO, logging.WARNING)
    ]


async def test_levels_follow_those_of_the_program() -> None:
    config = configuration(workers=1)
    cfg = single(config, log_levels_of)
    a, b = logging.getLogger("tests.a"), logging.getLogger("tests.b")

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        try:
            for first, second in [
                (logging.DEBUG, logging.ERROR),
                (logging.INFO, logging.NOTSET),
                (logging.NOTSET, logging.DEBUG),
            ]:
                a.setLevel(first)
                b.setLevel(second)
                await scenario.submit()
                assert await scenario.result.read() == log_levels_of(0)

            logging.disable(logging.WARNING)
            await scenario.submit()
            assert await scenario.result.read() == [False] * 9
        finally:
            logging.disable(logging.NOTSET)
            a.setLevel(logging.NOTSET)
            b.setLevel(logging.NOTSET)

        await scenario.submit()
        assert await scenario.result.read() == log_levels_of(0)


@pytest.fixture
def logger(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Logger]:
    """Give a logger; put the levels of this process right after it."""
    before = logging.root.level
    monkeypatch.setattr(world, "_given_levels", world._GivenLevels())
    one = logging.getLogger("tests.levels")
    yield one
    one.setLevel(logging.NOTSET)
    logging.root.setLevel(before)
    logging.disable(logging.NOTSET)
    logging.captureWarnings(False)


def test_a_change_is_seen(logger: logging.Logger) -> None:
    watch = LevelWatch()
    assert not watch.is_same()
    watch.look()
    assert watch.is_same()
    logger.setLevel(logging.DEBUG)
    assert not watch.is_same()
    assert watch.look()[0]["tests.levels"] == logging.DEBUG
    assert watch.is_same()
    logging.captureWarnings(True)
    assert not watch.is_same()
    assert watch.look()[3] is True


def test_a_worker_has_the_levels_of_its_parent(logger: logging.Logger) -> None:
    apply_levels(({"tests.levels": logging.ERROR}, logging.INFO, ("", "etl"), False))
    assert logger.level == logging.ERROR
    assert logging.root.manager.disable == logging.INFO
    assert sorted(handled_by_parent()) == ["", "etl"]
    assert not captures_warnings()

    apply_levels(({}, logging.NOTSET, (), True))
    assert logger.level == logging.NOTSET  # the parent has none any more
    assert logging.root.manager.disable == logging.NOTSET
    assert captures_warnings()


def test_what_a_module_has_set_here_stays(logger: logging.Logger) -> None:
    logger.setLevel(logging.DEBUG)
    apply_levels(({}, logging.NOTSET, (), False))
    assert logger.level == logging.DEBUG
    assert ("tests.levels", logger) in all_loggers()
