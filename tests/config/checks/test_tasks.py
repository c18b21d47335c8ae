"""Tasks and how jobs are executed: declaring, checks, TOML files."""

from __future__ import annotations

import asyncio
import functools
import math
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncflow.config import Configuration, Retry, TaskConfig
from asyncflow.config.toml.write import dump
from asyncflow.errors import ConfigError, Problem
from tests.support.declaring import Declare, Row, check_refused, in_mode, task

KILLING = ("run_timeout", "stall_timeout", "memory_limit")


async def fetch(nb: float) -> float:
    await asyncio.sleep(0)
    return nb


# -------------------------------------------------------------------------- declaring


@pytest.mark.smoke
def test_a_task_has_no_limits_by_default(config: Configuration) -> None:
    task = config.configure_task("t", math.sqrt)
    assert (task.run_timeout, task.stall_timeout) == (None, None)
    assert (task.retry, task.crash_retries) == (None, 1)
    assert (task.needs, task.memory_limit) == ({}, None)


TASK: dict[str, Any] = {
    "run_timeout": 30,
    "stall_timeout": 1.5,
    "retry": Retry(2, wait=1.0, on=ConnectionError),
    "crash_retries": 0,
    "needs": {"gpu": 1, "licence": 0.5},
    "memory_limit": 2**30,
}
JOBS: dict[str, Any] = {
    "resources": {"gpu": 2, "licence": 0.5},
    "kill_grace": 0,
    "shutdown_grace": 0.5,
    "max_jobs_per_worker": 100,
    "max_worker_age": 3600,
    "max_worker_rss": 2**31,
    "max_log_size": 0,
    "loop_lag_warning": 0.1,
}


def declare(config: Configuration) -> None:
    config.configure_task("t", math.sqrt, **TASK, note="mine")
    config.configure_job_executions("standalone", 2, **JOBS, note="mine")


def test_what_is_declared_is_there(config: Configuration) -> None:
    declare(config)
    task, jobs = config.tasks["t"], config.job_config
    assert {name: getattr(task, name) for name in TASK} == TASK
    assert {name: getattr(jobs, name) for name in JOBS} == JOBS
    assert task.properties == jobs.properties == {"note": "mine"}
    assert config.problems() == ()


@pytest.mark.parametrize("mode", ["development", "standalone"])
def test_an_async_function_can_be_ended(config: Configuration, mode: str) -> None:
    config.configure_job_executions(mode)
    limits: dict[str, Any] = {"run_timeout": 5, "stall_timeout": 5, "retry": 2}
    config.configure_task("t", fetch, **limits)
    config.configure_task("u", functools.partial(fetch, 1), executor="inline", **limits)
    assert config.problems() == ()


def test_what_cannot_be_ended_can_be_tried_again(config: Configuration) -> None:
    config.configure_job_executions(resources={"gpu": 1})
    limits: dict[str, Any] = {"retry": 2, "needs": {"gpu": 1}, "crash_retries": 0}
    for executor in ("thread", "inline"):
        config.configure_task(f"t_{executor}", math.sqrt, executor=executor, **limits)

    assert config.problems() == ()


def test_a_number_of_attempts_is_a_retry(config: Configuration) -> None:
    assert config.configure_task("t", math.sqrt, retry=5).retry == Retry(5)
    assert TaskConfig(id="t", function=math.sqrt, retry=1).retry == Retry(1)


def test_amounts_are_the_sections_own(config: Configuration) -> None:
    amounts = {"gpu": 1.0}
    task = config.configure_task("t", math.sqrt, needs=amounts)
    jobs = config.configure_job_executions(resources=amounts)
    amounts.clear()
    assert task.needs == jobs.resources == {"gpu": 1.0}


@pytest.mark.parametrize(("field", "value"), TASK.items())
def test_another_limit_is_another_content(
    config: Configuration, field: str, value: object
) -> None:
    config.configure_job_executions(**JOBS)
    options: dict[str, Any] = {field: value}
    config.configure_task("t", math.sqrt, **options)
    config.configure_task("t", math.sqrt, **options)
    assert config.problems() == ()

    config.configure_task("t", math.sqrt)
    assert [each.field for each in config.problems()] == [field]


