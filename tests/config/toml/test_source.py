from __future__ import annotations

from pathlib import Path

import pytest

from asyncflow import Configuration
from asyncflow.config.toml.source import source
from asyncflow.errors import ConfigError, UsageError

TEXT = '[DATA_NODE.sales]\nstorage_type = "in_memory"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_parsed_once_with_the_lines_of_its_names(tmp_path: Path) -> None:
    found = source(written(tmp_path, TEXT))
    assert found.layer == "load"
    assert found.translator is None
    assert found.tables["DATA_NODE"]["sales"] == {"storage_type": "in_memory"}
    assert found.lines["DATA_NODE", "sales", "storage_type"] == 2


def test_what_is_no_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"own\.toml.*line 2"):
        source(written(tmp_path, "a = 1\nb = \n"))


def test_a_dialect_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="asyncflow"):
        source(written(tmp_path, TEXT), dialect="yaml")


def test_what_is_loaded_twice_is_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT)
    one, other = Configuration(), Configuration()
    one.load(path)
    other.load(path)
    other.load(path)
    assert one.data_nodes["sales"].storage_type == "in_memory"
    assert one.data_nodes.keys() == other.data_nodes.keys()


def test_a_file_of_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    written(tmp_path, TEXT)
    config = Configuration()
    config.load("~/own.toml")
    assert config.data_nodes["sales"].storage_type == "in_memory"
    config.export("~/other.toml")
    assert "in_memory" in (tmp_path / "other.toml").read_text(encoding="utf-8")
