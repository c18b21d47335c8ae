"""A new file in the place of one of the user's: links are followed, mode and owner stay."""

from __future__ import annotations

import errno
import os
import pickle
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from asyncflow import Configuration, DataNodeWritingError
from asyncflow.drivers.pickle import PickleDriver
from asyncflow.worker.outputs import published
from asyncflow.worker.replacing import locate, place_of, put_in_place

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
    published(driver, driver.write(value, staged, "node"), staged)


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

    why = {"folder": "it is a folder", "fifo": "a device, a pipe or a socket"}[what]

    with pytest.raises(DataNodeWritingError, match=why) as told:
        write(path, 1)

    assert str(path) in str(told.value)
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


@pytest.mark.parametrize("fails", [1, 2])
def test_what_cannot_be_put_in_place_is_tried_once_more(
    tmp_path: Path, fails: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft, file = tmp_path / "draft", tmp_path / "file"
    draft.write_text("new")
    file.write_text("old")
    replace, errors = os.replace, [OSError(errno.EIO, "failed")] * fails

    def failing(source: str, target: str) -> None:
        if errors:
            raise errors.pop()

        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)

    with nullcontext() if fails == 1 else pytest.raises(OSError, match="failed"):
        put_in_place(str(draft), str(file))

    assert file.read_text() == ("new" if fails == 1 else "old")
    assert draft.exists() is (fails == 2)


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


def test_paths_to_one_file(tmp_path: Path) -> None:
    file, link = tmp_path / "own.csv", tmp_path / "link.csv"
    link.symlink_to(file)
    dots = f"{tmp_path}/../{tmp_path.name}//own.csv"
    assert place_of(dots) == str(file)
    locate(str(link))
    assert place_of(str(link)) == str(file.resolve())


def test_a_place_stays_what_it_was_first(tmp_path: Path) -> None:
    """Runs are ordered by it."""
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "one")
    locate(str(link))
    link.unlink()
    link.symlink_to(tmp_path / "other")
    locate(str(link))
    assert place_of(str(link)) == str((tmp_path / "one").resolve())
