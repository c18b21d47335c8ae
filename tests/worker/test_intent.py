from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import anyio
import attrs
import pytest

from asyncflow import Configuration, Orchestrator, SubmissionFailed
from asyncflow.abc import Driver, StoredValue
from asyncflow.alternatives import DRIVERS
from asyncflow.drivers.json import JSONDriver
from asyncflow.drivers.pickle import PickleDriver
from asyncflow.worker.current import job_of, running
from asyncflow.worker.errors import DataNodeWritingError
from asyncflow.worker.intent import begin, settled_here, take
from asyncflow.worker.outputs import write_all


class DyingDriver(JSONDriver):
    """Has its process killed once, before or after it publishes."""

    storage_type: ClassVar[str] = "dying"
    takes_path: ClassVar[bool] = True

    def publish(self, kept: StoredValue, path: str) -> StoredValue:
        assert self.path is not None
        moment = Path(f"{self.path}.moment")
        told = moment.read_text() if moment.exists() else ""
        moment.unlink(missing_ok=True)

        if told == "before":
            os.kill(os.getpid(), signal.SIGKILL)

        if told == "refused":
            raise PermissionError("not yours")

        made = super().publish(kept, path)

        if told == "refused late":
            raise OSError(5, "its folder cannot be synchronised")

        if told == "after":
            os.kill(os.getpid(), signal.SIGKILL)

        return made

    def is_published(self, kept: StoredValue, path: str) -> bool | None:
        if Path(f"{self.path}.unknown").exists():
            return None

        return super().is_published(kept, path)


@pytest.fixture(autouse=True)
def dying() -> Iterator[None]:
    DRIVERS.register("dying", DyingDriver)
    yield
    DRIVERS.unregister("dying")


def twice(folder: str) -> tuple[str, str]:
    with open(f"{folder}/calls", "a") as file:
        file.write("call\n")

    return folder, folder


async def run(config: Configuration, folder: Path, path: str) -> list[str]:
    """Run the job; return what of it is there afterwards."""
    node = config.configure_data_node
    given = node("given", default_data=str(folder))
    plain = node("plain", "json", default_path=folder / "plain.json")
    last = node("last", "dying", default_path=folder / "last.json")
    task = config.configure_task("twice", twice, given, [plain, last], crash_retries=0)
    config.configure_scenario("day", task)

    with anyio.fail_after(40):
        async with Orchestrator(config, store=path) as orchestrator:
            scenario = await orchestrator.create_scenario("day")
            await scenario.submit()

    return sorted(os.listdir(folder))


def left(folder: Path) -> list[str]:
    """Return what a job that is over is not to leave."""
    return [
        one.name
        for one in folder.rglob("*")
        if one.name.endswith(".intent") or ".json.ORCH" in one.name
    ]


@pytest.mark.anyio
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_worker_that_dies_while_it_publishes(
    config: Configuration, path: str, tmp_path: Path, moment: str
) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "last.json.moment").write_text(moment)
    assert await run(config, folder, path) == ["calls", "last.json", "plain.json"]
    assert json.loads((folder / "last.json").read_text()) == str(folder)
    assert (folder / "calls").read_text() == "call\n"
    assert not left(tmp_path)


@pytest.mark.anyio
async def test_where_nobody_can_tell_the_job_has_crashed(
    config: Configuration, path: str, tmp_path: Path
) -> None:
    (tmp_path / "last.json.unknown").touch()
    (tmp_path / "last.json.moment").write_text("before")

    with pytest.raises(SubmissionFailed, match="SIGKILL"):
        await run(config, tmp_path, path)

    assert not left(tmp_path)


@pytest.mark.anyio
async def test_what_is_refused_leaves_no_intent(
    config: Configuration, path: str, tmp_path: Path
) -> None:
    (tmp_path / "last.json.moment").write_text("refused")

    with pytest.raises(SubmissionFailed, match="not yours"):
        await run(config, tmp_path, path)

    assert not left(tmp_path)