# ------------------------------------------------------------------------- the checks


def retry(attempts: Any = 3, **options: Any) -> Declare:
    return task(retry=Retry(attempts, **options))


BAD: dict[str, tuple[Declare, list[Row]]] = {
    "thread": (
        task(executor="thread", run_timeout=1, stall_timeout=1, memory_limit=1),
        [
            ("TASK.t", "run_timeout", "a thread cannot be killed; use executor='proc"),
            ("TASK.t", "stall_timeout", "use executor='process', or an async def fun"),
            ("TASK.t", "memory_limit", "killed; use executor='process'"),
        ],
    ),
    "inline": (
        task(executor="inline", run_timeout=1, stall_timeout=1, memory_limit=1),
        [
            ("TASK.t", "run_timeout", "a plain function on the event loop cannot be"),
            ("TASK.t", "stall_timeout", "use executor='process', or an async def fun"),
            ("TASK.t", "memory_limit", "stopped; use executor='process'"),
        ],
    ),
    "async_memory": (
        task(function=fetch, memory_limit=1, run_timeout=1),
        [("TASK.t", "memory_limit", "has no process of its own; leave it out")],
    ),
    "async_inline_memory": (
        task(function=fetch, executor="inline", memory_limit=1),
        [("TASK.t", "memory_limit", "use a plain def with executor='process'")],
    ),
    "async_thread": (
        task(function=fetch, executor="thread", run_timeout=1),
        [("TASK.t", "executor", "runs on the event loop, not in a thread")],
    ),
    "unknown_executor": (
        task(executor=[], run_timeout=1),
        [("TASK.t", "executor", "[] is not known")],
    ),
    "retry_flag": (task(retry=True), [("TASK.t", "retry", "True is not a Retry")]),
    "retry_text": (
        task(retry="3"),
        [("TASK.t", "retry", "give a Retry, a number of attempts, or None")],
    ),
    "no_attempts": (task(retry=0), [("TASK.t", "retry", "attempts: 0 is not an int")]),
    "attempts": (retry(2.0), [("TASK.t", "retry", "attempts: 2.0 is not an int fro")]),
    "wait": (
        retry(wait=-1),
        [("TASK.t", "retry", "wait: -1 is not a number of at le")],
    ),
    "factor": (retry(factor=0.5), [("TASK.t", "retry", "factor: 0.5 is not a number")]),
    "max_wait": (retry(max_wait="1"), [("TASK.t", "retry", "max_wait: '1' is not a")]),
    "jitter": (
        retry(jitter=1.1),
        [("TASK.t", "retry", "1.1 is not a number from 0 to")],
    ),
    "on_nothing": (retry(on=()), [("TASK.t", "retry", "on: it names no exception")]),
    "on": (
        retry(on=(5, ValueError, "ValueError", "a:B", int)),
        [
            ("TASK.t", "retry", "on: 5 is not an exception class"),
            ("TASK.t", "retry", "'module:Class'; name a class as its own module does"),
            ("TASK.t", "retry", "<class 'int'> is not an exception class"),
        ],
    ),
    "retry_all": (
        retry(None, wait=None, factor=None, jitter=None, on=None),
        [("TASK.t", "retry", name) for name in ("att", "wait", "fact", "jit", "on")],
    ),
}

SECONDS = [0, -1, "1", True, math.nan, math.inf, 10**400, (1,)]
BYTES = [0, -1, 1.0, True, "1G", 2**61]

for _field, _values in (
    ("run_timeout", SECONDS),
    ("stall_timeout", SECONDS),
    ("memory_limit", BYTES),
    ("crash_retries", [-1, None, 1.0, True, "1", 10**7]),
):
    for _value in _values:
        BAD[f"{_field} {str(_value)[:9]} {type(_value).__name__}"] = (
            task(**{_field: _value}),
            [("TASK.t", _field, f"{_value!r} is not a")],
        )


