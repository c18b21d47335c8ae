from __future__ import annotations

from pathlib import Path

from asyncflow.cli.records import reader
from asyncflow.cli.value_files import missing, orphans
from tests.support.command import FLOWS, answer, call


def test_files_that_nobody_has_go_and_those_that_lack_are_told(folder: Path) -> None:
    large = FLOWS.replace("return [year, 2, 3]", "return list(range(100_000))")
    (folder / "flows.py").write_text(large)
    call("run", "flows:sales")
    values = folder / ".asyncflow" / "asyncflow.values"
    (kept,) = values.glob("*.value")

    with reader(None) as store:
        maker = store.names("makers")[0]
        (values / f"{maker}-lost.value").write_text("left by a kill")
        (values / "yours.txt").write_text("of somebody else")
        assert orphans(store) == [str(values / f"{maker}-lost.value")]
        assert missing(store) == []

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
