"""Archives: what is in them, and what nobody takes from them."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from asyncflow import (
    ArchiveRefused,
    ConfigError,
    Configuration,
    Frequency,
    NotCopied,
    Orchestrator,
    ScenarioConfig,
    Scope,
    UsageError,
)
from asyncflow.runtime import archive as module
from asyncflow.secret import Secret
from asyncflow.stores.postgres import PostgresStore
from tests.support import flows
from tests.support.postgres import Server
from tests.support.postgres import database as database
from tests.support.postgres import server as server

pytestmark = pytest.mark.anyio

LARGE = b"x" * 200_000

loads: list[int] = []


class Noisy:
    """Tells when one is loaded."""

    def __reduce__(self) -> tuple[object, ...]:
        return _loaded, ()


def _loaded() -> Noisy:
    loads.append(1)
    return Noisy()


def declared(folder: Path) -> tuple[Configuration, ScenarioConfig]:
    config = Configuration()
    config.configure_job_executions("development")
    url = f"sqlite:///{folder / 'shop.db'}"
    nodes = [
        config.configure_data_node("small", default_data=1),
        config.configure_data_node("large", default_data=LARGE),
        config.configure_data_node("noisy", default_data=Noisy()),
        config.configure_data_node("shared", scope=Scope.GLOBAL, default_data=7),
        config.configure_csv_data_node("table", exposed_type="list[dict]"),
        config.configure_json_data_node("file", default_path=str(folder / "f.json")),
        config.configure_sql_table_data_node("sql", url=url, table_name="items"),
    ]
    result = config.configure_data_node("result")
    task = config.configure_task("double", flows.double, nodes[0], result)
    cfg = config.configure_scenario(
        "flow", task, nodes[1:], frequency=Frequency.DAILY, unit="kg"
    )
    return config, cfg


def files(folder: str) -> list[str]:
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


@pytest.mark.smoke
@pytest.mark.blocking_jobs
async def test_a_scenario_goes_to_another_store_and_nothing_is_loaded(
    tmp_path: Path, server: Server, database: str
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    archive, then = tmp_path / "may.zip", datetime(2026, 5, 4, tzinfo=UTC)
    config, cfg = declared(here)

    async with Orchestrator(config, str(here / "a.db")) as orchestrator:
        model = await orchestrator.create_scenario(
            *(cfg, then, "May"), token=Secret("hunter2"), odd=Noisy()
        )
        await model.submit()
        await model.shared.write(8)
        await model.small.write(1, comment="by hand", source="https://u:pw@host/a")
        await model.table.write([{"n": 1}])
        await model.file.write({"a": 1})
        await model.update(tags=["final"])
        await model.small.update(name="how many", validity_period=timedelta(days=9))
        written = await model.export(archive)

        assert written.path == str(archive)
        assert set(written.left_out) == {"sql", "property token"}
        assert set(written.data_nodes) == {
            *("small", "large", "noisy", "shared", "table", "file", "result")
        }

        with pytest.raises(UsageError, match="there already"):
            await model.export(archive)

        empty = await model.export(tmp_path / "empty.zip", False)
        assert empty.data_nodes == ()
        await model.export(archive, overwrite=True)

        # Beside what was there before it is another scenario.
        (again,) = [await orchestrator.import_scenario(archive)]
        assert again.id != model.id
        assert (await again.diff(model)).data_nodes == {}
        assert not again.is_primary

    assert b"hunter2" not in archive.read_bytes()
    config, cfg = declared(there)
    url, values = server.url(database), there / "v"
    loads.clear()

    async with Orchestrator(config, PostgresStore(url, values)) as orchestrator:
        copy = await orchestrator.import_scenario(archive)
        assert not loads
        assert type(copy.properties["odd"]) is Noisy
        assert (copy.name, *copy.tags, copy.creation_date) == ("May", "final", then)
        assert copy.is_primary
        assert copy.small.name == "how many"
        assert copy.small.validity_period == timedelta(days=9)
        assert await copy.read("small", "large", "shared", "result") == (1, LARGE, 8, 2)
        assert await copy.table.read() == [{"n": "1"}]
        assert await copy.file.read() == {"a": 1}
        assert copy.properties["unit"] == "kg"
        assert "token" not in copy.properties
        edit = await copy.small.get_last_edit()
        assert edit is not None
        assert edit.comment == "by hand"
        assert edit.properties == {"source": "https://u:***@host/a"}
        (edit,) = await copy.result.edits()
        assert edit.comment == f"imported from {model.id}"
        assert (await copy.submit()).status == "COMPLETED"

    async with Orchestrator(config, PostgresStore(url, values)) as orchestrator:
        found = await orchestrator.get_scenario(copy.id)
        assert await found.read("large", "result") == (LARGE, 2)
        await found.export(archive, overwrite=True)

    loads.clear()

    async with Orchestrator(config, ":memory:") as orchestrator:
        back = await orchestrator.import_scenario(archive)
        assert not loads
        assert await back.read("large", "result", "shared") == (LARGE, 2, 8)
        assert back.properties["unit"] == "kg"


async def test_what_is_declared_otherwise_or_in_the_way_is_listed_and_leaves_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config, cfg = declared(tmp_path)
    archive = tmp_path / "may.zip"

    async with Orchestrator(config, str(tmp_path / "a.db")) as orchestrator:
        model = await orchestrator.create_scenario(cfg)
        await model.file.write([1])
        await model.export(archive)
        assert "has no sql" in caplog.text
        caplog.clear()
        await model.file.write([2])

        with pytest.raises(NotCopied, match="another file is at") as refused:
            await orchestrator.import_scenario(archive)

        assert [*refused.value.reasons] == ["file"]

        with pytest.raises(UsageError, match="no data node with a file"):
            await orchestrator.import_scenario(archive, paths={"small": "x"})

        assert len(await orchestrator.scenarios()) == 1
        to = tmp_path / "to.json"
        copy = await orchestrator.import_scenario(archive, paths={"file": to})
        assert (copy.file.path, await copy.file.read()) == (str(to), [1])

    other = Configuration()

    async with Orchestrator(other, str(tmp_path / "b.db")) as orchestrator:
        with pytest.raises(ConfigError, match="flow"):
            await orchestrator.import_scenario(archive)

    node = other.configure_json_data_node("large")
    other.configure_scenario("flow", additional_data_node_configs=[node])

    async with Orchestrator(other, str(tmp_path / "b.db")) as orchestrator:
        with pytest.raises(NotCopied) as refused:
            await orchestrator.import_scenario(archive)

        assert refused.value.reasons["large"] == "it is 'pickle' there and 'json' here"
        assert "no such data node" in refused.value.reasons["small"]
        assert await orchestrator.scenarios() == []


def rewritten(archive: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Have an archive with other records."""
    parts = {}

    with zipfile.ZipFile(archive) as before:
        parts = {name: before.read(name) for name in before.namelist()}

    records = json.loads(parts[module.RECORDS])
    change(records)
    parts[module.RECORDS] = json.dumps(records).encode()

    with zipfile.ZipFile(archive, "w") as after:
        for name, data in parts.items():
            after.writestr(name, data)


