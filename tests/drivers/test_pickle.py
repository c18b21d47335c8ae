"""Values that are pickled: versions of asyncflow's, or files of the user's own."""

from __future__ import annotations

import os
import pickle
import re
import threading
from pathlib import Path

import anyio
import pytest

from asyncflow import (
    Configuration,
    NoData,
    Orchestrator,
    Scenario,
    ScenarioConfig,
    Scope,
)
from asyncflow.drivers.pickle import PickleDriver
from asyncflow.errors import DataNodeReadingError
from asyncflow.worker.outputs import published
from tests.support import flows


def write(path: Path, value: object) -> None:
    """Write a value as a job does."""
    driver = PickleDriver(str(path))
    staged = str(path.with_name("J-1.value"))
    driver.publish(driver.write(value, staged, "node"), staged)


def value_of(path: Path) -> object:
    return pickle.loads(path.read_bytes())


# ----------------------------------------------------------------------- whose turn it is


def sharing(config: Configuration, *paths: Path) -> list[ScenarioConfig]:
    """Declare a scenario for each path: it waits for a file, then writes to the path."""
    found = []

    for number, path in enumerate(paths):
        gate = config.configure_data_node(f"gate{number}")
        own = config.configure_data_node(f"own{number}", default_path=path)
        task = config.configure_task(
            f"write{number}", flows.wait_for_file, gate, own, executor="thread"
        )
        found.append(config.configure_scenario(f"scenario{number}", task))

    config.configure_job_executions(mode="standalone", max_nb_of_workers=2)
    return found


@pytest.mark.anyio
@pytest.mark.parametrize("second", ["same.p", "link.p", "folder/../same.p", "other.p"])
async def test_two_nodes_of_one_file_take_turns(tmp_path: Path, second: str) -> None:
    await anyio.Path(tmp_path / "folder").mkdir()
    await anyio.Path(tmp_path / "link.p").symlink_to("same.p")
    gates = [tmp_path / "gate0", tmp_path / "gate1"]
    config = Configuration()
    cfgs = sharing(config, tmp_path / "same.p", tmp_path / second)

    async with Orchestrator(config) as orchestrator:
        runs = []

        for number, cfg in enumerate(cfgs):
            scenario = await orchestrator.create_scenario(cfg)
            await scenario.data_nodes[f"gate{number}"].write(str(gates[number]))
            runs.append(scenario.submit())

        with anyio.fail_after(30):
            await flows.until_started(runs[0])
            await runs[1].accepted()

            if second == "other.p":
                await flows.until_started(runs[1])
            else:
                assert [job.status for job in runs[1].jobs] == ["BLOCKED"]

            for gate in gates:
                await anyio.Path(gate).touch()

            for run in runs:
                await run


@pytest.mark.anyio
async def test_a_write_names_the_folder_that_is_missing(tmp_path: Path) -> None:
    config = Configuration()
    path = tmp_path / "missing" / "own.p"
    node = config.configure_data_node("own", default_path=path)
    task = config.configure_task("make", flows.increment, None, node)
    cfg = config.configure_scenario("s", task)
    config.configure_job_executions(mode="standalone", max_nb_of_workers=1)
    expected = rf"'own' cannot .*: make its folder first: '{re.escape(str(path))}'"

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit().wait()
        assert re.search(expected, submission.jobs[0].reason)

        with pytest.raises(FileNotFoundError, match=expected):
            await scenario.own.write(1)

        await anyio.Path(path.parent).mkdir()
        await scenario.submit()
        assert path.exists()


@pytest.mark.anyio
@pytest.mark.blocking_jobs
async def test_a_read_names_the_file_that_is_gone(tmp_path: Path) -> None:
    config = Configuration()
    path = tmp_path / "own.p"
    node = config.configure_data_node("own", default_path=path)
    task = config.configure_task("make", flows.increment, None, node)
    cfg = config.configure_scenario("s", task)
    config.configure_job_executions(mode="development")

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        await anyio.Path(path).unlink()

        with pytest.raises(NoData, match=r"its file \S+own\.p is gone: bring") as told:
            await scenario.own.read()

        assert told.value.file == str(path)
        again = pickle.loads(pickle.dumps(told.value))
        assert (str(again), again.file) == (str(told.value), str(path))


