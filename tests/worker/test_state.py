"""Warm workers are clean: what a job leaves does not meet the next one."""

from __future__ import annotations

import builtins
import csv
import decimal
import gc
import locale
import multiprocessing
import operator
import os
import resource
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Any

import pytest
from anyio import fail_after

from asyncflow import Orchestrator, Status
from asyncflow.worker import trip
from asyncflow.worker.state import LOST, ProcessState
from tests.support.flows import configuration, fan, single

pytestmark = pytest.mark.anyio

PATIENCE = 30


def leave_timer(_: object) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0.05)


def leave_cpu_timer(_: object) -> None:
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.01)
    signal.setitimer(signal.ITIMER_PROF, 0.01)


def leave_handlers(_: object) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGWINCH):
        signal.signal(number, signal.SIG_IGN)


def leave_mask(_: object) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})


def leave_umask(_: object) -> None:
    os.umask(0o777)


def leave_soft_limits(_: object) -> None:
    for number in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE):
        resource.setrlimit(number, (16, resource.getrlimit(number)[1]))


def leave_hard_limits(_: object) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))


def leave_user(_: object) -> None:
    if not os.getuid():
        os.setgid(65534)
        os.setuid(65534)


def leave_effective_user(_: object) -> None:
    if not os.getuid():
        os.seteuid(65534)


def leave_environment(_: object) -> None:
    os.environ["ASYNCFLOW_TEST_LEFT"] = "1"
    os.environ.pop("PATH")


def replace_environment(_: object) -> None:
    os.environ = {}  # type: ignore[assignment]  # noqa: B003  # as some do


def close_input(_: object) -> None:
    os.close(0)


def replace_input(_: object) -> None:
    os.close(0)
    os.open(__file__, os.O_RDONLY)


def leave_paths(_: object) -> None:
    sys.argv.append("of a job")
    sys.path.clear()
    sys.path_hooks.clear()
    sys.meta_path.clear()


def replace_paths(_: object) -> None:
    sys.path = ["of a job", *sys.path]
    sys.argv = []


def leave_settings(_: object) -> None:
    gc.disable()
    sys.setrecursionlimit(100)
    sys.setswitchinterval(5.0)
    sys.settrace(lambda *_: None)
    sys.setprofile(lambda *_: None)


def leave_filters(_: object) -> None:
    warnings.simplefilter("error")


def leave_descriptors(_: object) -> None:
    import builtins

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, limit[1]))
    builtins.kept = []  # type: ignore[attr-defined]

    try:
        while True:
            builtins.kept.append(os.open(os.devnull, os.O_RDONLY))  # type: ignore[attr-defined]
    except OSError:
        return


def leave_thread(_: object) -> None:
    def noise() -> None:
        while True:
            print("noise")
            time.sleep(0.0001)

    threading.Thread(target=noise, daemon=True).start()


def leave_child(_: object) -> None:
    code = "import time\nwhile True: print('noise', flush=True); time.sleep(0.001)"
    subprocess.Popen([sys.executable, "-c", code])


def leave_fork(_: object) -> None:
    if not os.fork():
        while True:
            os.write(1, b"noise\n")
            time.sleep(0.001)


def replace_builtin(_: object) -> None:
    import builtins

    builtins.len = lambda _: 1 // 0
    os.getpid = lambda: -1


def leave_nonblocking_pipes(_: object) -> None:
    for descriptor in range(3, 32):
        with suppress(OSError):
            os.set_blocking(descriptor, False)


def remove_modules(_: object) -> None:
    sys.modules.clear()


def hide_modules(_: object) -> None:
    for name in [*sys.modules]:
        if name.startswith(("asyncflow", "pickle")):
            sys.modules[name] = None  # type: ignore[assignment]  # as importlib does


def leave_root(_: object) -> None:
    if not os.getuid():
        os.chroot("/tmp")


def leave_context(_: object) -> None:
    decimal.getcontext().prec = 1
    decimal.getcontext().traps[decimal.Inexact] = True


def leave_locale(_: object) -> None:
    locale.setlocale(locale.LC_ALL, "C")


def hide_a_module(_: object) -> None:
    sys.modules["json"] = None  # type: ignore[assignment]  # as some do
    sys.modules["colorsys"] = None  # type: ignore[assignment]  # it was not loaded


def replace_a_module(_: object) -> None:
    sys.modules["json"] = sys


def leave_priority(_: object) -> None:
    os.nice(1)

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, [*os.sched_getaffinity(0)][:1])


