"""What every test is held to.

- A test that runs longer than its limit (60 s, or ``@pytest.mark.limit(seconds)``) ends
  the whole run, with the stacks of all threads.
- A blocking call that asyncflow makes on an event loop fails the test. Where jobs run
  inline on purpose, ``@pytest.mark.blocking_jobs`` turns that off.
- A process, thread, descriptor or ``asyncflow*`` temporary file that a test leaves
  behind fails it. ``@pytest.mark.may_leave("descriptor", reason="...")`` excuses a kind
  of thing where somebody else's code leaves it.

Async tests are marked ``anyio`` and run on asyncio's stock loop; those also marked
``both_loops`` run on uvloop too.
"""

from __future__ import annotations

import compileall
import faulthandler
import gc
import inspect
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import attrs
import pytest
from _pytest.logging import LogCaptureHandler
from anyio._backends._asyncio import WorkerThread
from hypothesis import HealthCheck, settings

import asyncflow
from asyncflow import Configuration, Orchestrator
from asyncflow.executors.process.pool import Pool
from asyncflow.log import logger
from tests.support import flows
from tests.support.loaded_tests import LoadedTests

if TYPE_CHECKING:
    from blockbuster import BlockBuster

LIMIT = 60.0
PATIENCE = 5.0
"""How long what a test has left behind may take to go, in seconds."""

ENDING = 0.1
"""How long threads and processes may take to end, in seconds, until what is left is looked
for among what nobody has any more: to look for that takes 50 ms and more."""

SESSION = "ASYNCFLOW_TEST_SESSION"
"""The environment variable that marks our descendants, whoever their parent is."""

THOROUGH = "ASYNCFLOW_TEST_THOROUGH"
"""The environment variable that has the random trials go on for longer."""

Kind = Literal["process", "thread", "descriptor", "file"]

MARKERS = (
    f"limit(seconds): how long the test may run, where it is not {LIMIT:g} s",
    "blocking_jobs: jobs run inline on the event loop here, and may block it",
    "both_loops: run the async test on uvloop too",
    "smoke: one of those that tell within a minute whether asyncflow works here",
    f"may_leave(*kinds, reason): {', '.join(get_args(Kind))} that others' code leaves",
)

stderr_key = pytest.StashKey[int]()
file_key = pytest.StashKey[Path]()
passed_key = pytest.StashKey[bool]()
loaded_key = pytest.StashKey[LoadedTests]()

# A slow machine is no failure, and examples run under the limit below. Those of each run
# are others; `--hypothesis-profile=soak` tries many.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("asyncflow", patient, max_examples=30)
settings.register_profile("soak", patient, max_examples=1000)
settings.load_profile("asyncflow")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("asyncflow's own tests")
    many = bool(os.environ.get(THOROUGH))

    for name, few, more, text in (
        ("--crashes", 5, 50, "programs to kill"),
        ("--worker-kills", 8, 100, "workers to kill"),
        ("--system-calls", 90, 15, "every how many-th fails"),
        ("--machine-examples", 4, 10, "runs of machines"),
    ):
        group.addoption(name, type=int, default=more if many else few, help=text)

    group.addoption("--crash-seed", type=int, help="repeat the moments of a failure")
    group.addoption("--silence", type=float, default=2, help="seconds of a cut network")
    group.addoption("--mutations", type=float, help="seconds for each mutation")


def pytest_configure(config: pytest.Config) -> None:
    for line in MARKERS:
        config.addinivalue_line("markers", line)

    # What pytest makes of the tests' modules, which takes 10 s, is kept for the next
    # run, whatever the environment says.
    sys.dont_write_bytecode = False

    if not hasattr(config, "workerinput"):
        # Processes that tests start write none; see below.
        for folder in (os.path.dirname(asyncflow.__file__), os.path.dirname(__file__)):
            compileall.compile_dir(folder, quiet=2, workers=2)

    # Tests that are about the store name it: the others leave no file anywhere.
    os.environ["ASYNCFLOW_STORE"] = ":memory:"

    # What runs in the background of a shell ignores Ctrl-C, and so would its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    # The real standard error: while tests run, descriptor 2 is pytest's capture.
    capture = config.pluginmanager.getplugin("capturemanager")
    assert capture is not None

    with capture.global_and_fixture_disabled():
        config.stash[stderr_key] = os.dup(2)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    # What is collected stays: half of the time would go into looking for what does not.
    gc.disable()

    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The longest come first, so that no process has one left when the others are done.
    items.sort(key=lambda item: -max(limit_of(item), LIMIT))


