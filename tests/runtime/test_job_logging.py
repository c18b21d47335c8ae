"""What jobs log is handled by the loggers of the program, whichever process they run in."""

from __future__ import annotations

import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from anyio import fail_after, to_thread

from asyncflow import Orchestrator, Status
from asyncflow.dispatch import echo as _echo
from asyncflow.worker import log_levels, records
from asyncflow.worker.records import Records, line_of, packed, unpacked
from asyncflow.worker.world import World
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


async def test_a_change_of_levels_is_a_new_world() -> None:
    world = World()
    number = world.look()
    assert world.look() == number
    one = logging.getLogger("tests.world")
    one.setLevel(logging.DEBUG)

    try:
        assert world.look() == number + 1
        assert world.look() == number + 1
    finally:
        one.setLevel(logging.NOTSET)

    assert world.look() == number + 2


# ---------------------------------------------------------------- what a job leaves there


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
        log_levels.captures_warnings(),
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


# ------------------------------------------------------------------------- the handler


def make_record(text: str = "text", **more: object) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "one", "msg": text, "levelno": 20, **more})


def test_what_cannot_be_sent_goes_later_in_its_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(records, "PAUSE", 0.0)
    sent: list[bytes] = []
    is_busy = True

    def send(job_id: str, batch: list[bytes]) -> bool:
        if not is_busy:
            sent.extend(batch)

        return not is_busy

    handler = Records(lambda _: None, send)
    handler.handle(make_record("1"))
    handler.handle(make_record("2"))
    assert len(handler.waiting) == 2
    is_busy = False
    handler.handle(make_record("3"))
    assert not handler.waiting
    is_busy = True
    handler.handle(make_record("4"))
    found = [unpacked(data).getMessage() for data in (*sent, *handler.take())]
    assert found == ["1", "2", "3", "4"]
    handler.close()


def test_what_is_too_much_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MOST", 3)
    handler = Records(lambda _: None, lambda *_: False)

    for _ in range(10):
        handler.handle(make_record("x" * 1_000_000))

    found = [unpacked(data) for data in handler.take()]
    assert len(found) == 4
    assert found[-1].name == "asyncflow"
    assert found[-1].getMessage().startswith("7 log records of a job were dropped")
    assert all(len(record.getMessage()) <= records.TEXT for record in found)
    assert handler.take() == ()
    handler.close()


def test_the_line_of_a_record_leaves_it_as_it_is() -> None:
    try:
        raise ValueError("x")
    except ValueError:
        record = make_record(exc_info=sys.exc_info(), args=())

    assert "ValueError: x" in line_of(record)
    assert record.exc_text is None
    assert line_of(make_record("%d", args=("x",))) == ""


def test_a_value_that_cannot_be_loaded_is_its_repr() -> None:
    class Local:
        def __repr__(self) -> str:
            return "<local>"

    record = unpacked(packed(make_record(one=Local(), two={"a": 1})))
    assert record.__dict__["one"] == "<local>"
    assert record.__dict__["two"] == {"a": 1}