@pytest.mark.parametrize("mode", ["development", "standalone"])
@pytest.mark.parametrize(("declare", "rows"), BAD.values(), ids=BAD)
def test_check(
    config: Configuration, declare: Declare, rows: list[Row], mode: str
) -> None:
    check_refused(config, in_mode(mode, declare), rows)


@pytest.mark.parametrize("field", KILLING)
def test_the_remedy_of_a_limit_helps(config: Configuration, field: str) -> None:
    options: dict[str, Any] = {field: 1}
    for executor in ("thread", "inline"):
        config.configure_task("t", math.sqrt, executor=executor, **options)
        assert [each.field for each in config.problems()] == [field]
        config.clear()

    config.configure_task("t", math.sqrt, executor="process", **options)
    assert config.problems() == ()


# ---------------------------------------------------------------------------- in files

TEXT = """\
# What asyncflow runs; written by Config.export, read by Config.load.

[JOB]
mode = "standalone"
max_nb_of_workers = 2
resources = {gpu = 2, licence = 0.5}
kill_grace = 0
shutdown_grace = 0.5
max_jobs_per_worker = 100
max_worker_age = 3600
max_worker_rss = 2147483648
max_log_size = 0
loop_lag_warning = 0.1
note = "mine"

[TASK.t]
function = "math:sqrt"
inputs = []
outputs = []
run_timeout = 30
stall_timeout = 1.5
retry = {attempts = 2, wait = 1.0, on = ["builtins:ConnectionError"]}
crash_retries = 0
needs = {gpu = 1, licence = 0.5}
memory_limit = 1073741824
note = "mine"
"""


def loaded(file: Path, text: str) -> Configuration:
    config = Configuration()
    file.write_text(text)
    config.load(file)
    return config


def same(one: Configuration, other: Configuration) -> bool:
    return (
        one.tasks.keys() == other.tasks.keys()
        and all(task.same_content(other.tasks[key]) for key, task in one.tasks.items())
        and one.job_config.same_content(other.job_config)
    )


def test_round_trip(config: Configuration, file: Path) -> None:
    declare(config)
    config.export(file)
    assert file.read_text() == TEXT

    again = loaded(file, TEXT)
    assert same(config, again)
    assert again.problems() == ()
    assert again.tasks["t"].retry == TASK["retry"]


def test_defaults_are_not_written(config: Configuration, file: Path) -> None:
    config.configure_task("t", math.sqrt, retry=None, needs={}, crash_retries=1)
    config.configure_job_executions(resources={}, max_log_size=1_048_576)
    config.export(file)
    names = {line.partition(" ")[0] for line in file.read_text().splitlines()}
    assert "function" in names
    assert not names & {*TASK, *JOBS}


def test_what_is_there_is_edited(config: Configuration, file: Path) -> None:
    file.write_text(
        "[JOB.resources] # ours\ngpu = 1 # one\nold = 1\n\n"
        "[TASK.t]\nretry = 5 # often\n[TASK.t.needs]\ngpu = 2 # two\n"
    )
    declare(config)
    config.export(file)
    text = file.read_text()
    assert "[JOB.resources] # ours\ngpu = 2 # one\n" in text
    assert "gpu = 1 # two\n" in text
    assert "old" not in text
    assert same(config, loaded(file, text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("retry = 5", Retry(5)),
        ("retry = {}", Retry()),
        ("retry = {attempts = 4, max_wait = 9}", Retry(4, max_wait=9)),
        ("retry = {on = 'builtins.OSError'}", Retry(on=OSError)),
        ("retry.wait = 1\nretry.factor = 1.5", Retry(wait=1, factor=1.5)),
        ("[TASK.t.retry]\non = ['a:B', 'a.C']", Retry(on=("a:B", "a.C"))),
    ],
)
def test_any_layout_of_a_retry(file: Path, text: str, expected: Retry) -> None:
    config = loaded(file, f"[TASK.t]\nfunction = 'math:sqrt'\n{text}\n")
    assert config.tasks["t"].retry == expected
    assert config.problems() == ()


