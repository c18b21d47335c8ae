from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asyncflow.cli.records import reader
from asyncflow.cli.value_files import FolderFiles, files_of, missing, orphans
from tests.support.buckets import bucket as bucket
from tests.support.buckets import fsspec_is_warm as fsspec_is_warm
from tests.support.buckets import put
from tests.support.command import FLOWS, answer, call

LARGE = FLOWS.replace("return [year, 2, 3]", "return list(range(100_000))")


def test_files_that_nobody_has_go_and_those_that_lack_are_told(folder: Path) -> None:
    (folder / "flows.py").write_text(LARGE)
    call("run", "flows:sales")
    values = folder / ".asyncflow" / "asyncflow.values"
    (kept,) = values.glob("*.value")

    with reader(None) as store:
        maker = store.names("makers")[0]
        (values / f"{maker}-lost.value").write_text("left by a kill")
        (values / "yours.txt").write_text("of somebody else")
        files = files_of(store, {"values": None, "module": None})
        assert isinstance(files, FolderFiles)
        assert orphans(store, files) == {str(values / f"{maker}-lost.value"): 14}
        assert missing(store, files) == []

    assert answer("gc", "--dry-run")["files"] == 1
    assert (answer("gc")["files"], answer("gc")["files"]) == (1, 0)
    assert {path.name for path in values.iterdir()} == {
        ".store",
        "yours.txt",
        kept.name,
    }
    kept.unlink()
    told = answer("store", "check", code=1)
    assert told["missing_files"] == [str(kept)]
    assert "values are missing" in call("store", "check", code=1).stdout


Tell = Callable[[str, pytest.MonkeyPatch, Path], list[str]]


def by_option(address: str, patch: pytest.MonkeyPatch, folder: Path) -> list[str]:
    return ["--values", address]


def by_environment(address: str, patch: pytest.MonkeyPatch, folder: Path) -> list[str]:
    patch.setenv("ASYNCFLOW_VALUES", address)
    return []


def by_file(address: str, patch: pytest.MonkeyPatch, folder: Path) -> list[str]:
    (folder / "own.toml").write_text(f'[CORE]\nvalues = "{address}"\n')
    patch.setenv("ASYNCFLOW_CONFIG", "own.toml")
    return []


def by_module(address: str, patch: pytest.MonkeyPatch, folder: Path) -> list[str]:
    text = f'{LARGE}\nconfig.configure_core(values="{address}")\n'
    (folder / "flows.py").write_text(text)
    sys.modules.pop("flows", None)
    return ["-m", "flows"]


@pytest.mark.parametrize("tell", [by_option, by_environment, by_file, by_module])
def test_files_at_an_address_are_looked_at_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tell: Tell
) -> None:
    there = folder / "there"
    address = f"local://{there}"
    (folder / "flows.py").write_text(LARGE)

    with monkeypatch.context() as patch:
        patch.setenv("ASYNCFLOW_VALUES", address)
        call("run", "flows:sales")

    told = tell(address, monkeypatch, folder)
    (kept,) = there.glob("*.value")
    here = folder / ".asyncflow" / "asyncflow.values" / kept.name
    assert answer("store", "check", *told)["missing_files"] == []
    here.unlink()  # as on another host
    assert answer("store", "check", *told)["missing_files"] == []

    with reader(None) as store:
        maker = store.names("makers")[0]

    lost = there / f"{maker}-lost.value"
    lost.write_text("left by a kill")
    (there / "yours.txt").write_text("of somebody else")
    seen = answer("store", "check", *told)["lost_files"]
    assert [os.path.basename(path) for path in seen] == [lost.name]
    dry = answer("gc", "--dry-run", *told)
    assert (dry["files"], dry["file_bytes"], lost.exists()) == (1, 14, True)
    gone = answer("gc", "--older", "0s", *told)
    assert (gone["files"], gone["submissions"]) == (1, 3)
    assert {path.name for path in there.iterdir()} == {"yours.txt", kept.name}

    call("store", "backup", "copy.db", *told)
    assert (folder / "copy.values" / kept.name).read_bytes() == kept.read_bytes()

    for name in ("ASYNCFLOW_VALUES", "ASYNCFLOW_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    assert answer("store", "check", "--store", "copy.db")["missing_files"] == []
    kept.unlink()
    told = tell(address, monkeypatch, folder)
    assert len(answer("store", "check", *told, code=1)["missing_files"]) == 1


def test_files_in_a_bucket(
    folder: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The options are those of a file of the configuration, with the environment's key."""
    (folder / "own.toml").write_text(
        '[CORE]\nvalues = "s3://shop/values"\n[CORE.values_options]\nkey = "a"\n'
        f'secret = "ENV[OWN_SECRET]"\nendpoint_url = "{bucket}"\n'
    )
    (folder / "flows.py").write_text(LARGE)
    call("run", "flows:sales")
    monkeypatch.setenv("ASYNCFLOW_CONFIG", "own.toml")
    monkeypatch.setenv("OWN_SECRET", "hunter2")

    with reader(None) as store:
        maker = store.names("makers")[0]

    put(bucket, f"values/{maker}-1.value", b"left by a kill")
    put(bucket, "values/other", b"of somebody else")
    put(bucket, f"values/deeper/{maker}-1.value", b"no value")
    assert (answer("gc", "--dry-run")["file_bytes"], answer("gc")["files"]) == (14, 1)
    assert answer("gc")["files"] == 0

    monkeypatch.setenv("ASYNCFLOW_VALUES", "s3://nowhere/values")
    told = call("store", "check", code=2).output
    assert "s3://nowhere/values" in told
    assert "hunter2" not in told
    assert "make the bucket" in told

    monkeypatch.delenv("OWN_SECRET")
    assert "OWN_SECRET is not set" in call("gc", code=2).output
