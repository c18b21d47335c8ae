"""Skippable tasks: what makes them run again, and what they say about it."""

from __future__ import annotations

import functools
import math
import operator
import os
import pickle
import threading
import time
import types
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from asyncflow import (
    Configuration,
    Orchestrator,
    Scenario,
    ScenarioConfig,
    Submission,
)
from asyncflow.alternatives import DRIVERS
from asyncflow.fingerprint import fingerprint as _fingerprint
from tests.support import flows
from tests.support.flows import configuration, statuses


def fingerprint(function: flows.Function) -> str:
    return _fingerprint.fingerprint(function).text


def define(text: str, module: str = "made") -> types.FunctionType:
    """Make the function `f` of a module with this source."""
    namespace: dict[str, object] = {"__name__": module}
    exec(text, namespace)
    function = namespace["f"]
    assert isinstance(function, types.FunctionType)
    return function


BASE = """
import math
import operator
import os
import pickle
import random
from os.path import join
LIMIT = 3
def helper(x):
    return x + 1
class Model:
    size = 1
    def fit(self, x):
        return x
def f(x, y=1):
    return helper(x) * LIMIT + math.pi + len(join("a", "b")) + Model().fit(y)
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x + 1", "x + 2"),
        ("LIMIT = 3", "LIMIT = 4"),
        ("y=1", "y=2"),
        ("* LIMIT", "- LIMIT"),
        ("        return x\n", "        return -x\n"),
        ("size = 1", "size = 2"),
        ("math.pi", "math.e"),
        ("import join", "import normpath as join"),
        ('"b"', '"c"'),
    ],
)
def test_a_change_of_what_it_does_changes_the_fingerprint(old: str, new: str) -> None:
    assert old in BASE
    assert fingerprint(define(BASE)) != fingerprint(define(BASE.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("import math\n", "# a comment\n\n\nimport math\n"),
        ("LIMIT = 3", "LIMIT = 3\nUNUSED = 5"),
        ("class Model:", "def unused():\n    pass\nclass Model:"),
    ],
)
def test_anything_else_does_not(old: str, new: str) -> None:
    assert fingerprint(define(BASE)) == fingerprint(define(BASE.replace(old, new)))


@pytest.mark.smoke
def test_functions_that_call_each_other_have_one() -> None:
    text = "def g(x):\n    return f(x)\ndef f(x):\n    return g(x - {})"

    assert fingerprint(define(text.format(1))) == fingerprint(define(text.format(1)))
    assert fingerprint(define(text.format(1))) != fingerprint(define(text.format(2)))


def test_what_a_closure_holds_counts() -> None:
    def make(factor: object) -> flows.Function:
        return lambda value: (value, factor)

    assert fingerprint(make(1)) == fingerprint(make(1))
    assert fingerprint(make(1)) != fingerprint(make(2))
    assert fingerprint(make({1, 2, 3})) == fingerprint(make({3, 2, 1}))
    assert fingerprint(make(flows.double)) != fingerprint(make(flows.fail))
    assert fingerprint(make(threading.Lock())) == fingerprint(make(threading.Lock()))


class Multiply:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    def __call__(self, value: int) -> int:
        return value * self.factor


def test_any_callable_has_one() -> None:
    callables: list[flows.Function] = [
        len,
        math.sin,
        functools.partial(pow, 2),
        functools.partial(pow, 3),
        Multiply(2),
        Multiply(3),
        Multiply(2).__call__,
        Multiply,
        flows.double,
    ]

    assert len({fingerprint(function) for function in callables}) == len(callables)
    assert fingerprint(Multiply(2)) == fingerprint(Multiply(2))
    assert fingerprint(callables[2]) == fingerprint(functools.partial(pow, 2))


@pytest.fixture
async def orchestrator(config: Configuration) -> AsyncIterator[Orchestrator]:
    async with Orchestrator(config) as opened:
        yield opened


async def the_one(orchestrator: Orchestrator) -> Scenario:
    (record,) = await orchestrator.scenarios()
    scenario = await orchestrator.get(record.id)
    assert isinstance(scenario, Scenario)
    return scenario


def reasons(submission: Submission) -> list[str]:
    return [job.reason for job in submission.jobs]


@pytest.mark.anyio
async def test_what_failed_is_not_skipped(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    cfg = flows.single(config, flows.fail, skippable=True)
    scenario = await orchestrator.create_scenario(cfg)

    for _ in range(2):
        submission = await scenario.submit().wait()
        assert statuses(submission.jobs) == ["FAILED"]
        assert reasons(submission) == ["ValueError: no 1"]


@pytest.mark.anyio
async def test_what_cannot_be_known_runs(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    own = config.configure_generic_data_node(
        "own", int, flows.identity, read_fct_args=[1]
    )
    result = config.configure_data_node("result")
    tasks = [
        config.configure_task("reads", flows.double, own, result, skippable=True),
        config.configure_task("says", flows.identity, own, skippable=True),
        config.configure_task("always", flows.identity, own),
    ]
    scenario = await orchestrator.create_scenario(
        config.configure_scenario("unknown", tasks)
    )
    await scenario.submit()

    assert [job.reason for job in scenario.plan()] == [
        "`own` may have changed: nobody can tell",
        "it has no output that could tell",
        "it is not skippable",
    ]
    assert statuses((await scenario.submit()).jobs) == ["COMPLETED"] * 3


HELPED = """
import functools
@functools.cache
def rate(x):
    return {}