def pytest_collection_finish(session: pytest.Session) -> None:
    session.config.stash[loaded_key] = LoadedTests(
        module
        for name, module in sys.modules.items()
        if name.startswith("tests.") and ".test_" in name
    )

    # Tests write modules anew within a moment: byte code would be taken for theirs, and
    # what asyncflow tells of files depends on it.
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


def pytest_unconfigure(config: pytest.Config) -> None:
    os.close(config.stash[stderr_key])
    del config.stash[stderr_key]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("both_loops") is None:
        return

    metafunc.parametrize(
        "anyio_backend",
        ["asyncio", ("asyncio", {"use_uvloop": True})],
        ids=["asyncio", "uvloop"],
    )


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def tables_are_warm() -> None:
    """Polars and Arrow have made the threads and descriptors that a process keeps."""
    import io

    import polars
    import pyarrow as arrow
    from pyarrow import csv, parquet

    lazy = polars.LazyFrame({"a": [1]}).filter(polars.col("a") > 0)
    file = io.BytesIO()
    parquet.write_table(arrow.table(lazy.collect()), file)
    polars.scan_parquet(file.getvalue()).collect()
    parquet.read_table(io.BytesIO(file.getvalue()))
    csv.read_csv(io.BytesIO(b"a\n1\n"))


@pytest.fixture(scope="session")
def _uvloop_is_warm() -> None:
    # The first loop makes descriptors that uvloop keeps as long as the process lives.
    import uvloop

    uvloop.new_event_loop().close()


# ------------------------------------------------------------- what is as if run alone


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    # What earlier files have imported is not looked at in each collection of a test.
    if item.path != item.config.stash.get(file_key, None):
        item.config.stash[file_key] = item.path

        if isinstance(item, pytest.Function):
            item.config.stash[loaded_key].only(item.module)

        gc.collect()
        gc.freeze()


# --------------------------------------------------------------------- the time limit


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    arm(item)

    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    # pytest cancels the limit when a test fails; its fixtures have one nevertheless.
    arm(item)
    return (yield)


def arm(item: pytest.Item) -> None:
    if item.config.getoption("usepdb") or sys.gettrace() is not None:
        return

    file = item.config.stash[stderr_key]
    faulthandler.dump_traceback_later(limit_of(item), exit=True, file=file)


def limit_of(item: pytest.Item) -> float:
    """Return how long a test may run, in seconds."""
    mark = item.get_closest_marker("limit")
    return float(mark.args[0]) if mark else LIMIT


# ----------------------------------------------------------------------- what is left


@attrs.frozen(kw_only=True)
class State:
    """What may be left behind: a name for each thing, under what tells it apart."""

    processes: dict[object, str]
    threads: dict[object, str]
    descriptors: dict[object, str]

    def since(self, before: State) -> dict[Kind, list[str]]:
        """Name what is here now and was not before."""
        return {
            "process": news(self.processes, before.processes),
            "thread": news(self.threads, before.threads),
            "descriptor": news(self.descriptors, before.descriptors),
        }


def news(now: dict[object, str], before: dict[object, str]) -> list[str]:
    return [name for key, name in now.items() if key not in before]


class Watch:
    """Sees our descendants, threads and descriptors. Needs ``/proc`` for most of it."""

    def __init__(self) -> None:
        self.works = sys.platform == "linux"
        self.mark = f"{SESSION}={os.getpid()}".encode()
        self.strangers: set[str] = set()
        """What is no process of ours in ``/proc``, by its name."""
        self.shares_loop = False
        """Whether the tests of this module share an event loop: it keeps its threads."""

    def look(self) -> State:
        return State(
            processes=self.processes() if self.works else {},
            threads={
                thread: repr(thread)
                for thread in threading.enumerate()
                if not (self.shares_loop and is_idle(thread))
            },
            descriptors=self.descriptors() if self.works else {},
        )

    def processes(self) -> dict[object, str]:
        """Find our descendants, those that others have adopted included."""
        found: dict[object, str] = {}
        names = {*os.listdir("/proc")}
        # The environment of a running process is not looked at again and again.
        self.strangers &= names

        for pid in names - self.strangers - {str(os.getpid())}:
            if not pid.isdecimal():
                self.strangers.add(pid)
                continue

            # Gone meanwhile, or another user's.
            with suppress(OSError):
                status = read(f"/proc/{pid}/stat")
                state, parent = status[status.rindex(b")") + 2 :].split()[:2]
                environment = read_environment(pid)

                if int(parent) == os.getpid() or self.mark in environment.split(b"\0"):
                    command = read(f"/proc/{pid}/cmdline").replace(b"\0", b" ")
                    zombie = "ended, not waited for" if state == b"Z" else ""
                    shown = command.decode(errors="replace")[:200] or zombie
                    found[int(pid)] = f"pid {pid}: {shown.strip()}"
                elif environment or parent == b"2":
                    self.strangers.add(pid)

        return found

    def descriptors(self) -> dict[object, str]:
        found: dict[object, str] = {}

        for name in os.listdir("/proc/self/fd"):
            # The descriptor of this very listing is gone again.
            with suppress(OSError):
                target = os.readlink(f"/proc/self/fd/{name}")
                found[name, target] = f"{name} -> {target}"

        return found