def large(records: dict[str, Any]) -> Any:
    return next(r for r in records["data_nodes"] if r["config_id"] == "large")


def evil_part(archive: Path) -> None:
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("../../evil", b"x")


def more_parts(archive: Path) -> None:
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("values/77", b"x")


def bomb(archive: Path) -> None:
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("values/77", b"0" * 10_000_000)


def torn(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-100])


def flipped(archive: Path) -> None:
    data = archive.read_bytes()
    archive.write_bytes(data.replace(LARGE, LARGE[:-1] + b"y", 1))


def foreign(archive: Path) -> None:
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("hello", b"x")


def overlapping(archive: Path) -> None:
    """Have all small parts begin where the large one does, and be as long."""
    with zipfile.ZipFile(archive) as file:
        large = max(file.infolist(), key=lambda info: info.file_size)

        for info in file.infolist():
            if info.filename.startswith("values/"):
                info.header_offset = large.header_offset
                info.file_size = info.compress_size = large.file_size

        infos = file.infolist()
        data = archive.read_bytes()[: file.start_dir]

    with archive.open("wb") as out:
        out.write(data)

        with zipfile.ZipFile(out, "a") as made:
            made.filelist = infos
            made.NameToInfo = {info.filename: info for info in infos}
            made.start_dir = len(data)
            made._didModify = True  # type: ignore[attr-defined]  # typeshed lacks it


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "not a zip": (lambda a: a.write_bytes(b"x" * 999), "damaged"),
    "torn": (torn, "damaged"),
    "flipped": (flipped, "damaged"),
    "foreign": (foreign, "no archive of asyncflow"),
    "evil": (evil_part, "a part that is called"),
    "more": (more_parts, "not those that its records name"),
    "bomb": (bomb, "compressed"),
    "overlapping": (overlapping, "larger than it is"),
    "newer": (lambda a: rewritten(a, lambda r: r.update(schema=2)), "schema is 2"),
    "ending": (
        lambda a: rewritten(
            a, lambda r: large(r)["versions"][0].update(ending="/../../x")
        ),
        "ends in",
    ),
    "number": (
        lambda a: rewritten(a, lambda r: large(r)["versions"][0].update(number="x")),
        "no int",
    ),
    "attribute": (
        lambda a: rewritten(
            a, lambda r: large(r)["attributes"].update(path="/etc/passwd")
        ),
        "attributes of no data node",
    ),
    "name": (lambda a: rewritten(a, lambda r: r["scenario"].update(name=5)), "no str"),
    "deep": (
        lambda a: rewritten(
            a, lambda r: r.update(scenario=json.loads("[" * 9 + "]" * 9))
        ),
        "no dict",
    ),
}


@pytest.mark.usefixtures("caplog")
async def test_a_torn_or_foreign_archive_is_refused_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    config, cfg = declared(tmp_path)
    whole = tmp_path / "whole.zip"

    async with Orchestrator(config, str(tmp_path / "a.db")) as orchestrator:
        model = await orchestrator.create_scenario(cfg)
        await model.export(whole)
        folder = str(orchestrator.store.values_folder)
        before = files(folder), sorted(os.listdir(tmp_path))

        for what, (spoil, why) in SPOILED.items():
            archive = tmp_path / "spoiled.zip"
            shutil.copyfile(whole, archive)
            spoil(archive)

            with pytest.raises(ArchiveRefused, match=why):
                await orchestrator.import_scenario(archive)

            archive.unlink()
            assert (files(folder), sorted(os.listdir(tmp_path))) == before, what

        with pytest.raises(FileNotFoundError):
            await orchestrator.import_scenario(tmp_path / "none.zip")

        assert len(await orchestrator.scenarios()) == 1