def f(x):
    return x + rate(x)
"""


@pytest.mark.anyio
@pytest.mark.blocking_jobs
async def test_a_helper_that_changed_is_named() -> None:
    config = configuration("development")
    cfg = flows.single(config, lambda x: work(x), skippable=True)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        for nb, reason in [
            (1, "it has not run yet"),
            (2, "`made.rate` changed, which it uses"),
            (2, "its function and its inputs are the same"),
        ]:
            work = define(HELPED.format(nb))
            assert [job.reason for job in scenario.plan()] == [reason]
            assert reasons(await scenario.submit()) == [reason]


def write_later(path: Path, than: int) -> None:
    """Write a file by hand; the clock of files ticks some milliseconds behind."""
    while path.stat().st_ctime_ns <= than:
        path.write_bytes(pickle.dumps("by hand"))


@pytest.mark.anyio
@pytest.mark.blocking_jobs  # plan() looks at files
@pytest.mark.parametrize("mode", ["development", "standalone"])
async def test_whose_output_others_have_written_runs_again(
    tmp_path: Path, mode: str
) -> None:
    config = configuration(mode)
    number = config.configure_data_node("number", default_data=1)
    own = config.configure_data_node("own", default_path=tmp_path / "own.pickle")
    task = config.configure_task("double", flows.double, number, own, skippable=True)
    cfg = config.configure_scenario("files", task)
    reason = f"`own` was written by something else, at {tmp_path / 'own.pickle'}"

    async with Orchestrator(config, store=tmp_path / "runs.db") as orchestrator:
        one, other = [await orchestrator.create_scenario(cfg) for _ in range(2)]
        await other.number.write(5)
        await one.submit()
        assert statuses((await one.submit()).jobs) == ["SKIPPED"]

        now = time.time_ns()
        await to_thread.run_sync(write_later, tmp_path / "own.pickle", now)
        submission = await one.submit()
        assert statuses(submission.jobs) == ["COMPLETED"]
        assert submission.jobs[0].reason == reason
        assert await one.own.read() == 2

        await other.submit()
        now = time.time_ns()
        await to_thread.run_sync(touch_later, tmp_path / "own.pickle", now)
        assert one.plan()[0].reason == reason
        await one.submit()
        assert await one.own.read() == 2


def touch_later(path: Path, than: int) -> None:
    while path.stat().st_ctime_ns <= than:
        os.utime(path, (0, 0))


FIRST, SECOND = [{"a": 11, "b": 1.5}], [{"a": 22, "b": 2.5}]
"""Rows of which the files have one size, in each form."""


def change_within(path: Path, other: bytes) -> None:
    path.write_bytes(other)


def change_by_rename(path: Path, other: bytes) -> None:
    beside = path.with_name("beside")
    beside.write_bytes(other)
    stat = path.stat()
    os.utime(beside, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    beside.replace(path)


def file_of(storage_type: str, rows: object, folder: Path, **options: Any) -> bytes:
    """Return the content of a file that a driver has written."""
    found = DRIVERS.load(storage_type)
    given = found.Options(**options) if found.Options else None
    driver = found(str(folder / "made"), given)
    driver.publish(driver.write(rows, "made", "node"), "made")
    return (folder / "made").read_bytes()


PLAIN = {"exposed_type": "list[dict]"}
FILES: dict[str, dict[str, Any]] = {
    "pickle": {},
    "json": {},
    "csv": PLAIN,
    "parquet": PLAIN,
    "excel": {**PLAIN, "sheet_name": "one"},
}


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.usefixtures("tables_are_warm")
@pytest.mark.parametrize("change", [change_within, change_by_rename])
@pytest.mark.parametrize("storage_type", FILES)
async def test_a_file_that_others_change_is_read_again(
    tmp_path: Path, storage_type: str, change: Callable[[Path, bytes], None]
) -> None:
    options = FILES[storage_type]
    one, other = [
        file_of(storage_type, rows, tmp_path, **options) for rows in (FIRST, SECOND)
    ]
    path = tmp_path / "own"
    path.write_bytes(one)
    config = configuration("development")
    own = config.configure_data_node("own", storage_type, default_path=path, **options)
    number = config.configure_data_node("number")
    task = config.configure_task("count", len, own, number, skippable=True)
    cfg = config.configure_scenario("files", task)
    reason = f"`own` was changed by something else, at {path}"

    async with Orchestrator(config, store=tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg, name="one")
        await scenario.submit()
        assert not scenario.plan()[0].runs
        assert statuses((await scenario.submit()).jobs) == ["SKIPPED"]
        assert len(one) == len(other) or storage_type == "excel"  # which is compressed
        change(path, other)
        assert scenario.plan()[0].reason == reason
        assert reasons(await scenario.submit()) == [reason]
        assert statuses((await scenario.submit()).jobs) == ["SKIPPED"]

    change(path, one)

    async with Orchestrator(config, store=tmp_path / "runs.db") as orchestrator:
        scenario = await the_one(orchestrator)
        assert reasons(await scenario.submit()) == [reason]
        path.unlink()
        assert scenario.plan()[0].reason == f"`own` is gone, at {path}"


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.usefixtures("tables_are_warm")
async def test_a_folder_in_which_others_change_a_file_is_read_again(
    tmp_path: Path,
) -> None:
    options = FILES["parquet"]
    files = [file_of("parquet", rows, tmp_path, **options) for rows in (FIRST, SECOND)]
    folder = tmp_path / "sales"
    parts = [folder / f"year={year}" / "part.parquet" for year in (2024, 2025)]

    for part, data in zip(parts, files, strict=True):
        part.parent.mkdir(parents=True)
        part.write_bytes(data)

    config = configuration("development")
    own = config.configure_data_node("own", "parquet", default_path=folder, **options)
    number = config.configure_data_node("number")
    task = config.configure_task("count", len, own, number, skippable=True)
    cfg = config.configure_scenario("folders", task)
    reason = f"`own` was changed by something else, at {folder}"

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        assert statuses((await scenario.submit()).jobs) == ["SKIPPED"]

        for change in (
            lambda: change_within(parts[1], files[0]),
            lambda: change_by_rename(parts[1], files[1]),
            parts[0].unlink,
        ):
            change()
            assert reasons(await scenario.submit()) == [reason]
            assert statuses((await scenario.submit()).jobs) == ["SKIPPED"]

        assert await scenario.number.read() == 1


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.parametrize("is_restarted", [False, True])
async def test_a_file_that_a_run_has_written_is_known(
    tmp_path: Path, is_restarted: bool
) -> None:
    """What was written is looked at when the next run begins, and known from then on."""
    config = configuration("development")
    path = tmp_path / "own.json"
    own = config.configure_json_data_node("own", path)
    number = config.configure_data_node("number")
    tasks = [
        config.configure_task("make", flows.thousand, None, own, skippable=True),
        config.configure_task("count", len, own, number, skippable=True),
    ]
    cfg = config.configure_scenario("files", tasks)
    where = f"was written by something else, at {path}"

    async with AsyncExitStack() as stack:
        orchestrator = Orchestrator(config, store=tmp_path / "runs.db")
        await stack.enter_async_context(orchestrator)
        scenario = await orchestrator.create_scenario(cfg, name="one")
        assert reasons(await scenario.submit()) == ["it has not run yet"] * 2
        assert statuses((await scenario.submit()).jobs) == ["SKIPPED"] * 2

        if is_restarted:
            await stack.aclose()
            orchestrator = Orchestrator(config, store=tmp_path / "runs.db")
            await stack.enter_async_context(orchestrator)
            scenario = await the_one(orchestrator)

        path.chmod(0o600)  # which is no change of what it has
        assert statuses((await scenario.submit()).jobs) == ["SKIPPED"] * 2
        change_by_rename(path, path.read_bytes())
        submission = await scenario.submit()
        assert reasons(submission) == [f"`own` {where}", "`own` has a new version"]
        assert statuses((await scenario.submit()).jobs) == ["SKIPPED"] * 2


def remove_values(folder: Path) -> None:
    for value in folder.rglob("*.value"):
        value.unlink()


def cut_values(folder: Path) -> None:
    for value in folder.rglob("*.value"):
        os.truncate(value, value.stat().st_size - 1)


@pytest.mark.anyio
@pytest.mark.blocking_jobs  # plan() looks at files
@pytest.mark.parametrize("mode", ["development", "standalone"])
async def test_whose_output_is_gone_runs_again(tmp_path: Path, mode: str) -> None:
    config = configuration(mode)
    own = config.configure_data_node("own", default_path=tmp_path / "own.pickle")
    large = config.configure_data_node("large")
    count = config.configure_data_node("count")
    tasks = [
        config.configure_task("make", flows.thousand, None, own, skippable=True),
        config.configure_task("enlarge", flows.large, None, large, skippable=True),
        config.configure_task("use", len, own, count),
    ]
    cfg = config.configure_scenario("files", tasks)

    async with Orchestrator(config, store=tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        done = "COMPLETED", "SKIPPED"
        assert statuses((await scenario.submit()).jobs) == [done[1], done[1], done[0]]

        (tmp_path / "own.pickle").unlink()
        reason = f"`own` is gone, at {tmp_path / 'own.pickle'}"
        assert scenario.make.plan()[0].reason == reason
        submission = await scenario.submit()
        assert statuses(submission.jobs) == [done[0], done[1], done[0]]
        assert submission.jobs[0].reason == reason
        assert await scenario.count.read() == 1000

        await to_thread.run_sync(remove_values, tmp_path)

        submission = await scenario.submit()
        assert statuses(submission.jobs) == [done[1], done[0], done[0]]
        reason = "the file of `large` is gone, or not whole"
        assert submission.jobs[1].reason == reason
        assert not any(job.runs for job in scenario.enlarge.plan())

        await to_thread.run_sync(cut_values, tmp_path)
        submission = await scenario.submit()
        assert submission.jobs[1].reason == reason
        assert len(await scenario.large.read()) > 0


@pytest.mark.anyio
async def test_what_ended_with_its_orchestrator_is_made_again(tmp_path: Path) -> None:
    config = configuration()
    cfg = flows.single(config, flows.double, skippable=True)

    async with Orchestrator(config, store=tmp_path / "runs.db") as orchestrator:
        await (await orchestrator.create_scenario(cfg, name="one")).submit()

    async with Orchestrator(config, store=tmp_path / "runs.db") as orchestrator:
        scenario = await the_one(orchestrator)
        submission = await scenario.submit()
        assert reasons(submission) == ["`result` has no value any more"]
        assert await scenario.result.read() == 2


@pytest.mark.anyio
@pytest.mark.parametrize("size", [1, 1_000_000])
@pytest.mark.parametrize("storage_type", ["pickle", "in_memory"])
async def test_a_new_version_with_equal_content_is_nothing_new(
    config: Configuration, tmp_path: Path, size: int, storage_type: str
) -> None:
    source = config.configure_data_node("source", default_data=b"a")
    raw = config.configure_data_node("raw", storage_type)
    clean = config.configure_data_node("clean")
    report = config.configure_data_node("report")
    tasks = [
        config.configure_task("read", partial(operator.mul, size), source, raw),
        config.configure_task("clean_", flows.double, raw, clean, skippable=True),
        config.configure_task("report_", flows.double, clean, report, skippable=True),
    ]
    cfg = config.configure_scenario("rows", tasks)

    async with Orchestrator(config, store=tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg, name="one")
        await scenario.submit()
        again = await scenario.submit()
        assert statuses(again.jobs) == ["COMPLETED", "SKIPPED", "SKIPPED"]

        await scenario.source.write(b"b")
        submission = await scenario.submit()
        assert reasons(submission)[1:] == [
            "`raw` has a new version",
            "`clean` has a new version",
        ]
        await scenario.source.write(b"c")
        await scenario.source.write(b"b")
        again = await scenario.submit()
        assert statuses(again.jobs) == ["COMPLETED", "SKIPPED", "SKIPPED"]

    async with Orchestrator(config, store=tmp_path / "runs.db") as orchestrator:
        scenario = await the_one(orchestrator)
        again = await scenario.submit()
        assert statuses(again.jobs) == ["COMPLETED", "SKIPPED", "SKIPPED"]
        assert await scenario.report.read() == b"b" * size * 4


def sharing(config: Configuration) -> ScenarioConfig:
    """Declare a task that all scenarios share, and one of each."""
    seed = config.configure_data_node("seed", default_data=1, scope=flows.GLOBAL)
    data = config.configure_data_node("data", scope=flows.GLOBAL)
    own = config.configure_data_node("own", default_data=1)
    out = config.configure_data_node("out")
    tasks = [
        config.configure_task("prepare", flows.add, [seed, own], data, skippable=True),
        config.configure_task("use", flows.add, [data, own], out),
    ]
    return config.configure_scenario("sharing", tasks)


@pytest.mark.anyio
async def test_a_task_whose_outputs_are_shared_is_one_task(tmp_path: Path) -> None:
    config = configuration()
    cfg = sharing(config)
    path = tmp_path / "runs.db"

    async with Orchestrator(config, store=path) as orchestrator:
        scenarios = [await orchestrator.create_scenario(cfg) for _ in range(3)]
        submissions = [scenario.submit() for scenario in scenarios]
        done = [statuses((await one).jobs)[0] for one in submissions]
        assert done == ["COMPLETED", "SKIPPED", "SKIPPED"]
        assert not scenarios[2].prepare.plan()[0].runs
        await orchestrator.delete(scenarios[0].id)

    async with Orchestrator(config, store=path) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        assert statuses((await scenario.submit()).jobs) == ["SKIPPED", "COMPLETED"]
        await scenario.own.write(2)
        submission = await scenario.submit()
        assert reasons(submission)[0] == "`own` has a new version"

        async with Orchestrator(config, store=path) as other:
            again = await other.create_scenario(cfg)
            await again.own.write(2)
            assert statuses((await again.submit()).jobs)[0] == "SKIPPED"
            await again.own.write(3)
            assert statuses((await again.submit()).jobs)[0] == "COMPLETED"
            await scenario.own.write(3)
            assert statuses((await scenario.submit()).jobs)[0] == "SKIPPED"


@pytest.mark.anyio
@pytest.mark.blocking_jobs
async def test_what_is_cancelled_before_its_run_has_begun_is_not_skipped(
    tmp_path: Path,
) -> None:
    path = tmp_path / "own"
    path.write_text("[1]")
    config = configuration("development")
    own = config.configure_data_node("own", "json", default_path=path)
    number = config.configure_data_node("number")
    task = config.configure_task("count", len, own, number, skippable=True)
    cfg = config.configure_scenario("files", task)

    async with Orchestrator(config, store=tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        submission = scenario.submit()  # it begins once the file was looked at
        submission.jobs[0].cancel()
        await submission.wait()
        assert statuses(submission.jobs) == ["CANCELED"]
