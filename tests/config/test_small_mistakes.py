"""Small mistakes: each is refused with what is wrong and what to do, or is none."""

from __future__ import annotations

import functools
import inspect
import io
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

import asyncflow.sync
import asyncflow.sync as tp
from asyncflow import (
    Configuration,
    Orchestrator,
    Retry,
    Status,
    SubmissionStatus,
    UsageError,
)
from tests.support import flows
from tests.support.flows import configuration, single

pytestmark = pytest.mark.anyio


# ---------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name", ["\u00b5_value", "\ufb01le", "\u212bngstrom", "x\u00aa"]
)
def test_an_id_that_python_spells_otherwise_is_refused(name: str) -> None:
    config = Configuration()
    config.configure_data_node(name, default_data=1)
    (problem,) = config.problems()
    assert "Python writes the identifier" in problem.message
    assert "looks the same" in problem.remedy


@pytest.mark.smoke
def test_an_id_of_letters_is_none_of_that() -> None:
    config = Configuration()
    config.configure_data_node("größe", default_data=1)
    config.configure_data_node("\u03bc_value", default_data=1)
    assert not config.problems()


# --------------------------------------------------------------------------- waiting


def declared(config: Configuration) -> Any:
    out = config.configure_data_node("out")
    node = config.configure_data_node("x", default_data=1)
    config.configure_job_executions(mode="development")
    return config.configure_scenario(
        "s", config.configure_task("t", flows.identity, node, out)
    )


@pytest.mark.parametrize("timeout", ["5", math.nan, -1, -0.5, True, [1]])
async def test_a_time_to_wait_is_a_number(timeout: Any) -> None:
    config = Configuration()
    cfg = declared(config)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()

        with pytest.raises(ValueError, match="timeout is in seconds"):
            await submission.wait(timeout=timeout)

        with pytest.raises(ValueError, match="timeout is in seconds"):
            scenario.submit(timeout=timeout)

        await submission.wait(timeout=math.inf)
        await submission.wait(timeout=0)


async def test_half_a_character_is_no_key() -> None:
    config = Configuration()
    cfg = declared(config)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with pytest.raises(ValueError, match=r"idempotency_key '\\ud800'.*UTF-8"):
            scenario.submit(idempotency_key="\ud800")

        assert await orchestrator.submissions() == []


async def test_a_folder_that_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Configuration()
    declared(config)
    await anyio.Path(tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    await anyio.Path(tmp_path / "gone").rmdir()

    with pytest.raises(UsageError, match=r"current directory was removed.*os\.chdir"):
        await Orchestrator(config).__aenter__()


# ------------------------------------------------------------------------ coroutines


def plain(function: Callable[..., object]) -> Callable[..., object]:
    """Decorate a function, as is done with plain ones."""

    @functools.wraps(function)
    def wrapper(*arguments: object) -> object:
        return function(*arguments)

    return wrapper


@plain
async def fetch(number: int) -> int:
    await anyio.lowlevel.checkpoint()
    return number + 1


@plain
async def fail(number: int) -> int:
    raise LookupError(number)


@pytest.mark.parametrize(
    ("mode", "executor"),
    [("development", "process"), ("standalone", "process"), ("standalone", "thread")],
)
async def test_a_coroutine_that_a_plain_function_returns_is_run(
    mode: Any, executor: Any
) -> None:
    config = Configuration()
    node = config.configure_data_node("x", default_data=1)
    out, none = config.configure_data_node("out"), config.configure_data_node("none")
    config.configure_job_executions(mode=mode, max_nb_of_workers=1)
    cfg = config.configure_scenario(
        "s",
        [
            config.configure_task("fetch", fetch, node, out, executor=executor),
            config.configure_task("fail", fail, node, none, executor=executor),
        ],
    )

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()

        with anyio.fail_after(30):
            await submission.wait()

        reasons = {job.task.config_id: job.reason for job in submission.jobs}
        assert await scenario.out.read() == 2
        assert reasons["fail"].startswith("LookupError: 1")


def asks(_: object) -> str:
    return input("What now? ")


def stops(_: object) -> None:
    breakpoint()  # noqa: T100  # what the test is about


def reads_its_own(_: object) -> str:
    sys.stdin = io.StringIO("an answer\n")
    return input()


def reads_too_much(_: object) -> str:
    sys.stdin = io.StringIO("")
    return input()


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (asks, r"EOFError: input\(\) in a job: a worker .* mode='development'"),
        (stops, r"RuntimeError: breakpoint\(\) in a job: .* mode='development'"),
        (reads_too_much, "^EOFError: EOF when reading a line$"),
    ],
)
async def test_who_asks_a_person_in_a_worker_is_told(
    function: Callable[[object], object],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYTHONBREAKPOINT", raising=False)
    config = configuration(workers=1)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, function))
        (job,) = (await scenario.submit().wait()).jobs
        assert job.status is Status.FAILED
        assert re.search(reason, job.reason)
        await scenario.submit().wait()


