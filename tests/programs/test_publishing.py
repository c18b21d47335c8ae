"""What a crash between publishing and commit leaves: a run is whole after the next start."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.programs.publishing_collections import collections
from tests.support.buckets import address as address
from tests.support.buckets import client as client
from tests.support.buckets import keys
from tests.support.programs import LIMIT, environment

ROWS = [{"n": 1}]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)

    with closing(sqlite3.connect("shop.db")) as database, database:
        database.execute("CREATE TABLE others (n INTEGER)")
        database.execute("CREATE TABLE added (n INTEGER)")

    return tmp_path


def run(*arguments: str, folder: Path, **env: str) -> str:
    """Run the program; return what it printed, or ``killed``."""
    module = "tests.programs.publishing_program"
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )

    if done.returncode == -signal.SIGKILL:
        return "killed"

    assert done.returncode == 0, done.stderr
    return done.stdout


def killed_then_started(
    folder: Path, kinds: str, moment: str, executor: str = "thread", **env: str
) -> tuple[list[Any], int]:
    """Return what the second program tells, and how often the function was called."""
    assert run(kinds, moment, executor, folder=folder, **env) == "killed"
    told = json.loads(run(kinds, "-", executor, folder=folder, **env))
    return told, len((folder / "calls").read_text().splitlines())


def left(folder: Path) -> list[str]:
    """Return the files that are not to be there any more."""
    names = [one.name for one in folder.rglob("*")]
    ends = (".intent", ".staged", ".tmp")
    return [one for one in names if one.endswith(ends) or one.startswith("own.json.")]


WHY = "its outputs were written as the process of its orchestrator died"


@pytest.mark.parametrize(
    ("kinds", "moment", "executor"),
    [
        ("json", "published", "process"),
        ("json", "before", "thread"),
        ("pickle", "published", "thread"),
        ("kept,pickle,json", "before", "process"),
        ("query+exactly_once", "published", "thread"),
        ("json,query+exactly_once", "published", "process"),
    ],
)
def test_it_runs_once(kinds: str, moment: str, executor: str, folder: Path) -> None:
    told, calls = killed_then_started(folder, kinds, moment, executor)
    names = [one.partition("+")[0] for one in kinds.split(",")]
    assert told == [
        "COMPLETED",
        WHY,
        dict.fromkeys(names, ROWS),
        [2 if name == "query" else 1 for name in names],
    ]
    assert calls == 1
    assert not left(folder)


@pytest.mark.parametrize(
    ("kinds", "moment", "rows"),
    [
        ("table", "before", ROWS),
        ("table", "published", ROWS),
        ("query+exactly_once", "before", ROWS),
        ("query", "published", [*ROWS, *ROWS]),  # as nobody knows that it is there
        ("generic", "published", [json.dumps(ROWS)] * 2),
        ("json,table", "published", ROWS),
    ],
)
def test_it_runs_again(kinds: str, moment: str, rows: object, folder: Path) -> None:
    (status, _, read, _), calls = killed_then_started(folder, kinds, moment)
    assert status == "COMPLETED"
    assert [*read.values()][-1] == rows
    assert calls == 2
    assert not left(folder)


@pytest.mark.parametrize("moment", ["before", "published"])
def test_a_collection_is_published_once(moment: str, folder: Path) -> None:
    (status, why, read, _), calls = killed_then_started(folder, "json,mongo", moment)
    assert (status, why, calls) == ("COMPLETED", WHY, 1)
    assert read == {"json": ROWS, "mongo": ROWS}
    assert [*collections()] == ["items"]
    assert not [*folder.glob("parts.*")]
    assert not left(folder)


@pytest.mark.parametrize("kinds", ["parts", "json,parts"])
@pytest.mark.parametrize("moment", ["before", "published"])
def test_a_folder_is_published_once(kinds: str, moment: str, folder: Path) -> None:
    (folder / "parts").mkdir()
    (status, why, read, edits), calls = killed_then_started(folder, kinds, moment)
    assert (status, why, calls) == ("COMPLETED", WHY, 1)
    assert read["parts"] == [{"a": "b", "n": 1}]
    assert edits[-1] == 2  # what was there, and that
    assert not left(folder)
    assert not [*folder.glob("parts.*")]


@pytest.mark.parametrize("moment", ["before", "published"])
def test_an_object_is_published_once(
    moment: str, folder: Path, address: str, client: Any
) -> None:
    (status, why, read, _), calls = killed_then_started(
        folder, "s3", moment, S3=address
    )
    assert (status, why, calls) == ("COMPLETED", WHY, 1)
    assert read == {"s3": "content"}
    assert keys(client) == ["a"]
    assert not left(folder)


def test_what_was_staged_is_removed(folder: Path, address: str, client: Any) -> None:
    """A program that dies before all is written has staged something of each."""
    kinds = "mongo,s3,parts,json"
    (status, _, _, _), calls = killed_then_started(folder, kinds, "written", S3=address)
    assert (status, calls) == ("COMPLETED", 2)
    assert keys(client) == ["a"]
    assert [*collections()] == ["items"]
    assert not [*folder.glob("parts.*")]
    assert not left(folder)


def test_what_was_staged_at_the_path_of_a_scenario_is_removed(folder: Path) -> None:
    kinds = "parts+template,json+template"
    (status, _, _, _), calls = killed_then_started(folder, kinds, "written")
    assert (status, calls) == ("COMPLETED", 2)
    (made,) = (folder / "made").iterdir()
    assert sorted(one.name for one in made.iterdir()) == ["own.json", "parts"]
    assert not left(folder)