def is_idle(thread: threading.Thread) -> bool:
    """Tell whether a thread waits for what its event loop has it do next."""
    return isinstance(thread, WorkerThread) and thread in thread.idle_workers


def read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()


def read_environment(pid: str) -> bytes:
    try:
        return read(f"/proc/{pid}/environ")
    except PermissionError:
        return b"another user's"
    except ProcessLookupError:
        # It has ended and nobody has waited for it, or it is a thread of the kernel.
        return b""


@pytest.fixture
def config() -> Configuration:
    """Give a configuration of two worker processes; see `flows.configuration`."""
    return flows.configuration()


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Give the path of a store that is not there yet."""
    return str(tmp_path / "runs.db")


@pytest.fixture
async def one(config: Configuration, path: str) -> AsyncIterator[Orchestrator]:
    """Give an orchestrator on a store that `other` shares."""
    async with Orchestrator(config, path) as orchestrator:
        yield orchestrator


@pytest.fixture
async def other(config: Configuration, path: str) -> AsyncIterator[Orchestrator]:
    """Give another orchestrator on the store of `one`."""
    async with Orchestrator(config, path) as orchestrator:
        yield orchestrator


@pytest.fixture
async def orchestrator() -> AsyncIterator[Orchestrator]:
    """Give an orchestrator with two worker processes, and a store in memory."""
    async with Orchestrator(flows.configuration(), ":memory:") as orchestrator:
        yield orchestrator


@pytest.fixture(scope="module")
async def shared_workers(anyio_backend: object, watch: Watch) -> AsyncIterator[None]:
    """Have the tests of a module share an event loop, and two worker processes.

    It is for tests that ask nothing of the processes: to start two takes longer than what
    most tests do with them.
    """
    pool = await Pool.open()
    watch.shares_loop = True

    try:
        await pool.warm()
        await pool.warm()
        yield
    finally:
        watch.shares_loop = False
        await pool.close()


class Caplog(pytest.LogCaptureFixture):  # type: ignore[misc]  # it is final: for tests alone
    """Has what was logged up to now: another thread hands it to the handlers."""

    @property
    def handler(self) -> LogCaptureHandler:
        logger.wait(PATIENCE)
        return super().handler


@pytest.fixture
def caplog(request: pytest.FixtureRequest) -> Iterator[Caplog]:
    found = Caplog(request.node, _ispytest=True)
    yield found
    found._finalize()


@pytest.fixture(scope="session")
def watch() -> Iterator[Watch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SESSION, str(os.getpid()))
        yield Watch()


@pytest.fixture(scope="session")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    # Not `mktemp`: its search for a free number is slow, and a short path leaves room
    # for the names of sockets.
    base = tmp_path_factory.mktemp("t", numbered=False)
    count = iter(range(sys.maxsize))

    def make() -> Path:
        path = base / str(next(count))
        path.mkdir()
        return path

    return make


@pytest.fixture(autouse=True)
def _nothing_is_left(
    request: pytest.FixtureRequest, watch: Watch, temporary: Callable[[], Path]
) -> Iterator[None]:
    if "both_loops" in request.keywords:
        request.getfixturevalue("_uvloop_is_warm")

    folder = temporary()
    before = watch.look()
    tempdir, variable = tempfile.tempdir, os.environ.get("TMPDIR")
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)

    try:
        yield
    finally:
        tempfile.tempdir = tempdir

        if variable is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = variable

    # What a failed test leaves is no news; but it must not disturb the next.
    passed = request.node.stash.get(passed_key, False)
    excused = excuses(request.node)
    left = await_nothing(watch, before, folder, excused, PATIENCE if passed else 0.0)

    if left.get("process"):
        end(watch, before)

    shutil.rmtree(folder, ignore_errors=True)

    if passed and any(left.values()):
        lines = [f"  {kind}: {name}" for kind, names in left.items() for name in names]
        pytest.fail("\n".join(["the test leaves behind", *lines]), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield

    if call.when == "call":
        item.stash[passed_key] = report.outcome != "failed"

    return report


def excuses(item: pytest.Item) -> set[Kind]:
    found: set[Kind] = set()

    for mark in item.iter_markers("may_leave"):
        kinds = set(mark.args)
        assert kinds, f"{mark} has no kinds"
        assert kinds <= set(get_args(Kind)), mark
        assert mark.kwargs.get("reason"), f"{mark} has no reason"
        found |= kinds

    return found


def await_nothing(
    watch: Watch, before: State, folder: Path, excused: set[Kind], patience: float
) -> dict[Kind, list[str]]:
    """Wait until nothing is left; after `patience` seconds, return what there is."""
    never = threading.Event()
    begin = time.monotonic()
    collected = False

    while True:
        left = watch.look().since(before)
        left["file"] = [
            entry for entry in os.listdir(folder) if entry.startswith("asyncflow")
        ]
        left = {kind: names for kind, names in left.items() if kind not in excused}

        waited = time.monotonic() - begin

        if not any(left.values()) or waited >= patience:
            return left

        if not collected and waited >= ENDING:
            # What goes only now has been left unclosed: that is a ResourceWarning, and
            # so an error, of its own.
            gc.collect()
            collected = True

        never.wait(0.005)


def end(watch: Watch, before: State) -> None:
    """Kill the processes that are left, and wait for those that are our children."""
    if not watch.works:
        return

    for pid in watch.processes().keys() - before.processes.keys():
        assert isinstance(pid, int)

        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)

        with suppress(ChildProcessError):
            os.waitpid(pid, 0)


# ---------------------------------------------------------- blocking calls on the loop


@pytest.fixture(scope="session")
def _blockbuster() -> BlockBuster:
    from blockbuster import BlockBuster

    blockbuster = BlockBuster("asyncflow")

    for function in blockbuster.functions.values():
        # What Popen reads until its child has started; and modules being imported.
        function.can_block_in("subprocess.py", {"_execute_child"})
        function.can_block_in("<frozen importlib._bootstrap>", {"_find_and_load"})
        # Whether the socket's file is there already.
        function.can_block_in("anyio/_core/_sockets.py", {"setup_unix_local_socket"})
        # The lines of a traceback.
        function.can_block_in("linecache.py", {"checkcache", "updatecache"})
        # One look at a file that is installed, once in a process for each module.
        function.can_block_in("fingerprint/own_modules.py", {"installed"})
        # What was logged up to now, which a test looks at.
        function.can_block_in("tests/conftest.py", {"handler"})

    return blockbuster


@pytest.fixture(autouse=True)
def _nothing_blocks(
    request: pytest.FixtureRequest, _nothing_is_left: None
) -> Iterator[None]:
    if not is_async(request.function) or "blocking_jobs" in request.keywords:
        yield
        return

    from blockbuster.blockbuster import BlockingError

    blockbuster: BlockBuster = request.getfixturevalue("_blockbuster")
    stacks: list[str] = []

    def note(self: BlockingError, function: str) -> None:
        Exception.__init__(self, f"Blocking call to {function}")
        # From the event loop's call of the code that blocks to the blocking call.
        stack = traceback.format_stack(sys._getframe(1), limit=10)
        stacks.append("".join([f"{self}\n", *stack]))

    with pytest.MonkeyPatch.context() as patch:
        # Somebody may catch the error: it is remembered as well.
        patch.setattr(BlockingError, "__init__", note)
        blockbuster.activate()

        try:
            yield
        finally:
            blockbuster.deactivate()

    if stacks:
        pytest.fail("on the event loop: " + "\n".join(stacks), pytrace=False)


def is_async(function: Callable[..., object]) -> bool:
    inner = getattr(function, "hypothesis", None)
    return inspect.iscoroutinefunction(inner.inner_test if inner else function)
