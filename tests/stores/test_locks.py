"""Whether a file system has locks."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from asyncflow.errors import StoreUnavailable
from asyncflow.stores._locks import check_locks


def refuse(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Have the system refuse each lock."""

    def lockf(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "lockf", lockf)


def test_a_local_disk_has_locks_and_nothing_is_left(tmp_path: Path) -> None:
    check_locks(str(tmp_path / "runs.db"))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP])
def test_a_disk_without_locks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    refuse(monkeypatch, number)

    with pytest.raises(StoreUnavailable, match=r"gives no locks.*local disk.*NFS"):
        check_locks(str(tmp_path / "runs.db"))


def test_a_lock_that_somebody_holds_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, errno.EAGAIN)
    check_locks(str(tmp_path / "runs.db"))
    assert os.listdir(tmp_path) == []
    check_locks(str(tmp_path / "gone" / "runs.db"))
