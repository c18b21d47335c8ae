"""Ctrl-C, SIGTERM and SIGKILL: what becomes of programs, their jobs and their runs."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import anyio
import pytest

from asyncflow.status import Status
from asyncflow.stores.sqlite import SqliteStore
from tests.support import programs
from tests.support.terminal import Terminal, terminal

DECLARED = """
import os, signal, subprocess, sys, time
from asyncflow import Config, JobStarted, Orchestrator

def note(name):
    with open("ran", "a") as file:
        file.write(f"{name}\\n")

def first(value):
    note("first")
    return value

def second(value):
    if os.environ.get("STUBBORN"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # its child inherits that
        subprocess.Popen(["sleep", "600"])

    note("second")

    while not os.path.exists("go"):
        time.sleep(0.01)

    if os.environ.get("FAIL"):
        raise ValueError("no")

    return value + 1

def third(value):
    note("third")
    return value + 1

def other(value):
    note("other")
    return value

Config.configure_job_executions(
    mode="standalone",
    max_nb_of_workers=1,
    shutdown_grace=float(os.environ.get("GRACE", "600")),
    kill_grace=float(os.environ.get("KILL_GRACE", "600")),
)
n0 = Config.configure_data_node("n0", default_data=1)
n1, n2, n3, n4 = (Config.configure_data_node(f"n{i}") for i in range(1, 5))

if os.environ.get("OWN"):
    n2 = Config.configure_data_node("own", default_path="own.p")

cfg = Config.configure_scenario("row", [
    Config.configure_task("first", first, n0, n1),
    Config.configure_task("second", second, n1, n2),
    Config.configure_task("third", third, n2, n3),
    Config.configure_task("other", other, n1, n4),
])

async def begin(orchestrator):
    submission = (await orchestrator.create_scenario(cfg)).submit()

    async for event in submission:
        if isinstance(event, JobStarted) and event.task == "second":
            break

    # Not before: Python drops what a signal raises while it ends the iterator.
    print("second runs", flush=True)
    return submission
"""

ASYNC = """
async def main():
    async with Orchestrator() as orchestrator:
        submission = await begin(orchestrator)

        try:
            await submission
        finally:
            print("leaving", flush=True)
"""

SCRIPT = f"{DECLARED}{ASYNC}\nimport asyncio\nasyncio.run(main())\n"
ANYIO = f"{DECLARED}{ASYNC}\nimport anyio\nanyio.run(main)\n"

SYNC = f"""{DECLARED}
import asyncflow.sync as tp

with tp.Orchestrator():
    submission = tp.create_scenario(cfg).submit()

    for event in submission.events():
        if isinstance(event, JobStarted) and event.task == "second":
            break

    print("second runs", flush=True)
    submission.wait()
"""

AT_EXIT = SYNC.replace("with tp.Orchestrator():", "tp.Orchestrator().run()\nif True:")

APP = f"""{DECLARED}
from contextlib import asynccontextmanager
from starlette.applications import Starlette

@asynccontextmanager
async def lifespan(app):
    async with Orchestrator() as orchestrator:
        submission = await begin(orchestrator)
        yield

app = Starlette(lifespan=lifespan)
"""

BUSY_APP = f"""{DECLARED}
from contextlib import asynccontextmanager
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from asyncflow import NotOpen, SubmissionInterrupted
from asyncflow.web import dashboard

orchestrator = Orchestrator()

@asynccontextmanager
async def lifespan(app):
    async with orchestrator:
        app.state.run = await begin(orchestrator)
        yield

async def wait(request):
    try:
        await request.app.state.run
    except SubmissionInterrupted:
        pass

    try:
        request.app.state.run.entity.submit()
    except NotOpen as error:
        return PlainTextResponse(str(error))

async def follow(request):
    async with orchestrator.events() as events:
        async for _ in events:
            pass

    return PlainTextResponse("over")

app = Starlette(
    lifespan=lifespan,
    routes=[Route("/wait", wait), Route("/follow", follow), Mount("/", dashboard(orchestrator))],
)
"""

AGAIN = f"""{DECLARED}
async def main():
    async with Orchestrator() as orchestrator:
        await orchestrator.drain()

import asyncio
asyncio.run(main())
"""

DRAINING = r"draining 1 running job for up to [\d.]+ s: Ctrl-C again kills it"


@contextmanager
def program(folder: Path, text: str, **env: str) -> Iterator[Terminal]:
    """Run a script until its second job runs."""
    (folder / "script.py").write_text(text)

    with terminal("script.py", folder=folder, **env) as shown:
        shown.until("second runs")
        await_second(folder)
        yield shown


@contextmanager
def server(folder: Path, loop: str, text: str = APP, **env: str) -> Iterator[Terminal]:
    """Run an app until its second job runs."""
    (folder / "app.py").write_text(text)
    uvicorn = ("-m", "uvicorn", "app:app", "--port", "0", "--no-use-colors", "--loop")

    with terminal(*uvicorn, loop, folder=folder, **env) as shown:
        shown.until("running on http")
        await_second(folder)
        yield shown


def await_second(folder: Path) -> None:
    """Wait until the worker has come that far, too."""
    while "second" not in ran(folder):
        time.sleep(0.002)


def tracebacks(text: str) -> int:
    """Count tracebacks; those that lead to one another are one."""
    return text.count("Traceback (most") - text.count("another exception occurred:")


def ran(folder: Path) -> list[str]:
    return (folder / "ran").read_text().split()


def kept(folder: Path) -> tuple[str, dict[str, Status]]:
    """Return what the store has: how the run ended, "" if it has not; and its jobs."""

    async def look() -> tuple[str, dict[str, Status]]:
        async with SqliteStore(folder / ".asyncflow" / "asyncflow.db") as store:
            (run,) = await store.submissions()
            jobs = {job.id.split("_")[1]: job.status for job in await store.jobs()}
            return run.status if run.finished_at else "", jobs

    return anyio.run(look)


def go_on(folder: Path) -> None:
    """Start again what was interrupted, and see it end."""
    (folder / "go").touch()
    (folder / "again.py").write_text(AGAIN)

    with terminal("again.py", folder=folder) as shown:
        assert shown.ended() == 0, shown.text
        assert "Traceback" not in shown.text

    names = ("first", "second", "third", "other")
    assert kept(folder) == ("COMPLETED", dict.fromkeys(names, "COMPLETED"))


SCRIPTS = pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(SCRIPT, -signal.SIGINT, id="asyncio"),
        pytest.param(ANYIO, -signal.SIGINT, id="anyio"),
        pytest.param(SYNC, -signal.SIGINT, id="sync"),
        pytest.param(AT_EXIT, -signal.SIGINT, id="sync_at_exit"),
    ],
)


@SCRIPTS
def test_one_ctrl_c_drains(tmp_path: Path, text: str, code: int) -> None:
    with program(tmp_path, text) as shown:
        shown.press_ctrl_c()
        shown.until(DRAINING)
        (tmp_path / "go").touch()
        assert shown.ended() == code

    assert tracebacks(shown.text) == 1, shown.text
    assert shown.text.count("\nKeyboardInterrupt\n") == 1, shown.text
    assert ran(tmp_path) == ["first", "second"]
    assert kept(tmp_path) == ("", {"first": "COMPLETED", "second": "COMPLETED"})
    go_on(tmp_path)
    assert sorted(ran(tmp_path)) == ["first", "other", "second", "third"]


def test_two_end_it_by_the_signal_whatever_is_cleaned_up(tmp_path: Path) -> None:
    with program(tmp_path, AT_EXIT, STUBBORN="yes", OWN="yes") as shown:
        shown.press_ctrl_c()
        shown.until(DRAINING)
        shown.press_ctrl_c()
        assert shown.ended() == -signal.SIGINT


@SCRIPTS
def test_two_kill_at_once(tmp_path: Path, text: str, code: int) -> None:
    with program(tmp_path, text, STUBBORN="yes") as shown:
        shown.press_ctrl_c()
        shown.until(DRAINING)
        shown.press_ctrl_c()
        assert shown.ended() == code

    assert tracebacks(shown.text) == 1, shown.text
    assert shown.text.count("\nKeyboardInterrupt\n") == 1, shown.text
    assert kept(tmp_path)[0] == ""
    assert kept(tmp_path)[1]["first"] == "COMPLETED"
    go_on(tmp_path)
    assert sorted(ran(tmp_path)) == ["first", "other", "second", "second", "third"]


@pytest.mark.smoke
def test_the_second_may_come_while_jobs_are_killed(tmp_path: Path) -> None:
    with program(tmp_path, SCRIPT, STUBBORN="yes", GRACE="0.01") as shown:
        shown.press_ctrl_c()
        shown.until(r"up to 0\.01 s")
        shown.press_ctrl_c()
        assert shown.ended() == -signal.SIGINT

    assert tracebacks(shown.text) == 1, shown.text
    assert kept(tmp_path)[0] == ""


def test_what_takes_too_long_is_killed(tmp_path: Path) -> None:
    limits = {"GRACE": "0.2", "KILL_GRACE": "0.2"}

    with program(tmp_path, SCRIPT, STUBBORN="yes", **limits) as shown:
        shown.press_ctrl_c()
        shown.until(r"up to 0\.2 s")
        assert shown.ended() == -signal.SIGINT

    assert tracebacks(shown.text) == 1, shown.text
    assert kept(tmp_path)[0] == ""
    go_on(tmp_path)
    assert sorted(ran(tmp_path)) == ["first", "other", "second", "second", "third"]


@pytest.mark.parametrize("text", [SCRIPT, SYNC], ids=["asyncio", "sync"])
def test_sigterm_drains_then_ends_the_program(tmp_path: Path, text: str) -> None:
    with program(tmp_path, text) as shown:
        shown.send(signal.SIGTERM)
        shown.until(DRAINING)
        (tmp_path / "go").touch()
        assert shown.ended() == -signal.SIGTERM

    assert "Traceback" not in shown.text
    assert kept(tmp_path) == ("", {"first": "COMPLETED", "second": "COMPLETED"})
    go_on(tmp_path)


def test_a_second_sigterm_kills(tmp_path: Path) -> None:
    with program(tmp_path, SCRIPT, STUBBORN="yes") as shown:
        shown.send(signal.SIGTERM)
        shown.until(DRAINING)
        shown.send(signal.SIGTERM)
        assert shown.ended() == -signal.SIGTERM

    assert kept(tmp_path)[0] == ""


def test_sigkill_leaves_nothing_alive(tmp_path: Path) -> None:
    with program(tmp_path, SCRIPT, STUBBORN="yes") as shown:
        shown.send(signal.SIGKILL)
        assert shown.ended() == -signal.SIGKILL

    go_on(tmp_path)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_web_server_drains(tmp_path: Path, loop: str) -> None:
    with server(tmp_path, loop) as shown:
        shown.press_ctrl_c()
        shown.until(DRAINING)
        (tmp_path / "go").touch()
        assert shown.ended() in (0, -signal.SIGINT)

    assert "Application shutdown complete" in shown.text
    assert tracebacks(shown.text) <= 1, shown.text
    assert kept(tmp_path) == ("", {"first": "COMPLETED", "second": "COMPLETED"})
    go_on(tmp_path)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_web_server_kills_at_the_second(tmp_path: Path, loop: str) -> None:
    with server(tmp_path, loop, STUBBORN="yes") as shown:
        shown.press_ctrl_c()
        shown.until(DRAINING)
        shown.press_ctrl_c()
        assert shown.ended() in (0, 1, 130, -signal.SIGINT)

    assert tracebacks(shown.text) <= 1, shown.text
    assert kept(tmp_path)[0] == ""


@contextmanager
def asked_for(shown: Terminal, *paths: str) -> Iterator[list[socket.socket]]:
    """Give connections that each have asked for something, and wait for it."""
    port = int(shown.until(r"running on http://[\d.]+:(\d+)")[1])

    with ExitStack() as stack:
        connections = []

        for path in paths:
            address = ("127.0.0.1", port)
            one = stack.enter_context(socket.create_connection(address, 30))
            one.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            connections.append(one)

        yield connections


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_web_server_drains_while_requests_wait(
    tmp_path: Path, number: signal.Signals
) -> None:
    streams = ("/api/events", "/runs/live")

    with (
        server(tmp_path, "asyncio", BUSY_APP) as shown,
        asked_for(shown, "/wait", "/follow", *streams) as connections,
    ):
        for one in connections[2:]:
            assert one.recv(1000).startswith(b"HTTP/1.1 200")

        shown.send(number)
        shown.until(DRAINING)
        (tmp_path / "go").touch()
        assert shown.ended() in (0, -number)
        answers = [
            b"".join(iter(partial(one.recv, 10_000), b"")) for one in connections
        ]

    assert answers[0].endswith(b"a signal ends this program: no run begins any more")
    assert answers[1].endswith(b"over")
    assert "Application shutdown complete" in shown.text
    assert tracebacks(shown.text) <= 1, shown.text
    assert "RuntimeError" not in shown.text
    assert kept(tmp_path) == ("", {"first": "COMPLETED", "second": "COMPLETED"})
    go_on(tmp_path)


def test_further_signals_end_a_web_server_whatever_its_requests_wait_for(
    tmp_path: Path,
) -> None:
    with (
        server(tmp_path, "asyncio", BUSY_APP, STUBBORN="yes") as shown,
        asked_for(shown, "/wait") as (_,),
    ):
        shown.send(signal.SIGTERM)
        shown.until(DRAINING)
        shown.send(signal.SIGTERM)
        assert shown.ended() in (0, -signal.SIGTERM)

    assert kept(tmp_path)[0] == ""


def test_what_fails_while_it_drains_has_failed(tmp_path: Path) -> None:
    with program(tmp_path, SCRIPT, FAIL="yes") as shown:
        shown.press_ctrl_c()
        shown.until(DRAINING)
        (tmp_path / "go").touch()
        assert shown.ended() == -signal.SIGINT

    expected = {"first": "COMPLETED", "second": "FAILED", "third": "ABANDONED"}
    assert kept(tmp_path) == ("", expected)

    (tmp_path / "again.py").write_text(AGAIN)

    with terminal("again.py", folder=tmp_path) as shown:
        assert shown.ended() == 0, shown.text

    assert kept(tmp_path) == ("FAILED", {**expected, "other": "COMPLETED"})
    assert sorted(ran(tmp_path)) == ["first", "other", "second"]


HANGING = """
import os, sys
import anyio
from asyncflow import Config, Orchestrator

cfg = Config.configure_scenario("s", Config.configure_task("t", lambda: 1, None, None))

async def main():
    async with Orchestrator(store=":memory:") as orchestrator:
        orchestrator._opened().scheduler.group.start_soon(hold)
        print("open", flush=True)
        {wait}
        print("leaving", flush=True)

async def hold():
    with anyio.CancelScope(shield=True):
        await anyio.sleep_forever()

anyio.run(main)
"""


@pytest.mark.may_leave("file", reason="it is killed")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("is_closing", [True, False])
def test_the_third_signal_ends_a_closing_that_hangs(
    tmp_path: Path, number: signal.Signals, is_closing: bool
) -> None:
    wait = "pass" if is_closing else "await anyio.sleep_forever()"
    (tmp_path / "script.py").write_text(HANGING.replace("{wait}", wait))

    with subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env=programs.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "open\n"

        if is_closing:
            assert program.stdout.readline() == "leaving\n"

        count = 0

        while program.returncode is None:
            program.send_signal(number)
            count += 1
            assert count < 50

            with suppress(subprocess.TimeoutExpired):
                program.wait(0.3)

    assert program.returncode == -number
    assert count >= 3