def test_a_file_changes_what_it_names(config: Configuration, file: Path) -> None:
    declare(config)
    file.write_text(
        "[JOB]\nkill_grace = 1.5\nresources = {gpu = 4}\n"
        "[TASK.t]\nneeds = {gpu = 3}\nretry = {wait = 2}\n"
    )
    config.load(file)
    jobs, task = config.job_config, config.tasks["t"]
    assert (jobs.kill_grace, jobs.shutdown_grace) == (1.5, 0.5)
    assert jobs.resources == {"gpu": 4}
    assert (task.needs, task.run_timeout, task.retry) == ({"gpu": 3}, 30, Retry(wait=2))
    assert config.problems() == ()


Found = tuple[int, str, str, str]
"""Line, section, field, and a piece of the message or remedy."""

FILES: dict[str, tuple[str, list[Found]]] = {
    "task": (
        (
            "[TASK.t]\nfunction = 'math:sqrt'\nrun_timeout = 0\nstall_timeout = '1s'\n"
            "crash_retries = -1\nmemory_limit = 1.5\nneeds = ['gpu']\nretry = true\n"
        ),
        [
            (3, "TASK.t", "run_timeout", "0 is not a number above 0"),
            (4, "TASK.t", "stall_timeout", "'1s' is not a number"),
            (5, "TASK.t", "crash_retries", "-1 is not an int from 0"),
            (6, "TASK.t", "memory_limit", "1.5 is not an int from 1"),
            (7, "TASK.t", "needs", "['gpu'] does not map names to amounts"),
            (8, "TASK.t", "retry", "True is not a Retry"),
        ],
    ),
    "jobs": (
        (
            "[JOB]\nkill_grace = -1\nshutdown_grace = inf\nmax_jobs_per_worker = 0\n"
            "max_worker_age = nan\nmax_worker_rss = '1G'\nmax_log_size = -1\n"
            "loop_lag_warning = false\n[JOB.resources]\ngpu = -1\n"
        ),
        [
            (2, "JOB", "kill_grace", "-1 is not a number of at least 0"),
            (3, "JOB", "shutdown_grace", "inf is not a number"),
            (4, "JOB", "max_jobs_per_worker", "0 is not an int from 1"),
            (5, "JOB", "max_worker_age", "nan is not a number above 0"),
            (6, "JOB", "max_worker_rss", "'1G' is not an int"),
            (7, "JOB", "max_log_size", "-1 is not an int from 0"),
            (8, "JOB", "loop_lag_warning", "False is not a number"),
            (9, "JOB", "resources", "gpu: -1 is not a number"),
        ],
    ),
    "where_it_runs": (
        (
            "[TASK.t]\nfunction = 'math:sqrt'\nexecutor = 'thread'\n\nrun_timeout = 1\n"
            f"[TASK.u]\nfunction = '{__name__}:fetch'\n\nmemory_limit = 1\n"
        ),
        [
            (5, "TASK.t", "run_timeout", "a thread cannot be killed"),
            (9, "TASK.u", "memory_limit", "an async def function has no process"),
        ],
    ),
    "needs": (
        (
            "[JOB]\nresources = {gpu = 1}\n[TASK.t]\nfunction = 'math:sqrt'\n"
            "needs = {gpu = 2, tpu = 1}\n"
        ),
        [
            (5, "TASK.t", "needs", "gpu: 2 is more than there is, which is 1"),
            (5, "TASK.t", "needs", "'tpu' is not a resource that is declared"),
        ],
    ),
    "retry_values": (
        (
            "[TASK.t]\nfunction = 'math:sqrt'\n"
            "retry = {attempts = '3', wait = -1, on = ['math:pi', 5]}\n"
        ),
        [
            (3, "TASK.t", "retry", "attempts: '3' is not an int"),
            (3, "TASK.t", "retry", "wait: -1 is not a number"),
            (3, "TASK.t", "retry", "on: 'math:pi' is not an exception class"),
            (3, "TASK.t", "retry", "on: 5 is not an exception class"),
        ],
    ),
    "retry_keys": (
        "[TASK.t]\nfunction = 'math:sqrt'\n\n[TASK.t.retry]\nwiat = 1\nx = 1\n",
        [
            (4, "TASK.t", "retry", "'wiat' is not known; did you mean 'wait'?"),
            (
                4,
                "TASK.t",
                "retry",
                "'x' is not known; choose one of 'attempts', 'wait'",
            ),
        ],
    ),
}


