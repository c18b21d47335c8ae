"""Temporary folders that do not outlive their owner for long, even if it is killed."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from asyncflow.folder import MARK, Folder, sweep


@pytest.mark.parametrize(
    "content", [b"", b"theirs", b"a temporary folder of asyncflow"]
)
def test_a_folder_of_another_program_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = tmp_path / "asyncflow-of-theirs"
    folder.mkdir()
    (folder / "lock").write_bytes(content)
    (folder / "file").touch()
    sweep()
    assert (folder / "file").exists()


def test_a_folder_whose_owner_was_killed_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code = (
        "import os, signal; from asyncflow.folder import Folder; "
        "Folder('left'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        check=False,
    )
    (left,) = tmp_path.glob("asyncflow-left-*")
    assert left.stat().st_mode & 0o777 == 0o700
    folder = Folder("new")
    assert os.listdir(tmp_path) == [os.path.basename(folder.path)]
    sweep()
    folder.remove()
    assert not os.listdir(tmp_path)


MOMENTS = {
    "made": "os.open",
    "locked": "fcntl.flock",
    "marked": "os.write",
    "removed": "os.rmdir",
}


@pytest.mark.parametrize("call", MOMENTS.values(), ids=MOMENTS)
def test_a_folder_goes_whenever_its_owner_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code = (
        "import fcntl, os, tempfile; from asyncflow.folder import Folder; "
        "tempfile.gettempdir(); "
        f"{call} = lambda *args, **options: os.kill(os.getpid(), 9); "
        "Folder('workers').remove()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        check=False,
    )
    assert ran.returncode == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == 1
    sweep()
    assert not os.listdir(tmp_path)


FORKS = """
import os, signal
from asyncflow.folder import Folder

folder = Folder("left")
has_forked, forked = os.pipe()

if not os.fork():
    folder.remove()  # it is not the fork's
    os.write(forked, b"!")
    os.read(0, 1)
    os._exit(0)

os.read(has_forked, 1)
print(os.path.exists(folder.path), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_folder_whose_owner_was_killed_goes_though_a_fork_of_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    with subprocess.Popen(
        [sys.executable, "-c", FORKS],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,  # with its end the fork ends
        stdout=subprocess.PIPE,
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"True\n"
        owner.wait()
        assert os.listdir(tmp_path)
        sweep()
        assert not os.listdir(tmp_path)


def test_a_folder_is_removed_with_all_that_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = Folder("values")
    assert os.path.basename(folder.path).startswith("asyncflow-values-")
    (Path(folder.path) / "deep").mkdir()
    (Path(folder.path) / "deep" / "file").touch()
    folder.remove()
    assert os.listdir(tmp_path) == []


def test_a_folder_whose_owner_lives_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    one, other = Folder("one"), Folder("other")
    sweep()
    assert sorted(os.listdir(tmp_path)) == sorted(
        os.path.basename(folder.path) for folder in (one, other)
    )
    one.remove()
    other.remove()


def test_what_is_no_lock_of_ours_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    names = ["empty", "pipe", "link"]
    folders = {name: tmp_path / f"asyncflow-{name}" for name in names}

    for folder in folders.values():
        folder.mkdir()

    os.mkfifo(folders["pipe"] / "lock")
    (tmp_path / "mark").write_bytes(MARK)
    (folders["link"] / "lock").symlink_to(tmp_path / "mark")
    (tmp_path / "asyncflow-file").touch()
    sweep()
    assert len(os.listdir(tmp_path)) == 5


def test_a_folder_that_was_swept_at_once_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may sweep it before it is locked."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    lock, swept = fcntl.flock, list[str]()

    def flock(descriptor: int, how: int) -> None:
        lock(descriptor, how)

        if not swept:
            (path,) = tmp_path.glob("asyncflow-*")
            swept.append(path.name)
            (path / "lock").unlink()
            path.rmdir()

    monkeypatch.setattr(fcntl, "flock", flock)
    folder = Folder("again")
    assert os.path.exists(folder.path)
    assert os.path.basename(folder.path) != swept[0]
    folder.remove()


def test_a_disk_without_locks_is_told_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(fcntl, "flock", flock)

    with pytest.raises(OSError, match=r"cannot be locked.*set TMPDIR") as caught:
        Folder("new")

    assert caught.value.errno == errno.ENOTSUP
    assert os.listdir(tmp_path) == []


def test_a_place_that_cannot_be_listed_holds_up_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    sweep()
