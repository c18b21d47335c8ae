"""Folders take the places of others in one step, or as nearly as the disk can."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from asyncflow.drivers import _folders
from asyncflow.drivers._folders import link_all, put_folder_in_place, sync_all


def folder(path: Path, text: str) -> Path:
    (path / "in").mkdir(parents=True)
    (path / "in" / "file").write_text(text)
    return path


@pytest.mark.parametrize("can_exchange", [True, False])
def test_the_old_one_is_where_the_draft_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_exchange: bool
) -> None:
    if not can_exchange:
        monkeypatch.setattr(_folders, "_exchange", lambda *_: False)

    old, new = folder(tmp_path / "old", "old"), folder(tmp_path / "new", "new")
    put_folder_in_place(str(new), str(old))
    assert (old / "in" / "file").read_text() == "new"
    assert (new / "in" / "file").read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["new", "old"]


def test_where_there_is_none_yet(tmp_path: Path) -> None:
    new = folder(tmp_path / "new", "new")
    put_folder_in_place(str(new), str(tmp_path / "own"))
    assert os.listdir(tmp_path) == ["own"]


def test_the_old_one_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_folders, "_exchange", lambda *_: False)
    old = folder(tmp_path / "old", "old")

    with pytest.raises(FileNotFoundError):
        put_folder_in_place(str(tmp_path / "nothing"), str(old))

    assert (old / "in" / "file").read_text() == "old"


def test_an_exchange_that_fails_is_told(tmp_path: Path) -> None:
    old = folder(tmp_path / "old", "old")

    with pytest.raises(FileNotFoundError) as caught:
        _folders._exchange(str(tmp_path / "nothing"), str(old))

    assert caught.value.errno == errno.ENOENT


def test_links_take_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = folder(tmp_path / "old", "old")
    link_all(str(old), str(tmp_path / "links"))
    sync_all(str(tmp_path / "links"))
    assert (tmp_path / "links" / "in" / "file").samefile(old / "in" / "file")

    def refuse(*_: str) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    link_all(str(old), str(tmp_path / "copies"))
    assert (tmp_path / "copies" / "in" / "file").read_text() == "old"
    shutil.rmtree(tmp_path / "links")
    assert (old / "in" / "file").read_text() == "old"
