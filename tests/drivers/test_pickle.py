"""Values that are pickled: versions of asyncflow's, or files of the user's own.

Of these, links are followed, and the mode and the owner stay.
"""

from __future__ import annotations

import os
import pickle
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
from asyncflow.worker.replacing import put_in_place
from tests.support import flows

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root does that")


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    old = os.umask(0o022)
    yield
    os.umask(old)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def write(path: Path, value: object) -> None:
    """Write a value as a job does."""
    driver = PickleDriver(str(path))
    staged = str(path.with_name("J-1.value"))
    driver.publish(driver.write(value, staged, "node"), staged)


def value_of(path: Path) -> object:
    return pickle.loads(path.read_bytes())


@pytest.mark.smoke
def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    real, link = tmp_path / "disk" / "real.p", tmp_path / "link.p"
    real.write_bytes(pickle.dumps("old"))
    (tmp_path / "second.p").symlink_to(real)
    link.symlink_to("second.p")  # a relative link to a link

    write(link, "new")

    assert link.is_symlink()
    assert value_of(real) == value_of(link) == "new"
    assert sorted(os.listdir(tmp_path)) == ["disk", "link.p", "second.p"]
    assert os.listdir(tmp_path / "disk") == ["real.p"]


def test_a_link_to_nothing_yet_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "link.p"
    link.symlink_to(tmp_path / "later.p")
    write(link, 1)
    assert link.is_symlink()
    assert value_of(tmp_path / "later.p") == 1


@pytest.mark.parametrize("bits", [0o600, 0o664, 0o444, 0o640])
def test_the_mode_stays(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "secret.p"
    path.touch()
    path.chmod(bits)
    write(path, 1)
    assert mode(path) == bits
    assert value_of(path) == 1


def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    write(tmp_path / "new.p", 1)
    assert mode(tmp_path / "new.p") == 0o644


@as_root
def test_the_owner_stays(tmp_path: Path) -> None:
    path = tmp_path / "theirs.p"
    path.touch()
    path.chmod(0o640)
    os.chown(path, 65534, 65533)
    write(path, 1)
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65533)
    assert mode(path) == 0o640


@pytest.mark.parametrize("what", ["folder", "fifo"])
def test_what_is_no_file_is_not_replaced(tmp_path: Path, what: str) -> None:
    path = tmp_path / what

    if what == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()

    before = path.stat().st_mode

    with pytest.raises(OSError, match="no regular file") as told:
        write(path, 1)

    assert told.value.filename == str(path)
    assert path.stat().st_mode == before
    assert os.listdir(tmp_path) == [what]


@contextmanager
def another_disk(folder: Path) -> Iterator[None]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]

    if sys.platform != "linux":
        pytest.skip("only Linux mounts disks like this")

    if subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode:
        pytest.skip("disks cannot be mounted here")

    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@as_root
def test_a_link_leads_to_another_disk(tmp_path: Path) -> None:
    link, disk = tmp_path / "link.p", tmp_path / "disk"

    with another_disk(disk):
        real = disk / "real.p"
        real.touch()
        real.chmod(0o600)
        link.symlink_to(real)
        write(link, "new")
        assert value_of(real) == "new"
        assert mode(real) == 0o600
        assert os.listdir(disk) == ["real.p"]

        with pytest.raises(OSError, match="space"):
            write(link, b"x" * 2_000_000)

        assert value_of(real) == "new"
        assert os.listdir(disk) == ["real.p"]
        assert sorted(os.listdir(tmp_path)) == ["disk", "link.p"]


def test_a_draft_stays_where_it_cannot_be_put_in_place(tmp_path: Path) -> None:
    (tmp_path / "draft").touch()

    with pytest.raises(FileNotFoundError):
        put_in_place(str(tmp_path / "draft"), str(tmp_path / "gone" / "file"))

    assert os.listdir(tmp_path) == ["draft"]


@as_root
def test_an_exported_file_keeps_its_link_mode_and_owner(tmp_path: Path) -> None:
    config = Configuration()
    config.configure_data_node("a", default_data=1)
    config.export(tmp_path / "real.toml")
    (tmp_path / "real.toml").chmod(0o640)
    os.chown(tmp_path / "real.toml", 65534, 65533)
    (tmp_path / "link.toml").symlink_to("real.toml")
    config.configure_data_node("b", default_data=1)
    config.export(tmp_path / "link.toml")
    found = (tmp_path / "real.toml").stat()
    assert (found.st_uid, found.st_gid, mode(tmp_path / "real.toml")) == (
        *(65534, 65533),
        0o640,
    )
    assert "[DATA_NODE.b]" in (tmp_path / "real.toml").read_text()
    assert (tmp_path / "link.toml").is_symlink()


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
    expected = rf"folder of data node 'own' first.*'{re.escape(str(path))}'"

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
        driver.publish(kept, "/elsewhere/A-1.value")

    assert os.listdir(tmp_path) == ["mine.p"]


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    driver = PickleDriver(str(tmp_path / "gone" / "mine.p"))

    with pytest.raises(FileNotFoundError, match="make the folder of data node 'node'"):
        driver.write(1, "/elsewhere/A-1.value", "node")