def leave_library_settings(_: object) -> None:
    socket.setdefaulttimeout(0.01)
    csv.field_size_limit(1)
    sys.set_int_max_str_digits(640)
    sys.excepthook = sys.displayhook = print
    tempfile.tempdir = "/of/a/job"
    ssl._create_default_https_context = ssl._create_unverified_context  # type: ignore[assignment]  # as some do
    multiprocessing.set_start_method("spawn")


def leave_time_zone(_: object) -> None:
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()


def leave_encoding(_: object) -> None:
    sys.stdout.reconfigure(encoding="ascii", errors="strict")  # type: ignore[union-attr]
    sys.stderr.reconfigure(encoding="utf-16")  # type: ignore[union-attr]


LEAVERS = (
    leave_library_settings,
    leave_time_zone,
    leave_encoding,
    hide_a_module,
    replace_a_module,
    leave_priority,
    leave_nonblocking_pipes,
    remove_modules,
    hide_modules,
    leave_root,
    leave_context,
    leave_locale,
    leave_timer,
    leave_cpu_timer,
    leave_handlers,
    leave_mask,
    leave_umask,
    leave_soft_limits,
    leave_hard_limits,
    leave_user,
    leave_effective_user,
    leave_environment,
    replace_environment,
    leave_filters,
    close_input,
    replace_input,
    leave_paths,
    replace_paths,
    leave_settings,
    leave_descriptors,
    leave_thread,
    leave_child,
    leave_fork,
    replace_builtin,
)


SHARE = getattr(os, "sched_getaffinity", None)


def state(_: object) -> dict[str, object]:
    """Tell in what state the process is; need what others may have taken away."""
    print("mine \N{EURO SIGN}")
    end = time.perf_counter() + 0.1

    while time.perf_counter() < end:  # for timers of both kinds
        pass

    umask = os.umask(0)
    os.umask(umask)
    numbers = (signal.SIGTERM, signal.SIGCHLD, signal.SIGWINCH, signal.SIGALRM)
    limits = (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE)

    with open(os.devnull) as file:
        file.read()

    import colorsys
    import json

    return {
        "json": json.dumps({"colours": colorsys.__name__}),
        "priority": os.getpriority(os.PRIO_PROCESS, 0),
        "processors": affinity(0) if (affinity := SHARE) else None,
        "umask": umask,
        "handlers": [signal.getsignal(one) for one in numbers],
        "interrupt": signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
        "mask": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "limits": [resource.getrlimit(one) for one in limits],
        "environment": {"PATH", "ASYNCFLOW_TEST_LEFT"} & {*os.environ},
        "user": (os.getuid(), os.geteuid(), os.getgid()),
        "threads": threading.active_count(),
        "filters": len(warnings.filters),
        "paths": (sys.path[:], sys.argv[:], len(sys.meta_path), len(sys.path_hooks)),
        "settings": (sys.getrecursionlimit(), sys.getswitchinterval(), gc.isenabled()),
        "tracing": (sys.gettrace() is None, sys.getprofile() is None),
        "input": (sys.stdin.read(), os.read(0, 1), os.get_inheritable(0)),
        "len": len("four"),
        "third": decimal.Decimal(1) / 3,
        "locale": locale.setlocale(locale.LC_ALL),
        "root": os.path.exists(__file__),
        "sockets": socket.getdefaulttimeout(),
        "csv": csv.field_size_limit(),
        "digits": sys.get_int_max_str_digits(),
        "hooks": (repr(sys.excepthook), repr(sys.displayhook)),
        "temporary": tempfile.gettempdir(),
        "https": ssl._create_default_https_context.__name__,
        "start method": multiprocessing.get_start_method(allow_none=True),
        "time zone": time.strftime("%Z", time.localtime(0)),
    }


@pytest.mark.parametrize("leave", LEAVERS, ids=lambda one: one.__name__)
async def test_the_next_job_meets_nothing(leave: Callable[..., object]) -> None:
    config = configuration(workers=1)
    node = config.configure_in_memory_data_node("none", default_data=1)
    task = config.configure_task("leaves", leave, node)
    leaves = config.configure_scenario("leaving", task)
    asks = single(config, state, crash_retries=0)

    async with Orchestrator(config) as orchestrator:
        one = await orchestrator.create_scenario(asks)
        two = await orchestrator.create_scenario(leaves)
        before = await state_of(one)

        with fail_after(PATIENCE):
            for _ in range(2):
                submission = await two.submit().wait()
                assert (
                    submission.jobs[0].status is Status.COMPLETED
                    or leave is replace_builtin  # it may meet that itself
                )
                assert await state_of(one) == before