@pytest.mark.parametrize("text", [b"", b"garbage", pickle.dumps("cut")[:-3]])
def test_a_file_that_is_no_pickle_is_named(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "own.p"
    path.write_bytes(text)

    expected = r"own\.p cannot be read: it is no whole pickle \(.+\): bring back"

    with pytest.raises(DataNodeReadingError, match=expected):
        PickleDriver(str(path)).read(None)


@pytest.mark.anyio
@pytest.mark.blocking_jobs
async def test_a_read_says_that_a_file_was_never_there(tmp_path: Path) -> None:
    config = Configuration()
    path = tmp_path / "own.p"
    node = config.configure_data_node("own", default_path=path)
    task = config.configure_task("make", flows.increment, None, node)
    config.configure_job_executions(mode="development")

    async with Orchestrator(config) as orchestrator:
        cfg = config.configure_scenario("s", task)
        scenario = await orchestrator.create_scenario(cfg)

        with pytest.raises(NoData, match=r"no value yet: there is no file \S+own\.p"):
            await scenario.own.read()

        await scenario.own.write(1)
        await anyio.Path(path).unlink()

        with pytest.raises(NoData, match="is gone: bring it back"):
            await scenario.own.read()


# ------------------------------------------------------------------------ relative paths


def relative(config: Configuration, scope: Scope) -> ScenarioConfig:
    node = config.configure_data_node("own", default_path="own.p", scope=scope)
    task = config.configure_task("make", flows.increment, None, node, executor="thread")
    config.configure_job_executions(mode="standalone", max_nb_of_workers=1)
    return config.configure_scenario("s", task)


@pytest.mark.anyio
@pytest.mark.parametrize("scope", [Scope.SCENARIO, Scope.GLOBAL])
async def test_a_relative_path_is_one_file_in_every_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scope: Scope
) -> None:
    for name in ("a", "b"):
        await anyio.Path(tmp_path / name).mkdir()

    config = Configuration()
    cfg = relative(config, scope)
    monkeypatch.chdir(tmp_path / "a")

    async with Orchestrator(config, tmp_path / "a" / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()

    monkeypatch.chdir(tmp_path / "b")

    async with Orchestrator(config, tmp_path / "a" / "runs.db") as orchestrator:
        found = await orchestrator.get(scenario.id)
        assert isinstance(found, Scenario)
        assert await found.own.read() == 1
        await found.own.write(2)
        made = await orchestrator.create_scenario(cfg)

        if scope is Scope.GLOBAL:
            assert await made.own.read() == 2

    assert value_of(tmp_path / "a" / "own.p") == 2
    assert os.listdir(tmp_path / "b") == []


@pytest.mark.anyio
async def test_a_project_that_is_moved_takes_its_files_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await anyio.Path(tmp_path / "a").mkdir()
    config = Configuration()
    cfg = relative(config, Scope.SCENARIO)
    monkeypatch.chdir(tmp_path / "a")

    async with Orchestrator(config, tmp_path / "a" / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()

    await anyio.Path(tmp_path / "a").rename(tmp_path / "b")
    monkeypatch.chdir(tmp_path)

    async with Orchestrator(config, tmp_path / "b" / "runs.db") as orchestrator:
        found = await orchestrator.get(scenario.id)
        assert isinstance(found, Scenario)
        await found.own.write(3)

    assert value_of(tmp_path / "b" / "own.p") == 3


@pytest.mark.anyio
@pytest.mark.parametrize("second", ["same.p", "absolute", "link.p"])
async def test_jobs_of_one_run_take_turns_at_a_file(
    tmp_path: Path, second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.p").symlink_to("same.p")
    go_on = threading.Event()
    path = str(tmp_path / "same.p") if second == "absolute" else second
    config = flows.configuration(workers=2)
    source = config.configure_data_node("source", default_data=1)
    tasks = [
        config.configure_task(
            f"t{number}",
            lambda _: go_on.wait(20),
            source,
            config.configure_data_node(f"n{number}", default_path=where),
            executor="thread",
        )
        for number, where in enumerate(("same.p", path))
    ]
    cfg = config.configure_scenario("s", tasks)

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()
        await flows.until_started(submission)
        assert flows.statuses(submission.jobs) == ["RUNNING", "BLOCKED"]
        go_on.set()

        with anyio.fail_after(20):
            await submission


# ----------------------------------------------------------------- what the driver says


def test_without_a_path_it_keeps_versions(tmp_path: Path) -> None:
    driver = PickleDriver()
    assert driver.keeps_versions
    assert driver.place is None
    assert not driver.exists()
    assert driver.staged("ORCHESTRATOR_1") == ()
    path = str(tmp_path / "1.value")
    assert driver.staging_path(path) == path
    kept = driver.write([1, 2], path, "node")
    assert driver.publish(kept, path) is kept
    assert driver.read(kept) == [1, 2]

    with pytest.raises(LookupError, match="never written"):
        driver.read(None)


def test_with_a_path_it_has_one_version(tmp_path: Path) -> None:
    driver = PickleDriver(str(tmp_path / "mine.p"))
    assert not driver.keeps_versions
    assert not driver.exists()
    write(tmp_path / "mine.p", "value")
    assert driver.exists()
    assert driver.read(None) == "value"


def test_a_place_is_where_the_path_leads_at_first(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to("real")
    driver = PickleDriver(f"{link}/a/../mine.p")
    assert driver.place == f"{link}/mine.p"
    driver.locate()
    assert driver.place == str(tmp_path / "real" / "mine.p")

    link.unlink()
    link.symlink_to("gone")
    driver.locate()
    assert driver.place == str(tmp_path / "real" / "mine.p")


def test_drafts_of_one_maker_are_listed(tmp_path: Path) -> None:
    driver = PickleDriver(str(tmp_path / "mine.p"))
    assert PickleDriver(str(tmp_path / "gone" / "mine.p")).staged("A") == ()
    kept = driver.write("draft", "/elsewhere/A-1.value", "node")
    driver.write("draft", "/elsewhere/AB-1.value", "node")
    write(tmp_path / "mine.p.A", "another file")
    assert driver.staged("A") == [kept]


def test_a_draft_that_cannot_be_published_goes(tmp_path: Path) -> None:
    path = tmp_path / "mine.p"
    driver = PickleDriver(str(path))
    kept = driver.write("draft", "/elsewhere/A-1.value", "node")
    path.mkdir()

    with pytest.raises(OSError, match=r"mine\.p"):
        published(driver, kept, "/elsewhere/A-1.value")

    assert os.listdir(tmp_path) == ["mine.p"]


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    driver = PickleDriver(str(tmp_path / "gone" / "mine.p"))

    with pytest.raises(FileNotFoundError, match=r"'node' cannot .*: make its folder"):
        driver.write(1, "/elsewhere/A-1.value", "node")


def test_a_link_that_leads_into_no_folder_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.p"
    path.symlink_to("gone/mine.p")
    driver = PickleDriver(str(path))
    expected = r"'node' is a link .* make the folder of '\S+/gone/mine\.p', or mend"

    with pytest.raises(FileNotFoundError, match=expected):
        driver.write(1, str(tmp_path / "A-1.value"), "node")

    assert os.listdir(tmp_path) == ["mine.p"]


def test_a_link_that_leads_to_no_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.p"
    path.symlink_to("other.p")

    with pytest.raises(
        FileNotFoundError, match=r"link to '\S+/other\.p'\) is not there"
    ):
        PickleDriver(str(path)).read(None)

    write(path, 1)
    assert path.is_symlink()
    assert value_of(tmp_path / "other.p") == 1


def test_what_a_value_misses_is_not_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.p"
    path.write_bytes(pickle.dumps(Opens("missing.txt")))

    with pytest.raises(FileNotFoundError, match=r"No such file .*'missing\.txt'"):
        PickleDriver(str(path)).read(None)


class Opens:
    """Opens a file as it is loaded."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> tuple[object, ...]:
        return open, (self.name,)


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["development", "standalone"])
@pytest.mark.blocking_jobs
async def test_a_job_names_the_input_whose_file_is_missing(
    tmp_path: Path, mode: str
) -> None:
    config = Configuration()
    node = config.configure_data_node("own", default_path=tmp_path / "own.p")
    task = config.configure_task("use", flows.double, node)
    cfg = config.configure_scenario("s", task)
    config.configure_job_executions(mode=mode, max_nb_of_workers=1)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit().wait()
        reason = submission.jobs[0].reason

    assert reason is not None
    assert re.search(r"input 'own': its file is not there: bring.*own\.p'", reason)


@pytest.mark.anyio
@pytest.mark.blocking_jobs
async def test_a_path_may_begin_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    await anyio.Path(tmp_path / "home").mkdir()
    config = Configuration()
    node = config.configure_data_node("own", default_path="~/own.p")
    task = config.configure_task("make", flows.increment, None, node)
    cfg = config.configure_scenario("s", task)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.own.write(7)
        assert await scenario.own.read() == 7

    assert value_of(tmp_path / "home" / "own.p") == 7
