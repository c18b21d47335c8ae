"""Who may reach a store: its user alone."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from asyncflow import Config, Orchestrator
from asyncflow.errors import StoreFailed
from asyncflow.stores.postgres import PostgresStore
from asyncflow.stores.sqlite import SqliteStore
from tests.support.postgres import Server
from tests.support.postgres import database as database
from tests.support.postgres import server as server
from tests.support.records import job_record

pytestmark = pytest.mark.anyio
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
NOBODY = 65534


@contextmanager
def umask(mask: int) -> Iterator[None]:
    old = os.umask(mask)

    try:
        yield
    finally:
        os.umask(old)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def open_and_look(path: Path) -> dict[str, int]:
    """Return the modes of a store's files and folders while it is open."""
    async with SqliteStore(path) as store:
        store.save(job_record(1))
        await store.flush()
        return {one.name: mode(one) for one in (path.parent, *path.parent.iterdir())}


# ------------------------------------------------------------------------------ modes


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
async def test_a_new_store_is_private_whatever_the_umask(
    tmp_path: Path, mask: int
) -> None:
    with umask(mask):
        found = await open_and_look(tmp_path / "above" / ".asyncflow" / "asyncflow.db")

    found.pop(".gitignore")
    assert found == {
        ".asyncflow": 0o700,
        "asyncflow.db": 0o600,
        "asyncflow.db-wal": 0o600,
        "asyncflow.db-shm": 0o600,
        "asyncflow.values": 0o700,
    }
    assert mode(tmp_path / "above") == 0o700


@pytest.mark.smoke
async def test_an_old_store_is_narrowed_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / ".asyncflow"

    async with SqliteStore(folder / "asyncflow.db") as store:
        store.save(job_record(1))

    for path in (folder, *folder.iterdir()):
        path.chmod(0o777 if path.is_dir() else 0o666)

    found = await open_and_look(folder / "asyncflow.db")
    found.pop(".gitignore")
    assert {*found.values()} == {0o700, 0o600}
    assert not caplog.records


async def test_the_users_folder_keeps_its_mode(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    await open_and_look(folder / "runs.db")
    assert mode(folder) == 0o755
    assert not caplog.records


@pytest.mark.parametrize(("bits", "is_told"), [(0o777, True), (0o1777, False)])
async def test_a_folder_for_everybody_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, bits: int, is_told: bool
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(bits)

    with caplog.at_level(logging.WARNING):
        await open_and_look(folder / "runs.db")

    assert any("every user may replace" in one for one in caplog.messages) is is_told


async def test_the_default_store_is_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ASYNCFLOW_STORE")
    Config.configure_job_executions(mode="development")

    with umask(0):
        async with Orchestrator():
            assert mode(tmp_path / ".asyncflow") == 0o700
            assert mode(tmp_path / ".asyncflow" / "asyncflow.db") == 0o600


@pytest.mark.parametrize("mask", [0o000, 0o777])
async def test_the_folders_beside_a_server_are_private(
    server: Server, database: str, tmp_path: Path, mask: int
) -> None:
    with umask(mask):
        async with PostgresStore(server.url(database), tmp_path / "a" / "b") as store:
            values = Path(store.values_folder)

    assert {mode(values), mode(tmp_path / "a"), mode(tmp_path / "a" / "b")} == {0o700}
    os.chmod(values, 0o755)

    async with PostgresStore(server.url(database), tmp_path / "a" / "b"):
        assert mode(values) == 0o700


# ------------------------------------------------------------------------------- owners


@as_root
@pytest.mark.parametrize(
    "name",
    [
        "asyncflow.db",
        "asyncflow.values",
        ".",
        "asyncflow.db-wal",
        "asyncflow.db-journal",
    ],
)
async def test_what_another_user_owns_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / ".asyncflow"
    path = folder / "asyncflow.db"
    await open_and_look(path)
    planted = folder / name
    planted.touch()
    os.chown(planted, NOBODY, NOBODY)
    planted.chmod(0o755)

    with pytest.raises(StoreFailed, match=r"another user, nobody.*chown.*trust_owner"):
        await open_and_look(path)

    async with SqliteStore(path, trust_owner=True) as store:
        assert await store.jobs() == [job_record(1)]


@as_root
async def test_the_modes_of_who_is_trusted_stay(tmp_path: Path) -> None:
    path = tmp_path / ".asyncflow" / "asyncflow.db"
    await open_and_look(path)
    path.chmod(0o660)
    path.parent.chmod(0o2770)

    async with SqliteStore(path, trust_owner=True):
        assert mode(path) == 0o660
        assert mode(path.parent) == 0o2770


@as_root
async def test_a_link_that_another_user_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    link = tmp_path / "runs.values"
    link.symlink_to(tmp_path / "mine")
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)

    with pytest.raises(StoreFailed, match="another user"):
        await open_and_look(tmp_path / "runs.db")


@as_root
async def test_a_user_in_anothers_folder_has_a_store_there(tmp_path: Path) -> None:
    """As in a container, whose root works in a folder of its host."""
    folder = tmp_path / "project"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    assert await open_and_look(folder / "runs.db")
    assert await open_and_look(folder / "runs.db")


# ------------------------------------------------------------------------ what is no file


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("folder", "is a folder.*give the path of a file in it"),
        ("fifo", "is no file, but a device, a pipe"),
        ("new/", "names a folder"),
        (".", "is a folder"),
        ("", "names a folder"),
        ("a\0b", "NUL"),
        ("linked.db", r"2 names \(hard links\).*cp FILE"),
    ],
)
async def test_what_is_no_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "first.db").touch()
    os.link(tmp_path / "first.db", tmp_path / "linked.db")
    before = sorted(os.listdir(tmp_path))

    with pytest.raises(StoreFailed, match=words):
        await SqliteStore(name).__aenter__()

    assert sorted(os.listdir(tmp_path)) == before


async def test_a_device_is_refused() -> None:
    with pytest.raises(StoreFailed, match="is no file, but a device"):
        await SqliteStore("/dev/null").__aenter__()