@pytest.mark.parametrize(("text", "rows"), FILES.values(), ids=FILES)
def test_a_wrong_file_is_refused_as_a_whole(
    file: Path, text: str, rows: list[Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A module that is imported by its path alone has no name to import it by.
    module = types.ModuleType(__name__)
    vars(module).update(fetch=fetch)
    monkeypatch.setitem(sys.modules, __name__, module)
    with pytest.raises(ConfigError) as caught:
        loaded(file, text)

    problems: tuple[Problem, ...] = caught.value.problems
    found = [(each.line, each.section, each.field) for each in problems]
    assert found == [row[:3] for row in rows]
    for problem, (*_, piece) in zip(problems, rows, strict=True):
        assert piece in str(problem)
        assert str(problem).startswith(f"{file}:{problem.line}: ")


def test_what_has_no_form_is_refused(config: Configuration, file: Path) -> None:
    wrong: Any = object()
    config.configure_task("t", math.sqrt, retry=Retry(on=wrong), needs={wrong: 1})
    config.configure_job_executions(resources={"a": wrong}, kill_grace=wrong)
    with pytest.raises(ConfigError) as caught:
        config.export(file)

    problems = caught.value.problems
    assert [(each.section, each.field) for each in problems] == [
        ("JOB", "resources"),
        ("JOB", "kill_grace"),
        ("TASK.t", "retry"),
        ("TASK.t", "needs"),
    ]
    assert "['on'][0]: the object" in problems[2].message
    assert not file.exists()


# ------------------------------------------------------------------------- any content

POSITIVE = st.integers(1, 10**9) | st.floats(0, 1e12, exclude_min=True)
ANY = st.integers(0, 10**9) | st.floats(0, 1e12)
COUNT = st.integers(1, 10**6)
SIZE = st.integers(1, 2**60)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
RETRIES = st.builds(
    Retry,
    COUNT,
    wait=ANY,
    factor=st.floats(1, 1e9),
    max_wait=st.none() | ANY,
    jitter=st.floats(0, 1),
    on=st.lists(st.sampled_from([ValueError, OSError, "a.b:C", "a.b.C"]), min_size=1),
)
LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "run_timeout": POSITIVE,
        "stall_timeout": POSITIVE,
        "retry": RETRIES,
        "crash_retries": st.integers(0, 10**6),
        "needs": st.dictionaries(NAMES, POSITIVE, max_size=3),
        "memory_limit": SIZE,
    },
)
EXECUTIONS = st.fixed_dictionaries(
    {},
    optional={
        "kill_grace": ANY,
        "shutdown_grace": ANY,
        "max_jobs_per_worker": COUNT,
        "max_worker_age": POSITIVE,
        "max_worker_rss": SIZE,
        "max_log_size": st.integers(0, 2**60),
        "loop_lag_warning": POSITIVE,
    },
)


def configuration(limits: dict[str, Any], executions: dict[str, Any]) -> Configuration:
    config = Configuration()
    config.configure_task("t", math.sqrt, **limits)
    config.configure_job_executions(resources=limits.get("needs"), **executions)
    return config


@given(limits=LIMITS, executions=EXECUTIONS, before=LIMITS)
def test_any_limits_make_the_round_trip(
    limits: Any,
    executions: Any,
    before: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    config = configuration(limits, executions)
    assert config.problems() == ()
    file = tmp_path_factory.getbasetemp() / "limits.toml"
    fresh = dump(config._registry)
    edited = dump(config._registry, dump(configuration(before, {})._registry))

    for text in (fresh, edited):
        file.write_bytes(text.encode())
        again = Configuration()
        again.load(file)
        assert same(config, again)
        assert again.problems() == ()