async def state_of(scenario: Any) -> tuple[object, str]:
    submission = await scenario.submit()
    return await scenario.result.read(), await submission.jobs[0].output()


def leave_or_ask(name: str) -> str:
    """Leave something in every second job of a fan, and look in the others."""
    from asyncflow import current_job

    job = current_job()
    assert job is not None
    is_leaver = int(job.task.removeprefix("f")) % 2 == 0

    if is_leaver and name == "timer":
        leave_handlers(1)
        signal.signal(signal.SIGALRM, lambda *_: print("noise"))
        signal.setitimer(signal.ITIMER_REAL, 0.000_5)
    elif is_leaver and name == "umask":
        os.umask(0o777)
    elif is_leaver and name == "folder":
        operator.methodcaller("chdir", "/")(os)
    elif is_leaver and name == "thread":
        threading.Thread(target=print_noise, daemon=True).start()
    elif is_leaver and name in SETTINGS:
        SETTINGS[name]()
    elif not is_leaver:
        end = time.perf_counter() + 0.001

        while name == "timer" and time.perf_counter() < end:
            pass

        assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
        assert os.umask(0o022) == 0o022, oct(os.umask(0o022))
        assert threading.active_count() <= 2
        assert os.getcwd() != "/"
        assert {"PATH", "ASYNCFLOW_TEST_LEFT"} & {*os.environ} == {"PATH"}
        assert "/of/a/job" not in sys.path
        assert sys.getrecursionlimit() != 500
        assert socket.getdefaulttimeout() is None
        assert time.localtime(0).tm_zone != "JST"
        assert (sys.stdout.encoding, sys.stderr.encoding) == ("utf-8", "utf-8")
        assert not any(one[0] == "once" for one in warnings.filters)

    return name


SETTINGS: dict[str, Callable[[], object]] = {
    "environment": lambda: leave_environment(1),
    "filters": lambda: warnings.simplefilter("once"),
    "path": lambda: sys.path.append("/of/a/job"),
    "depth": lambda: sys.setrecursionlimit(500),
    "timeout": lambda: socket.setdefaulttimeout(0.01),
    "time zone": lambda: leave_time_zone(1),
    "encoding": lambda: leave_encoding(1),
}


def print_noise() -> None:
    while True:
        print("noise")
        time.sleep(0.0001)


@pytest.mark.parametrize("what", ["timer", "umask", "folder", "thread", *SETTINGS])
async def test_nor_does_the_next_one_of_a_batch(what: str) -> None:
    config = configuration(workers=1)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(fan(config, leave_or_ask, 20))

        with fail_after(PATIENCE):
            await scenario.source.write("nothing")
            await scenario.submit()  # they are known to be short now
            await scenario.source.write(what)
            submission = await scenario.submit()

            for job in submission.jobs[1::2]:
                assert job.status is Status.COMPLETED, job.reason
                assert not await job.output()


@pytest.mark.smoke
async def test_who_is_replaced_is_told(caplog: pytest.LogCaptureFixture) -> None:
    config = configuration(workers=1)
    cfg = single(config, leave_child)
    caplog.set_level("INFO", "asyncflow")

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()

    assert "task 'work' left a child process running" in caplog.text


def replace_pipes(_: object) -> None:
    null = os.open(os.devnull, os.O_RDWR)

    for descriptor in range(3, 32):
        if descriptor != null:
            os.dup2(null, descriptor)


def swap_pipes(_: object) -> None:
    found = [one for one in range(3, 32) if is_blocking_pipe(one)]

    for descriptor, copy in zip(found, [*map(os.dup, reversed(found))], strict=True):
        os.dup2(copy, descriptor)


def swap_pipes_after_a_while(_: object) -> None:
    time.sleep(0.05)
    swap_pipes(1)


def is_blocking_pipe(descriptor: int) -> bool:
    with suppress(OSError):
        mode = os.fstat(descriptor).st_mode
        return stat.S_ISFIFO(mode) and os.get_blocking(descriptor)

    return False


@pytest.mark.parametrize("lose", [replace_pipes, swap_pipes, swap_pipes_after_a_while])
async def test_a_worker_that_cannot_answer_any_more_ends(
    lose: Callable[..., object],
) -> None:
    config = configuration(workers=1)
    loses = single(config, lose, crash_retries=0)
    source = config.configure_in_memory_data_node("number", default_data=1)
    double = config.configure_task("double", is_blocking_pipe, source)
    innocent = config.configure_scenario("innocent", double)

    async with Orchestrator(config) as orchestrator:
        one = await orchestrator.create_scenario(loses)
        two = await orchestrator.create_scenario(innocent)

        with fail_after(PATIENCE):
            for _ in range(2):
                submission = await one.submit().wait()
                assert submission.jobs[0].status is Status.FAILED
                reason = submission.jobs[0].reason
                # Its parent may see first that it has closed its side.
                assert f"exit code {LOST}" in reason or lose is replace_pipes
                assert reason.startswith("its worker process")
                await two.submit()


