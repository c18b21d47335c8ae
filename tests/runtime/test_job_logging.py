"""What jobs log is handled by the loggers of the program, whichever process they run in."""

from __future__ import annotations

import io
import logging
import logging.config
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from anyio import fail_after, to_thread

from asyncflow import Orchestrator, Status
from asyncflow.dispatch import echo as _echo
from tests.runtime.test_output_streams import run
from tests.support import flows
from tests.support.flows import configuration, fan, single

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]

PATIENCE = 40

EVERYWHERE = [
    ("standalone", "process"),
    ("standalone", "thread"),
    ("standalone", "inline"),
    ("development", "process"),
]

logger = logging.getLogger("tests.etl")


class StoredValue(logging.Handler):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def messages(self) -> list[str]:
        return [record.getMessage() for record in self.records]


@contextmanager
def handled(
    handler: logging.Handler, name: str = "tests.etl", level: int = logging.INFO
) -> Iterator[None]:
    """Have a logger of this process use a handler."""
    one = logging.getLogger(name)
    before = one.level
    one.addHandler(handler)
    one.setLevel(level)

    try:
        yield
    finally:
        one.removeHandler(handler)
        one.setLevel(before)


class NoPickle:
    def __repr__(self) -> str:
        return "<no pickle>"

    def __reduce__(self) -> str:
        raise TypeError("it cannot be pickled")


def log_all(_: object) -> int:
    logger.debug("never shown")
    logger.info("rows: %d", 3, extra={"tenant": "a", "odd": NoPickle(), "two": [1, 2]})

    try:
        raise KeyError("gone")
    except KeyError:
        logger.exception("it failed")

    return os.getpid()


@pytest.mark.parametrize(("mode", "executor"), EVERYWHERE)
@pytest.mark.parametrize("echo", [True, False, "live"])
async def test_records_come_to_the_loggers_of_the_program(
    mode: str, executor: str, echo: object
) -> None:
    config = configuration(mode, echo=echo)
    cfg = single(config, log_all, executor=executor)
    kept = StoredValue()

    with handled(kept):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            submission = await scenario.submit()
            first, second = kept.records  # they are there when it ends
            (job,) = submission.jobs
            output = await job.output()
            pid = await scenario.result.read()

    assert first.getMessage() == "rows: 3"
    assert (first.levelno, first.name) == (logging.INFO, "tests.etl")
    assert first.funcName == "log_all"
    assert first.process == pid
    assert first.__dict__["job_id"] == job.id
    assert first.__dict__["submission_id"] == submission.id
    assert first.__dict__["task"] == "work"
    assert first.__dict__["tenant"] == "a"
    assert str(first.__dict__["odd"]) == "<no pickle>"
    assert first.__dict__["two"] == [1, 2]
    assert second.exc_info is not None
    assert isinstance(second.exc_info[1], KeyError)
    shown = logging.Formatter().format(second)
    assert shown.startswith("it failed\nTraceback")
    assert "KeyError: 'gone'" in shown
    assert "INFO tests.etl: rows: 3\n" in output
    assert "ERROR tests.etl: it failed\nTraceback" in output
    assert "never shown" not in output


def log_and_wait(folder: str) -> None:
    logger.info("begun")
    flows.wait_for_file(f"{folder}/go")
    logger.info("ended")


async def test_records_come_while_the_job_runs(tmp_path: Path) -> None:
    config = configuration(workers=1)
    cfg = single(config, log_and_wait, str(tmp_path))
    came = threading.Event()

    class Coming(StoredValue):
        def emit(self, record: logging.LogRecord) -> None:
            super().emit(record)
            came.set()

    kept = Coming()

    with handled(kept):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            submission = scenario.submit()

            with fail_after(PATIENCE):
                assert await to_thread.run_sync(came.wait, PATIENCE)
                assert kept.messages == ["begun"]
                assert submission.jobs[0].status is Status.RUNNING
                await to_thread.run_sync((tmp_path / "go").touch)
                await submission

    assert kept.messages == ["begun", "ended"]