@pytest.mark.anyio
@pytest.mark.parametrize("moment", ["refused", "refused late"])
@pytest.mark.parametrize("before", ["", "1"], ids=["new", "replaced"])
async def test_what_is_refused_leaves_all_outputs_as_they_were(
    config: Configuration, path: str, tmp_path: Path, moment: str, before: str
) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    own = [folder / "plain.json", folder / "last.json"]

    for file in own if before else ():
        file.write_text(before)

    stats = [file.stat() for file in own if before]
    (folder / "last.json.moment").write_text(moment)

    with pytest.raises(SubmissionFailed):
        await run(config, folder, path)

    assert [file.stat().st_ino for file in own if before] == [
        stat.st_ino for stat in stats
    ]
    assert [file.read_text() for file in own if file.exists()] == [before] * len(stats)
    assert not left(tmp_path)


@attrs.frozen
class Written:
    """Two values that are written by a job, and not visible."""

    outputs: tuple[tuple[str, Driver, str], ...]
    kept: tuple[StoredValue, ...]
    file: str


@pytest.fixture
def written(tmp_path: Path) -> Written:
    outputs = tuple(
        (name, driver, str(tmp_path / f"ORCHESTRATOR_1-{at}.value"))
        for at, (name, driver) in enumerate(
            [("own", JSONDriver(str(tmp_path / "own.json"))), ("kept", PickleDriver())]
        )
    )
    kept = tuple(
        driver.write(b"x" * 100_000 if name == "kept" else 1, path, name)
        for name, driver, path in outputs
    )

    with running(job_of("JOB_a_1_b", "a", 1), lambda _: None):
        file = begin(outputs, kept)

    assert file is not None
    return Written(outputs, kept, file)


def test_it_is_settled(written: Written, tmp_path: Path) -> None:
    intent = take(written.file)
    assert intent is not None
    assert intent.job_id == "JOB_a_1_b"
    drivers = {name: driver for name, driver, _ in written.outputs}
    expected = [None, written.kept[1]]
    assert intent.settle(drivers) == expected
    assert intent.settle(drivers) == expected  # as after a crash meanwhile
    assert (tmp_path / "own.json").read_text().strip() == "1"


def test_what_cannot_be_put_in_its_place_waits_for_another_try(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent = take(written.file)
    assert intent is not None
    drivers = {name: driver for name, driver, _ in written.outputs}

    def refuse(*_args: object, **_how: object) -> None:
        raise OSError(errno.EIO, "not now")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)

        with pytest.raises(OSError, match="not now"):
            intent.settle(drivers)

    assert not (tmp_path / "own.json").exists()
    assert intent.settle(drivers) == [None, written.kept[1]]
    assert (tmp_path / "own.json").exists()


def test_what_is_lost_is_not(written: Written, tmp_path: Path) -> None:
    os.unlink(str(written.kept[1]))
    assert settled_here("JOB_a_1_b", written.outputs) is None
    assert not (tmp_path / "own.json").exists()
    assert not os.path.exists(written.file)


def test_a_torn_intent_is_none(written: Written) -> None:
    with open(written.file, "rb+") as file:
        file.truncate(20)

    assert take(written.file) is None


def test_outside_of_jobs_there_is_none(written: Written) -> None:
    assert begin(written.outputs, written.kept) is None


def test_what_cannot_be_taken_back_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_how: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    outputs = tuple(
        (name, driver, str(tmp_path / f"ORCHESTRATOR_1-{name}.value"))
        for name, driver in (
            ("plain", JSONDriver(str(tmp_path / "plain.json"))),
            ("last", DyingDriver(str(tmp_path / "last.json"))),
        )
    )
    (tmp_path / "last.json.moment").write_text("refused")

    with pytest.raises(
        DataNodeWritingError, match="yours; and 'plain' of the same job"
    ):
        write_all(outputs, [1, 2])

    assert (tmp_path / "plain.json").exists()
    assert not left(tmp_path)
