"""Where values are kept: given in code, in TOML, by the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from anyio import fail_after, to_thread

from asyncflow import Configuration, Orchestrator
from asyncflow.errors import (
    DataNodeReadingError,
    NoData,
    StoreFailed,
    SubmissionFailed,
    UsageError,
)
from tests.support import flows
from tests.support.buckets import bucket as bucket
from tests.support.buckets import fsspec_is_warm as fsspec_is_warm
from tests.support.flows import single

pytestmark = pytest.mark.anyio

LARGE = b"x" * 200_000


@pytest.fixture
def there(tmp_path: Path) -> Path:
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


def names(folder: Path) -> list[str]:
    kinds = (".value", ".csv")
    return [name for name in os.listdir(folder) if name.endswith(kinds)]


def opened(config: Configuration, tmp_path: Path, **more: Any) -> Orchestrator:
    return Orchestrator(config, tmp_path / "runs.db", **more)


def forget_copies(tmp_path: Path) -> None:
    """Leave what another host has: the store, and no copy."""
    for name in names(tmp_path / "runs.values"):
        (tmp_path / "runs.values" / name).unlink()


async def check_runs(config: Configuration, tmp_path: Path, **more: Any) -> None:
    cfg = single(config, flows.identity, LARGE, storage_type="pickle")

    async with opened(config, tmp_path, **more) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        await scenario.submit(inputs={"source": LARGE[:-1]})
        assert await scenario.result.read() == LARGE[:-1]
        copy = await scenario.duplicate()

    await to_thread.run_sync(forget_copies, tmp_path)

    async with opened(config, tmp_path, **more) as orchestrator:
        again = await orchestrator.get_scenario(scenario.id)
        assert await again.result.read() == LARGE[:-1]
        await again.submit()
        assert await again.result.read() == LARGE
        twin = await orchestrator.get_scenario(copy.id)
        assert await twin.result.read() == LARGE[:-1]
        await again.export(tmp_path / "scenario.zip")
        await orchestrator.delete(again.id)
        await orchestrator.delete(twin.id)


async def test_in_a_bucket(config: Configuration, bucket: str, tmp_path: Path) -> None:
    client = {"endpoint_url": bucket, "region_name": "us-east-1"}
    options = {"key": "a", "secret": "very secret", "client_kwargs": client}
    more: dict[str, Any] = {"values": "s3://shop/values", "values_options": options}

    with fail_after(50):
        await check_runs(config, tmp_path, **more)

    orchestrator = opened(config, tmp_path, **more)
    assert "very secret" not in repr(orchestrator)
    assert b"very secret" not in (tmp_path / "runs.db").read_bytes()

    from asyncflow.drivers._values_at import ValuesAt

    values = ValuesAt("s3://shop/values", options, "")
    assert await to_thread.run_sync(values.names) == []


async def test_at_an_address(
    config: Configuration, tmp_path: Path, there: Path
) -> None:
    await check_runs(config, tmp_path, values=f"local://{there}")
    assert names(there) == []


async def test_small_values_hold_up_nobody(
    config: Configuration, tmp_path: Path, there: Path
) -> None:
    cfg = single(config, flows.identity, 5)  # kept on the event loop

    async with opened(config, tmp_path, values=f"local://{there}") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        assert await scenario.result.read() == 5

    assert names(there) == []


async def test_what_data_nodes_tell_of_their_files_there(
    config: Configuration, tmp_path: Path, there: Path
) -> None:
    node = config.configure_csv_data_node("sales")
    config.configure_scenario("s", [], [node])
    rows = [(number, "x" * 50) for number in range(3000)]

    async with opened(config, tmp_path, values=f"local://{there}") as orchestrator:
        sales = (await orchestrator.create_scenario("s")).data_nodes["sales"]
        assert sales.is_uploadable()
        await sales.write_with_column_names(rows, ["number", "name"])
        await to_thread.run_sync(forget_copies, tmp_path)
        assert await sales.is_downloadable()
        some = await sales.read_with_kwargs(usecols=["name"])
        assert list(some.columns) == ["name"]
        assert list((await sales.read()).columns) == ["number", "name"]  # that once

        for name in await to_thread.run_sync(os.listdir, there):
            (there / name).unlink()

        assert not await sales.is_downloadable()


async def test_in_another_folder(
    config: Configuration, tmp_path: Path, there: Path
) -> None:
    await check_runs(config, tmp_path, values=there / "deeper")
    assert names(there / "deeper") == []
    assert names(tmp_path / "runs.values") == []


async def test_values_in_memory_go_with_their_orchestrator(
    config: Configuration, tmp_path: Path, there: Path
) -> None:
    cfg = single(config, flows.identity, LARGE)

    async with opened(config, tmp_path, values=f"local://{there}") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        assert len(names(there)) == 2
        assert await scenario.result.read() == LARGE

    assert names(there) == []


async def test_a_store_in_memory_leaves_nothing(
    config: Configuration, there: Path
) -> None:
    cfg = single(config, flows.identity, LARGE, storage_type="pickle")

    async with Orchestrator(
        config, ":memory:", values=f"file://{there}/a/"
    ) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()

    async with Orchestrator(
        config, ":memory:", values=f"local://{there}/b"
    ) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()

    assert names(there / "b") == []


def put_and_die(value: bytes) -> bytes:
    class Deadly:
        def __reduce__(self) -> Any:
            return bytes, (value,)

    from asyncflow.drivers._values_at import ValuesAt

    before = ValuesAt.put

    def put(self: ValuesAt, file: str) -> None:
        before(self, file)
        os._exit(7)

    ValuesAt.put = put  # type: ignore[method-assign]  # its worker ends with it
    return value


async def test_what_a_worker_has_put_there_as_it_died_is_removed(
    config: Configuration, tmp_path: Path, there: Path
) -> None:
    cfg = single(config, put_and_die, LARGE, storage_type="pickle", crash_retries=0)

    async with opened(config, tmp_path, values=f"local://{there}") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with pytest.raises(SubmissionFailed):
            await scenario.submit()

        with pytest.raises(NoData):
            await scenario.result.read()

    assert len(names(there)) == 1  # that of the source


async def test_two_orchestrators_see_each_others_values(
    config: Configuration, tmp_path: Path, there: Path
) -> None:
    """They have one store and one address, as on two hosts."""
    node = config.configure_data_node("own", scope=flows.GLOBAL, keep_versions=0)
    cfg = config.configure_scenario("shared", (), (node,))
    place: dict[str, Any] = {"values": f"local://{there}"}

    async with (
        opened(config, tmp_path, **place) as one,
        opened(config, tmp_path, **place) as other,
    ):
        first = await one.create_scenario(cfg)
        await first.own.write(LARGE)
        await to_thread.run_sync(forget_copies, tmp_path)
        second = await other.create_scenario(cfg)
        assert await second.own.read() == LARGE

        for number in range(3):
            await second.own.write(LARGE + bytes(number))
            assert await first.own.read() == LARGE + bytes(number)

    assert len(names(there)) == 1


async def test_the_environment_says_it(
    config: Configuration,
    tmp_path: Path,
    there: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASYNCFLOW_VALUES", f"local://{there}")
    cfg = single(config, flows.identity, LARGE, storage_type="pickle")

    async with opened(config, tmp_path) as orchestrator:
        await orchestrator.create_scenario(cfg)
        assert len(names(there)) == 1


async def test_toml_says_it(
    config: Configuration, tmp_path: Path, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = single(config, flows.identity, LARGE, storage_type="pickle")
    text = (
        '[CORE]\nvalues = "ENV[PLACE]"\n'
        '[CORE.values_options]\nauto_mkdir = "ENV[MAKE]:bool"\n'
    )
    file = tmp_path / "more.toml"
    file.write_text(text)
    await to_thread.run_sync(config.load, file)
    monkeypatch.setenv("PLACE", f"local://{there}/deep")
    monkeypatch.setenv("MAKE", "true")

    async with opened(config, tmp_path) as orchestrator:
        await orchestrator.create_scenario(cfg)

    assert len(names(there / "deep")) == 1
    await to_thread.run_sync(config.export, tmp_path / "again.toml")
    assert 'values = "ENV[PLACE]"' in (tmp_path / "again.toml").read_text()

    monkeypatch.delenv("PLACE")

    with pytest.raises(Exception, match="PLACE is not set"):
        await opened(config, tmp_path).open()


async def test_what_cannot_be_written_is_told_at_the_opening(
    config: Configuration, tmp_path: Path, there: Path
) -> None:
    (there / "file").touch()

    with pytest.raises(StoreFailed, match=r"of values .*file"):
        await opened(config, tmp_path, values=there / "file").open()

    with pytest.raises(StoreFailed, match=r"of values at .*cannot be used"):
        await opened(config, tmp_path, values=f"local://{there}/file").open()

    with pytest.raises(StoreFailed, match="nowhere"):
        await opened(config, tmp_path, values="nowhere://a").open()

    with pytest.raises(UsageError, match="is of one process"):
        await opened(config, tmp_path, values="memory://a").open()

    with pytest.raises(TypeError, match="a folder or an address"):
        opened(config, tmp_path, values=5)

    with pytest.raises(TypeError, match="is a dict"):
        opened(config, tmp_path, values_options=5)

    assert not [name for name in os.listdir(there) if name != "file"]


@pytest.mark.blocking_jobs
async def test_in_the_memory_of_one_process(tmp_path: Path) -> None:
    config = flows.configuration("development")
    cfg = single(config, flows.identity, LARGE, storage_type="pickle")

    async with opened(config, tmp_path, values="memory://place") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        await to_thread.run_sync(forget_copies, tmp_path)
        assert await scenario.result.read() == LARGE
        await orchestrator.delete(scenario.id)  # other tests of this process see it


async def test_a_lost_value_is_told_of(
    config: Configuration, tmp_path: Path, there: Path
) -> None:
    cfg = single(config, flows.identity, LARGE, storage_type="pickle")

    async with opened(config, tmp_path, values=f"local://{there}") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await to_thread.run_sync(forget_copies, tmp_path)

        for name in names(there):
            (there / name).unlink()

        with pytest.raises(DataNodeReadingError, match="it is missing"):
            await scenario.source.read()


async def test_options_are_those_of_an_address() -> None:
    options = {"key": "me"}

    with pytest.raises(UsageError, match="values_options are for an address, and none"):
        async with Orchestrator(Configuration(), ":memory:", values_options=options):
            pass
