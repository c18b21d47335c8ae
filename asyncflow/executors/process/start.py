"""The start of a worker process, in the way of anyio's pool, for that pool.

anyio would start it in the terminal's session, have it answer on descriptor 1 from the
first moment (where whatever Python prints as it starts lands too), run the main script in
it, and lose how it ended.
"""

from __future__ import annotations

import asyncio
import errno
import os
import pickle
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Any

from anyio import (
    BrokenResourceError,
    CancelScope,
    ClosedResourceError,
    DelimiterNotFound,
    EndOfStream,
    Event,
    IncompleteRead,
    fail_after,
    move_on_after,
    open_process,
    sleep,
    to_thread,
)
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from asyncflow.alternatives import DRIVERS
from asyncflow.executors.process.worker import remove_files
from asyncflow.worker import entry_points
from asyncflow.worker.loaded import file_of, is_users
from asyncflow.worker.parent import MARK
from asyncflow.worker.world import interpreter_options

PATIENCE = 30.0
"""How long a worker may take to start, in seconds."""

HELD = 0.1
"""How long the pipes of a dead worker are read on, where they do not end: somebody else
has them. In seconds."""

NOISE = 2**30
"""How many bytes Python may print before it is a worker."""

LINE = 200
"""How many characters are told of what it wrote to stderr."""

PROGRAM = """
import gc, os, pickle, select, sys

collects = gc.isenabled()
gc.disable()  # what is imported now stays

def close_inherited(number):
    try:
        if number > 2 and os.get_inheritable(number):
            os.close(number)
    except OSError:
        pass  # it was that of the list

for name in os.listdir("/dev/fd") if os.path.isdir("/dev/fd") else ():
    close_inherited(int(name))  # uvloop passes on what the parent lets be inherited

calls, answers = open(os.dup(0), "rb"), os.dup(1)
null = os.open(os.devnull, os.O_RDWR)
os.dup2(null, 0)
os.dup2(null, 1)
os.close(null)
sys.stdin = open(os.devnull)
sys.stdout, sys.stderr = open(os.devnull, "w"), open(os.devnull, "w")

def write(data):
    left = memoryview(data)

    while left:
        left = left[os.write(answers, left):]

waiting = select.poll()
waiting.register(calls, select.POLLIN)

def is_called():
    return bool(waiting.poll(0))

def answer(status, value):
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    write(b"%s %d\\n%s" % (status, len(data), data))

def carry_out(command, one, other):
    if command == "run":
        return one(*other)

    sys.path = one
    sys.modules.pop("__main__", None)

def answer_with(error):
    try:
        answer(b"EXCEPTION", error)
    except BaseException as another:
        answer(b"EXCEPTION", another)

    if isinstance(error, SystemExit):
        raise error

def serve():
    while True:
        try:
            call = pickle.load(calls)
        except EOFError:
            return
        except BaseException as error:
            answer_with(error)
            continue

        if call[0] == "prepare":  # who sends it waits for no answer
            call[1](*call[2], is_called)
            if collects:
                gc.enable()

            continue

        try:
            value = carry_out(*call)
        except BaseException as error:
            answer_with(error)
            continue

        try:
            answer(b"RETURN", value)
        except BaseException as error:
            answer_with(error)

        after = getattr(call[1], "after", None)

        if after is not None:
            after()

write(f"{sys.argv[1]}\\nREADY\\n".encode())
del sys.argv[1:]
serve()
"""
"""Answers calls in the words of anyio's pool, without the half of the start that to import
anyio takes. It moves the protocol off the standard streams before anything else; what was
printed up to then ends with the argument."""


_GONE = (
    BrokenResourceError,
    ClosedResourceError,
    DelimiterNotFound,
    EndOfStream,
    IncompleteRead,
    ConnectionError,
)
"""What is raised where a process is gone that is talked to."""


class StartFailed(Exception):
    """A worker process could not be started; the message says why.

    :param is_killed: whether it was killed while it started, by SIGKILL
    """

    def __init__(self, why: str, *, is_killed: bool = False) -> None:
        super().__init__(why)
        self.is_killed = is_killed