def log_many(count: int) -> None:
    for number in range(count):
        logger.info("number %d", number)


async def test_many_records_come_in_their_order() -> None:
    config = configuration(workers=1)
    cfg = single(config, log_many, 800)
    kept = StoredValue()

    with handled(kept):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)

            for _ in range(2):
                await scenario.submit()

    assert kept.messages == [f"number {number}" for number in range(800)] * 2


def log_number(value: int) -> int:
    logger.info("a job")
    return value


async def test_each_job_of_a_trip_has_its_own_records() -> None:
    config = configuration(workers=2)
    kept = StoredValue()

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(fan(config, log_number, 100))
        await flows.make_short(orchestrator, scenario)

        with handled(kept):
            submission = await scenario.submit()
            outputs = [await job.output() for job in submission.jobs]

    ids = [record.__dict__["job_id"] for record in kept.records]
    assert sorted(ids) == sorted(job.id for job in submission.jobs)
    assert all(text.endswith("INFO tests.etl: a job\n") for text in outputs)


def die_logging(_: object) -> None:
    logger.info("last words")
    os._exit(3)


async def test_the_last_records_of_a_worker_that_dies_come() -> None:
    config = configuration(workers=1)
    cfg = single(config, die_logging, crash_retries=0)
    kept = StoredValue()

    with handled(kept):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            submission = await scenario.submit().wait()

            with fail_after(PATIENCE):
                await orchestrator._opened().scheduler._echo.close()

    assert kept.messages == ["last words"]
    assert submission.jobs[0].status == "FAILED"


# -------------------------------------------------------------------------- bad handlers


class Hanging(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.end = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.end.wait(30)


class Raising(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise SystemExit(3)


async def test_a_handler_that_blocks_holds_up_no_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_echo, "PATIENCE", 0.05)
    monkeypatch.setattr(_echo, "LAST", 0.05)
    config = configuration(workers=1)
    handler = Hanging()

    try:
        with handled(handler), fail_after(PATIENCE):
            async with Orchestrator(config) as orchestrator:
                cfg = single(config, log_many, 50)
                scenario = await orchestrator.create_scenario(cfg)
                assert (await scenario.submit()).jobs[0].status == "COMPLETED"
    finally:
        handler.end.set()


async def test_a_handler_that_raises_ends_nothing() -> None:
    config = configuration(workers=1)

    with handled(Raising()), fail_after(PATIENCE):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(single(config, log_many, 3))
            assert (await scenario.submit()).jobs[0].status == "COMPLETED"


# ------------------------------------------------------------------------------ programs

PROGRAM = """
import logging, sys
import anyio
from asyncflow import Config, Orchestrator

log = logging.getLogger("etl")
log.setLevel(logging.INFO)
SETUP

def f(x):
    print("row")
    log.info("one")
    logging.warning("root")
    log.info("two")

source = Config.configure_data_node("x", default_data=1)
cfg = Config.configure_scenario("s", Config.configure_task("t", f, source))
Config.configure_job_executions("MODE", 1)

async def main():
    async with Orchestrator(store=":memory:") as orchestrator:
        for _ in range(2):
            await (await orchestrator.create_scenario(cfg)).submit()

anyio.run(main)
"""


@pytest.mark.parametrize("mode", ["standalone", "development"])
def test_a_program_without_handlers_shows_warnings_on_stderr(
    mode: str, tmp_path: Path
) -> None:
    program = PROGRAM.replace("SETUP", "").replace("MODE", mode)
    out, err = run(tmp_path, program)
    assert out == ["row"] * 2

    if mode == "standalone":
        assert [line for line in err if "root" in line] == ["root"] * 2


@pytest.mark.parametrize("mode", ["standalone", "development"])
def test_the_file_of_a_program_has_the_records_of_its_jobs(
    mode: str, tmp_path: Path
) -> None:
    setup = 'logging.basicConfig(format="APP %(name)s %(message)s", filename="app.log")'
    program = PROGRAM.replace("SETUP", setup).replace("MODE", mode)
    out, err = run(tmp_path, program)
    assert (out, [line for line in err if "development" not in line]) == (
        ["row"] * 2,
        [],
    )
    lines = (tmp_path / "app.log").read_text().splitlines()
    expected = ["APP etl one", "APP root root", "APP etl two"] * 2
    assert [line for line in lines if "asyncflow" not in line] == expected


def test_a_module_that_sets_logging_up_does_not_write_twice(tmp_path: Path) -> None:
    (tmp_path / "etl.py").write_text(
        "import logging\n"
        'handler = logging.FileHandler("etl.log")\n'
        "log = logging.getLogger('etl')\n"
        "log.addHandler(handler)\n"
        "log.setLevel('INFO')\n"
        "logging.basicConfig(filename='app.log')\n"
        "def f(x):\n"
        "    log.info('once')\n"
    )
    program = PROGRAM.replace("def f(x)", "def g(x)").replace(
        "SETUP", "from etl import f"
    )
    run(tmp_path, program.replace("MODE", "standalone"))
    assert (tmp_path / "etl.log").read_text() == "once\n" * 2
    assert (tmp_path / "app.log").read_text() == "INFO:etl:once\n" * 2


def sets_logging_up(value: int) -> int:
    logging.basicConfig(force=True, level=logging.DEBUG, stream=io.StringIO())
    logging.disable(logging.ERROR)
    logging.getLogger("tests.etl").debug("for the handler of the job")
    return value


async def test_a_job_on_the_event_loop_gives_the_programs_handlers_back() -> None:
    config = configuration("development")
    root = logging.root
    before = (root.level, [*root.handlers], root.manager.disable)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, sets_logging_up))
        await scenario.submit()
        assert (root.level, [*root.handlers], root.manager.disable) == before


