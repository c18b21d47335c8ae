"""What a job leaves in logging does not meet the next one."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from asyncflow import Orchestrator
from asyncflow.worker import world
from asyncflow.worker.log_state import LogState
from tests.support.flows import configuration, single

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]


def leave_basic_config(_: object) -> None:
    logging.basicConfig(level=logging.DEBUG, format="MINE %(message)s", force=True)


def leave_file(_: object) -> None:
    logging.basicConfig(level=logging.DEBUG, filename=os.devnull)


def leave_handlers(_: object) -> None:
    for name in ("", "tests.etl", "tests.new"):
        handler = logging.StreamHandler(sys.stdout)
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).propagate = False


def leave_disabled(_: object) -> None:
    logging.disable(logging.CRITICAL)


def leave_captured(_: object) -> None:
    logging.captureWarnings(True)


def leave_nothing_there(_: object) -> None:
    logging.root.handlers.clear()
    logging.root.filters.append(lambda _: False)
    logging.lastResort = None


def leave_config(_: object) -> None:
    import logging.config

    logging.config.dictConfig(
        {"version": 1, "root": {"level": "DEBUG", "handlers": []}}
    )


def leave_implicitly(_: object) -> None:
    logging.warning("an implicit basicConfig")  # noqa: LOG015  # on purpose


def look(_: object) -> tuple[object, ...]:
    loggers = [logging.getLogger(name) for name in ("", "tests.etl", "tests.new")]
    return (
        os.getpid(),
        [type(one).__name__ for one in logging.root.handlers],
        [len(one.handlers) for one in loggers],
        [one.level for one in loggers],
        [one.propagate for one in loggers],
        [one.disabled for one in loggers],
        [len(one.filters) for one in loggers],
        logging.root.manager.disable,
        type(logging.lastResort).__name__,
        world.captures_warnings(),
        warnings.showwarning.__module__,
    )


@pytest.mark.parametrize(
    "leave",
    [
        leave_basic_config,
        leave_file,
        leave_handlers,
        leave_disabled,
        leave_captured,
        leave_nothing_there,
        leave_config,
        leave_implicitly,
    ],
)
async def test_what_a_job_does_to_logging_ends_with_it(
    leave: Callable[[object], None],
) -> None:
    config = configuration(workers=1)
    looks = single(config, look)
    source = config.configure_in_memory_data_node("leaver_source", default_data=1)
    task = config.configure_task("leaver", leave, source)
    leaves = config.configure_scenario("leaver_scenario", task)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(looks)
        leaver = await orchestrator.create_scenario(leaves)
        await scenario.submit()
        before = await scenario.result.read()
        await leaver.submit()
        await scenario.submit()
        assert await scenario.result.read() == before


async def test_a_job_may_write_a_log_file_of_its_own(tmp_path: Path) -> None:
    config = configuration(workers=1)
    path = tmp_path / "own.log"

    def log_to_file(path: str) -> None:
        logging.basicConfig(filename=path, level=logging.INFO, format="OWN %(message)s")
        logging.getLogger("own").info("a row")

    cfg = single(config, log_to_file, str(path))

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        await scenario.submit()

    assert path.read_text() == "OWN a row\nOWN a row\n"


# ------------------------------------------------------------------- in this process


@pytest.fixture
def here() -> Iterator[LogState]:
    handler = logging.NullHandler()
    before = [*logging.root.handlers]
    state = LogState(handler)
    yield state
    state.put_right()
    logging.root.handlers[:] = before
    handler.close()


def test_a_job_that_only_logs_leaves_all_clean(here: LogState) -> None:
    logging.getLogger("tests.state").info("a row")
    assert here.is_clean()


@pytest.mark.parametrize(
    "leave", [leave_handlers, leave_disabled, leave_captured, leave_nothing_there]
)
def test_what_is_left_is_seen_and_put_right(
    leave: Callable[[object], None], here: LogState
) -> None:
    before = look(0)
    leave(0)
    assert not here.is_clean()
    here.put_right()
    assert look(0) == before
    assert here.is_clean()


def test_what_is_remembered_stays(here: LogState) -> None:
    logger = logging.getLogger("tests.state")
    logger.setLevel(logging.ERROR)
    here.remember()
    logger.setLevel(logging.DEBUG)
    here.put_right()
    assert logger.level == logging.ERROR
    logger.setLevel(logging.NOTSET)
    here.remember()


def test_what_a_module_sets_up_that_a_job_loads_stays(
    here: LogState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "library_of_the_user", ModuleType("library"))
    theirs = logging.getLogger("library_of_the_user.part")
    other = logging.getLogger("tests.state_new")
    theirs.propagate = other.propagate = False
    here.put_right()
    assert not theirs.propagate
    assert other.propagate
    theirs.propagate = True
