from __future__ import annotations

from pathlib import Path

import pytest

from asyncflow.cli.records import address_of, reader
from asyncflow.errors import StoreFailed, UsageError


def test_where_the_store_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert address_of(None) == ".asyncflow/asyncflow.db"
    assert address_of("runs.db") == "runs.db"
    monkeypatch.setenv("ASYNCFLOW_STORE", "other.db")
    assert address_of(None) == "other.db"


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--store is not the address of a store"):
        reader("mysql://here/there")

    with pytest.raises(StoreFailed, match="there is no such file"):
        reader(str(tmp_path / "runs.db"))

    (tmp_path / "text").write_text("a text" * 1000)

    with pytest.raises(StoreFailed, match="it cannot be read"):
        reader(str(tmp_path / "text"))