async def test_a_job_may_read_what_it_has_itself() -> None:
    config = configuration(workers=1)

    async with Orchestrator(config, ":memory:") as orchestrator:
        cfg = single(config, reads_its_own)
        scenario = await orchestrator.create_scenario(cfg)
        (job,) = (await scenario.submit()).jobs
        assert await scenario.result.read() == "an answer"
        assert job.name == job.config_id == "work"
        assert job.duration == job.execution_duration is not None


def test_the_verbs_of_the_blocking_form_are_told() -> None:
    with pytest.raises(AttributeError, match=r"'run'.*asyncflow\.sync\.Orchestrator"):
        Orchestrator().run()  # type: ignore[attr-defined]  # what is wrong here

    with pytest.raises(AttributeError, match=r"no attribute 'perform'$"):
        Orchestrator().perform()  # type: ignore[attr-defined]  # the same


@pytest.mark.parametrize(
    ("make", "name", "meant"),
    [
        (Orchestrator, "stroe", "store"),
        (Orchestrator, "adop", "adopt"),
        (asyncflow.sync.Orchestrator, "confg", "config"),
        (Retry, "attempt", "attempts"),
        (Retry, "wiat", "wait"),
    ],
)
def test_misspelt_arguments_are_named(
    make: Callable[..., object], name: str, meant: str
) -> None:
    why = rf"\(\) has no argument '{name}': did you mean '{meant}'\? it takes "

    with pytest.raises(TypeError, match=why):
        make(**{name: 1})

    assert meant in inspect.signature(make).parameters


@pytest.mark.parametrize("make", [Orchestrator, tp.Orchestrator], ids=["async", "sync"])
@pytest.mark.parametrize("name", ["mode", "max_nb_of_workers", "echo"])
def test_options_of_the_jobs_are_none_of_an_orchestrator(
    make: Callable[..., object], name: str
) -> None:
    why = rf"'{name}': Config\.configure_job_executions\(\) takes it; it takes config,"

    with pytest.raises(TypeError, match=why):
        make(**{name: 1})


def verbs(*classes: type[object]) -> list[Any]:
    """List the verbs of classes that do not take any name."""
    found = [
        pytest.param(cls, name, id=f"{cls.__module__}.{cls.__name__}.{name}")
        for cls in classes
        for name in dir(cls)
        if not name.startswith("_")
        if inspect.isfunction(verb := inspect.getattr_static(cls, name))
        if all(
            one.kind is not one.VAR_KEYWORD
            for one in inspect.signature(verb).parameters.values()
        )
    ]
    assert len(found) > 80
    return found


@pytest.mark.parametrize(
    ("cls", "name"),
    verbs(
        *(asyncflow.DataNode, asyncflow.Job, Orchestrator, asyncflow.Scenario),
        *(asyncflow.Sequence, asyncflow.Submission, asyncflow.Task, Configuration),
        *(tp.DataNode, tp.Job, tp.Orchestrator, tp.Scenario, tp.Sequence),
        *(tp.Submission, tp.Task),
    ),
)
async def test_each_verb_names_the_argument_that_was_meant(
    cls: type[object], name: str
) -> None:
    handle = object.__new__(cls)
    verb = getattr(cls, name)
    named = [*inspect.signature(verb).parameters][1:]
    wrong = f"{named[-1]}x" if named else "x"
    given: dict[str, Any] = {wrong: 1}

    with pytest.raises(TypeError, match=rf"{name}\(\)") as caught:
        await verb(handle, **given)

    said = str(caught.value)

    if "unexpected keyword" not in said:  # of a context manager, by Python
        assert said.startswith(f"{cls.__name__}.{name}() has no argument {wrong!r}: ")
        assert "it takes " in said


@pytest.mark.parametrize(
    "verb", [tp.stop, tp.get, tp.delete, tp.prune, tp.cancel, asyncflow.as_completed]
)
def test_each_function_names_the_argument_that_was_meant(
    verb: Callable[..., object],
) -> None:
    with pytest.raises(
        TypeError, match=rf"^{verb.__name__}\(\) has no argument 'wiat'"
    ):
        verb(wiat=1)


async def test_a_config_is_not_submitted() -> None:
    config = flows.configuration("development")
    cfg: Any = flows.single(config, flows.double)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        with pytest.raises(
            TypeError, match=r"got ScenarioConfig.*create_scenario\(\) fi"
        ):
            orchestrator.submit(cfg)

        scenario = await orchestrator.create_scenario(cfg)

        with pytest.raises(TypeError, match="did you mean 'wait'"):
            scenario.submit(wiat=True)

    with pytest.raises(TypeError, match=r"create_scenario\(\) first"):
        tp.submit(cfg)


def test_the_blocking_face_names_the_verb_that_was_meant() -> None:
    with pytest.raises(AttributeError, match="did you mean 'create_scenario'"):
        tp.creat_scenario  # type: ignore[attr-defined]  # noqa: B018  # that is what is tested


