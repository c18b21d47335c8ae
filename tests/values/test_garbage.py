"""Files that nobody needs any more: removed, later where others are on the store."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from anyio import create_task_group, fail_after, to_thread
from anyio.lowlevel import checkpoint

from asyncflow.stores.memory import MemoryStore
from asyncflow.task_group import Tasks
from asyncflow.values import files
from asyncflow.values.files import Garbage, ValueFiles, remove
from asyncflow.values.sharing import StoreSharing

pytestmark = pytest.mark.anyio


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "a.value"
    path.write_bytes(b"value")
    return str(path)


async def is_there(file: str) -> bool:
    return await to_thread.run_sync(os.path.exists, file)


async def until_gone(file: str) -> None:
    with fail_after(10):
        while await is_there(file):
            await checkpoint()


async def test_a_file_goes_at_once_where_nobody_else_is(file: str) -> None:
    async with MemoryStore() as store, create_task_group() as group:
        Garbage(store, ValueFiles("/"), Tasks(group), StoreSharing()).add(file)
        await until_gone(file)


async def test_a_file_stays_for_others_until_the_close(file: str) -> None:
    async with MemoryStore() as store, create_task_group() as group:
        rubbish = Garbage(
            store, ValueFiles("/"), Tasks(group), StoreSharing(is_shared=True)
        )
        rubbish.add(file)
        await rubbish.collect()
        assert await is_there(file)

        await rubbish.close()
        assert not await is_there(file)


async def test_a_file_goes_at_the_end_of_its_lease(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LEASE", 0.001)

    async with MemoryStore() as store, create_task_group() as group:
        rubbish = Garbage(
            store, ValueFiles("/"), Tasks(group), StoreSharing(is_shared=True)
        )
        rubbish.add(file)
        await until_gone(file)
        await rubbish.close()


async def test_a_file_that_cannot_be_removed_holds_up_nothing(
    tmp_path: Path, file: str, caplog: pytest.LogCaptureFixture
) -> None:
    missing, folder = str(tmp_path / "missing"), str(tmp_path)
    await to_thread.run_sync(remove, [missing, folder, file])
    assert not await is_there(file)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