def lower_a_limit(value: int) -> tuple[int, int]:
    if value == 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10**9, 10**9))

    return os.getpid(), resource.getrlimit(resource.RLIMIT_FSIZE)[0]


@pytest.mark.parametrize("count", [1, 20])
async def test_what_is_found_after_the_answer_costs_no_other_job(
    count: int, caplog: pytest.LogCaptureFixture
) -> None:
    config = configuration(workers=1)
    asks = single(config, lower_a_limit)
    caplog.set_level("INFO", "asyncflow")

    async with Orchestrator(config) as orchestrator:
        first = await orchestrator.create_scenario(asks)
        others = await orchestrator.create_scenario(fan(config, lower_a_limit, count))

        with fail_after(PATIENCE):
            for scenario in (first, others):
                await scenario.source.write(1)
                await scenario.submit()  # they are known to be short now

            await first.source.write(2)
            await first.submit()
            pid, limit = await first.result.read()
            submission = await others.submit()

        other_pid, other_limit = await others.r0.read()

    assert limit == 10**9
    assert other_limit == resource.RLIM_INFINITY
    assert other_pid != pid
    assert all(job.attempt == 1 for job in submission.jobs)
    assert "its job of task 'work' lowered a limit of its process" in caplog.text


def hide_one() -> None:
    sys.modules["colorsys"] = None  # type: ignore[assignment]


def replace_a_function() -> None:
    builtins.sorted = None  # type: ignore[assignment]


def use_up_descriptors() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))


def spoil_once(given: tuple[Callable[[], None], str] | None) -> list[str]:
    """Spoil this process where no job has done it; else use what may be spoilt."""
    trip.LONG = inf  # as on a machine that is fast, and has nothing else to do

    if given is not None:
        spoil, mark = given

        with suppress(FileExistsError):
            os.mkdir(mark)
            spoil()
            return []

    print("uses it")
    import colorsys

    with open(os.devnull):
        return sorted([colorsys.__name__])


@pytest.mark.parametrize("spoil", [hide_one, replace_a_function, use_up_descriptors])
async def test_a_job_of_a_batch_does_not_fail_for_what_one_before_it_has_left(
    spoil: Callable[[], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is put right after the batch, but where a job has failed: that runs anew."""
    config = configuration(workers=1)
    flow = fan(config, spoil_once, 20)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(flow)
        await scenario.source.write(None)

        with fail_after(PATIENCE):
            for _ in range(3):
                await scenario.submit()  # they are known to be short now

            await scenario.source.write((spoil, str(tmp_path / "mark")))
            submission = await scenario.submit()
            outputs = [await job.output() for job in submission.jobs]

        assert [job.attempt for job in submission.jobs] == [1] * 20
        values = [await scenario[f"r{place}"].read() for place in range(20)]

    assert sorted(map(len, values)) == [0] + [1] * 19
    assert outputs.count("uses it\n") >= 18
    assert caplog.text.count("runs anew") <= 1


async def test_what_a_module_sets_when_it_is_loaded_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sets_as_it_is_loaded.py").write_text(
        "import os\n"
        "os.environ['ASYNCFLOW_TEST_SET'] = 'yes'\n"
        "def get(_): return os.environ.get('ASYNCFLOW_TEST_SET')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    from sets_as_it_is_loaded import get  # type: ignore[import-not-found]

    monkeypatch.delenv("ASYNCFLOW_TEST_SET")
    config = configuration(workers=1)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, get))

        for _ in range(3):
            await scenario.submit()
            assert await scenario.result.read() == "yes"


# ------------------------------------------------------------------- in this process


@pytest.fixture
def here() -> Iterator[ProcessState]:
    here = ProcessState(lambda: None)
    yield here
    here.put_right()


def test_a_clean_process_is_clean(here: ProcessState) -> None:
    assert here.is_clean()
    assert here.put_right() == ""


def test_a_thread_that_ends_in_time_is_nothing_left(here: ProcessState) -> None:
    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait)
    thread.start()

    assert not here.is_clean()
    assert here.put_right() == "left a thread running"

    go_on.set()

    assert here.put_right() == ""
    thread.join()


def test_a_zombie_is_nothing_left(here: ProcessState) -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert here.put_right() == ""
    child.wait()