async def test_a_column_is_no_version() -> None:
    config = flows.configuration("development")
    cfg = flows.single(config, flows.double)
    columns: list[Any] = ["price", ["price"], 1.5]

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        for wrong in columns:
            with pytest.raises(TypeError, match=r"a number.*given as columns=\.\.\."):
                await scenario.source.read(wrong)


# ------------------------------------------------------------------- Taipy's sections


async def test_keys_of_taipy_are_taken_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = flows.configuration("development")
    cfg = flows.single(config, flows.double)
    config.configure_core(
        storage_folder="data/", repository_type="sql", core_version="4.1"
    )

    async with Orchestrator(config, store=":memory:") as orchestrator:
        await orchestrator.create_scenario(cfg)
        config.configure_data_node("more")
        await orchestrator.create_scenario(cfg)

    said = [line for line in caplog.messages if line.startswith("[CORE]")]
    assert [line.partition(": taken, without effect; ")[0] for line in said] == [
        "[CORE] storage_folder",
        "[CORE] repository_type",
        "[CORE] core_version",
    ]
    assert all("Orchestrator(store=" in line for line in said[:2])
    assert "are read by the later ones" in said[2]


async def test_what_is_almost_an_option_or_a_data_node_is_refused() -> None:
    config = flows.configuration("development")
    cfg = flows.single(config, flows.double)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        for name in ("soruce", "Result", "rsult"):
            given: dict[str, Any] = {name: 1}

            with pytest.raises(TypeError, match=r"knows no data node.*did you mean"):
                scenario.submit(**given)

            with pytest.raises(TypeError, match=r"knows no data node.*did you mean"):
                await orchestrator.create_scenario(cfg, **given)

        with pytest.raises(TypeError, match="did you mean 'force'"):
            scenario.submit(focre=True)

        await scenario.submit(sources=1)


async def test_a_status_that_there_is_not_is_refused() -> None:
    config = flows.configuration("development")

    async with Orchestrator(config, store=":memory:") as orchestrator:
        with pytest.raises(ValueError, match="'FAILD': did you mean 'FAILED'"):
            await orchestrator.jobs(status="FAILD")

        with pytest.raises(ValueError, match="'completed': choose one of"):
            await orchestrator.submissions(status="completed")

        assert await orchestrator.submissions(status=SubmissionStatus.FAILED) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"config": "runs.db"},
            r"config is a Configuration; got 'runs.db'.*store=\.\.\.",
        ),
        ({"adopt": "no"}, "adopt is True, False or a function; got 'no'"),
        ({"store": 3}, "store is a Store, an address or a path; got 3"),
    ],
)
def test_arguments_of_another_kind_are_named(
    arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(TypeError, match=words):
        Orchestrator(**arguments)


async def test_what_verbs_are_given_is_named() -> None:
    config = flows.configuration("development")
    cfg = flows.single(config, flows.double)
    wrong: Any = 3

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        for verb in ("get", "get_scenario", "get_submission", "get_job", "delete"):
            with pytest.raises(TypeError, match="an id is a text"):
                await getattr(orchestrator, verb)(scenario)

        for verb in ("scenarios", "submissions", "jobs"):
            for page in ({"limit": -1}, {"limit": "3"}, {"offset": -1}):
                with pytest.raises(ValueError, match="is an int of at least 0; got"):
                    await getattr(orchestrator, verb)(**page)

        with pytest.raises(TypeError, match="a name is a text, or None; got 3"):
            await orchestrator.create_scenario(cfg, name=wrong)

        with pytest.raises(
            TypeError, match=r"such as timedelta\(days=7\), or None; got 3"
        ):
            await orchestrator.prune(wrong)

        for keep in (-1, "3", 0.5):
            with pytest.raises(
                UsageError, match="keep is a number of submissions, not"
            ):
                await orchestrator.prune(keep=keep)  # type: ignore[arg-type]  # on purpose

        with pytest.raises(TypeError, match="callbacks are a list of functions; got"):
            scenario.submit(callbacks=print)  # type: ignore[arg-type]  # on purpose

        with pytest.raises(TypeError, match=r"is one of configure_task\(\)"):
            scenario.submit(skippable=True)


async def test_a_list_of_callbacks_is_no_flag(tmp_path: Path) -> None:
    config = configuration()
    cfg = single(config, flows.identity, 1)
    callbacks: Any = [print]

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with pytest.raises(TypeError, match="force is True or False"):
            scenario.submit(force=callbacks)

        await scenario.submit()  # the store goes on


def test_the_blocking_submit_takes_no_flag_for_callbacks() -> None:
    config = configuration()
    cfg = single(config, flows.identity, 1)
    wait: Any = True
    orchestrator = tp.Orchestrator(config)
    orchestrator.run()

    try:
        scenario = orchestrator.create_scenario(cfg)

        with pytest.raises(TypeError, match="callbacks are a list of functions; got T"):
            scenario.submit(wait)

        with pytest.raises(TypeError, match="callbacks are a list of functions; got"):
            scenario.submit(callbacks=print)  # type: ignore[arg-type]  # on purpose
    finally:
        orchestrator.stop()