# ---------------------------------------------------------- what a job sets up for itself


def set_basic(_: object) -> None:
    logging.basicConfig(force=True, level=logging.INFO)


def set_stream(_: object) -> None:
    logging.basicConfig(force=True, level=logging.INFO, stream=io.StringIO())


def set_config(_: object) -> None:
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"own": {"class": "logging.StreamHandler"}},
            "root": {"handlers": ["own"], "level": "INFO"},
        }
    )


def set_others(_: object) -> None:
    logging.root.handlers = [logging.StreamHandler()]


def set_none(_: object) -> None:
    for handler in [*logging.root.handlers]:
        logging.root.removeHandler(handler)


def set_own_logger(_: object) -> None:
    logger.addHandler(logging.StreamHandler())


@pytest.mark.parametrize(
    "set_up",
    [set_basic, set_stream, set_config, set_others, set_none, set_own_logger],
)
@pytest.mark.parametrize("name", ["", "tests", "tests.etl"])
async def test_records_are_not_lost_where_a_job_sets_up_handlers_of_its_own(
    set_up: Callable[[object], None], name: str
) -> None:
    def log(does: object) -> None:
        if does:
            set_up(does)

        logger.info("a row")

    config = configuration(workers=1, echo=False)
    cfg = single(config, log, True)
    kept = StoredValue()

    with handled(kept, name):
        async with Orchestrator(config, ":memory:") as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            own = (await scenario.submit()).jobs[0]
            assert kept.messages == ["a row"]  # not twice
            await scenario.source.write(False)
            next_one = (await scenario.submit()).jobs[0]
            assert kept.messages == ["a row", "a row"]
            assert "a row" in await own.output("log")
            assert await next_one.output("stderr") == ""


async def test_what_a_job_keeps_from_the_programs_handlers_stays_so() -> None:
    def log(_: object) -> None:
        logger.addHandler(logging.StreamHandler())
        logger.propagate = False
        logger.info("a row")

    config = configuration(workers=1, echo=False)
    kept = StoredValue()

    with handled(kept, ""):
        async with Orchestrator(config, ":memory:") as orchestrator:
            scenario = await orchestrator.create_scenario(single(config, log))
            (job,) = (await scenario.submit()).jobs
            assert kept.messages == []
            assert await job.output("stderr") == "a row\n"
