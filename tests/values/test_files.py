"""The files of values: on this host, and at an address."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from anyio import to_thread

from asyncflow.drivers._values_at import ValuesAt
from asyncflow.drivers.pickle import PickleDriver
from asyncflow.values.files import ValueFiles

pytestmark = pytest.mark.anyio


@pytest.fixture
def there(tmp_path: Path) -> Path:
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


@pytest.fixture
def files(tmp_path: Path, there: Path) -> ValueFiles:
    here = tmp_path / "here"
    here.mkdir()
    return ValueFiles(str(here), ValuesAt(f"local://{there}", {}, f"{here}/mark"))


def made(files: ValueFiles, name: str) -> str:
    path = files.path(name)
    Path(path).write_bytes(name.encode())
    files.keep(path)
    return path


def test_a_folder_alone_is_as_it_was(tmp_path: Path) -> None:
    files, driver = ValueFiles(str(tmp_path)), PickleDriver()
    path = made(files, "A-1.value")
    assert files.wrapped(driver) is driver
    assert files.names() == (["A-1.value"], True)
    assert files.is_there(path)

    with files.here(path) as found:
        assert found == path

    files.remove([path])
    files.remove_made([path])
    assert files.names() == ([], True)


def test_a_file_is_here_and_there(files: ValueFiles, there: Path) -> None:
    path = made(files, "A-1.value")
    assert os.listdir(there) == ["A-1.value"]
    os.unlink(path)
    assert files.is_there(path)
    assert files.names() == (["A-1.value"], True)

    with files.here(path) as found:
        assert Path(found).read_bytes() == b"A-1.value"

    assert not os.path.exists(found)


async def test_a_file_is_removed_here_and_there(
    files: ValueFiles, there: Path, tmp_path: Path
) -> None:
    path = await to_thread.run_sync(made, files, "A-1.value")
    other = await to_thread.run_sync(made, files, "A-2.value")
    users = tmp_path / "A-2.value"
    users.touch()
    await to_thread.run_sync(files.remove, [path, str(users)])
    assert os.listdir(there) == ["A-2.value"]  # that of the user was another one
    assert not users.exists()

    await files.remove_all(["A-2.value"])
    assert os.listdir(there) == []
    assert not await to_thread.run_sync(files.is_there, other)


def test_what_a_dead_job_has_put_there_is_found_by_its_name(
    files: ValueFiles, there: Path
) -> None:
    for name in ("A-1.value", "A-1-0123.value", "A-1.csv", "A-12.value", "B-1.value"):
        made(files, name)

    files.remove_made([files.path("A-1.value.compared")])
    assert sorted(os.listdir(there)) == ["A-12.value", "B-1.value"]


async def test_what_nobody_keeps_goes_with_its_maker(
    files: ValueFiles, there: Path
) -> None:
    for name in ("A-1.value", "A-2.value", "B-1.value"):
        await to_thread.run_sync(made, files, name)

    await files.sweep_own("A", {"A-2.value"})
    assert sorted(os.listdir(there)) == ["A-2.value", "B-1.value"]


def test_an_address_that_cannot_be_written_leaves_nothing_here(
    files: ValueFiles, there: Path
) -> None:
    there.rmdir()
    there.touch()
    path = files.path("A-1.value")
    Path(path).touch()

    with pytest.raises(OSError, match="cannot be written"):
        files.keep(path)

    assert not os.path.exists(path)


def test_what_cannot_be_removed_holds_up_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    remote = ValuesAt("nowhere://there", {}, str(tmp_path))
    files = ValueFiles(str(tmp_path), remote)
    files.remove([files.path("A-1.value")])
    files.remove_made([files.path("A-1.value")])
    Path(files.path("A-2.value")).touch()
    assert files.names() == (["A-2.value"], False)
    assert caplog.text.count("nowhere") == 3
