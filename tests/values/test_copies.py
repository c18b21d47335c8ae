from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from asyncflow.values.copies import ending, link_all


def test_a_name_says_what_its_value_is() -> None:
    assert ending("/folder/ORCHESTRATOR_1-2-digest.value") == "-digest.value"
    assert ending("/folder/sales.csv") == ".csv"


@pytest.mark.parametrize("has_links", [True, False])
def test_a_value_is_there_until_its_last_name_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    if not has_links:
        monkeypatch.setattr(os, "link", refused)

    old, new = tmp_path / "one-1.value", tmp_path / "one-2.value"
    old.write_bytes(b"own")
    link_all([(str(old), str(new))])
    old.unlink()
    assert new.read_bytes() == b"own"
    assert [one.name for one in tmp_path.iterdir()] == ["one-2.value"]


def test_all_get_a_name_or_none(tmp_path: Path) -> None:
    there, gone = tmp_path / "one-1.value", tmp_path / "one-2.value"
    there.write_bytes(b"own")
    pairs = [(str(one), f"{one}.new") for one in (there, gone)]

    with pytest.raises(FileNotFoundError):
        link_all(pairs)

    assert [*tmp_path.iterdir()] == [there]