class Start:
    """What a worker is started with.

    :param folder: for its files
    :param mark: marks it, and what it starts, in the environment
    :param world: the world of this process; see `world.apply`
    """

    def __init__(self, folder: str, mark: str, world: bytes) -> None:
        self.folder = folder
        self.mark = mark
        self.world = world

    def settling(self, *, is_moved: bool) -> tuple[Any, ...]:
        """Return the arguments of `trip.settle`.

        :param is_moved: whether anyio's protocol is off the standard streams already
        """
        main_path = file_of(sys.modules.get("__main__"))
        return self.folder, self.world, main_path, os.getpid(), self.mark, is_moved

    async def process(self, begun: Event | None = None) -> tuple[Process, str]:
        """Start a worker process; return it, and the path of its log.

        On cancel it is dead before this raises.

        :param begun: is set once it is there, before it is a worker
        :raises StartFailed: it ended, or was not there in time
        :raises OSError: the system, or the disk, has no room for it
        """
        nonce = os.urandom(8).hex()
        command = [sys.executable, *interpreter_options(), "-u", "-c", PROGRAM]

        try:
            with CancelScope(shield=True):  # half made, asyncio leaves it behind
                process = await open_process(
                    [*command, nonce, "anyio.to_process"],
                    start_new_session=True,  # no Ctrl-C and no terminal are its own
                    env={**os.environ, MARK: self.mark},
                )
        except RuntimeError as error:  # no thread to wait for it
            raise OSError(errno.EAGAIN, str(error)) from error

        if begun is not None:
            begun.set()

        leave_reaping_to_the_loop(process)
        watching = asyncio.ensure_future(close_after_exit(process))

        try:
            return process, await self._ready(process, f"{nonce}\n".encode())
        except BaseException as error:
            with CancelScope(shield=True):
                why, is_killed = await _end(process)
                log_path = os.path.join(self.folder, f"{process.pid}.log")
                await to_thread.run_sync(remove_files, log_path)

            if isinstance(error, _GONE):
                raise StartFailed(why, is_killed=is_killed) from error

            if isinstance(error, TimeoutError):
                raise StartFailed(f"it took longer than {PATIENCE:g} s") from error

            raise
        finally:
            watching.cancel()

    async def _ready(self, process: Process, noise_ends: bytes) -> str:
        assert process.stdin is not None
        assert process.stdout is not None
        received = BufferedByteReceiveStream(process.stdout)
        settle = ("run", entry_points.settle, self.settling(is_moved=True))
        load = ("prepare", entry_points.load, (likely(),))
        commands = [("init", sys.path, ""), settle, load]

        with fail_after(PATIENCE):
            await process.stdin.send(
                b"".join(pickle.dumps(command, 5) for command in commands)
            )
            await received.receive_until(noise_ends + b"READY\n", NOISE)
            await _answer(received)
            pid, log_path = await _answer(received)

        assert pid == process.pid
        return log_path


def likely() -> list[str]:
    """Name the modules that jobs are likely to need in a worker, in their order."""
    main_path = file_of(sys.modules.get("__main__"))
    modules = sorted(DRIVERS.modules())

    if main_path is None or is_users(main_path):  # its functions have no module
        modules += ("inspect", "cloudpickle", "asyncflow.worker.by_value")

    return modules


async def _answer(received: BufferedByteReceiveStream) -> tuple[int, str]:
    """Return what a worker answers; raise what it raises."""
    _status, length = (await received.receive_until(b"\n", 50)).split()
    answer = pickle.loads(await received.receive_exactly(int(length)))

    if isinstance(answer, BaseException):
        raise answer

    return answer  # type: ignore[no-any-return]  # it was pickled


async def _end(process: Process) -> tuple[str, bool]:
    """End a process that did not become a worker; say what it died of.

    :return: that, and whether others have killed it
    """
    said = ""

    with move_on_after(HELD):
        await process.wait()

    is_killed = process.returncode == -signal.SIGKILL

    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    else:
        said = await _last_line(process)

    await process.aclose()
    assert process.returncode is not None
    why = f"it ended with {how(process.returncode)}{said and f': {said}'}"
    return why, is_killed


async def _last_line(process: Process) -> str:
    text = b""

    with move_on_after(HELD / 2), suppress(EndOfStream, ClosedResourceError):
        assert process.stderr is not None

        while True:
            text = text[-LINE:] + await process.stderr.receive()

    lines = text.decode("utf-8", "replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "")[-LINE:]


def how(returncode: int) -> str:
    """Say how a process ended."""
    if returncode >= 0:
        return f"exit code {returncode}"

    try:
        return f"{signal.Signals(-returncode).name} ({-returncode})"
    except ValueError:
        return f"signal {-returncode}"


async def close_after_exit(process: Process) -> None:
    """Wait for the end of a process; then close its pipes, whoever else has them."""
    await process.wait()
    await sleep(HELD)  # what it wrote is read by then
    transport = process_transport(process)

    pipe = transport and transport.get_pipe_transport(0)

    if pipe is not None and not pipe.is_closing():
        pipe.abort()  # nobody reads what is still to be written

    await process.aclose()


def leave_reaping_to_the_loop(process: Process) -> None:
    """Have the loop alone wait for a process, so that its exit code is not lost.

    Before it sends a signal `subprocess.Popen` looks whether the process has ended, and
    so takes the exit code away from asyncio, which then makes one up (CPython issue
    127049, mended in 3.12.9 and 3.13.2).
    """
    transport = process_transport(process)
    popen = transport and transport.get_extra_info("subprocess")

    if isinstance(popen, subprocess.Popen):
        popen.poll = lambda: popen.returncode  # type: ignore[method-assign]


def process_transport(process: Process) -> Any:
    """Return what asyncio has of a process."""
    return getattr(getattr(process, "_process", None), "_transport", None)
