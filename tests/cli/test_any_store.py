"""A store that has no reader is read as one that has."""

from __future__ import annotations

from pathlib import Path

import pytest

from asyncflow.cli.any_store import AnyReader
from asyncflow.cli.records import DEFAULT, reader
from asyncflow.errors import UsageError
from asyncflow.options import Page
from tests.support.command import answer, call
from tests.support.postgres import Server
from tests.support.postgres import database as database
from tests.support.postgres import server as server


@pytest.mark.parametrize(
    ("table", "filters", "sort"),
    [
        ("submission", {}, "date"),
        ("submission", {"tag": "nightly"}, "date"),
        ("submission", {"statuses": ("FAILED",), "config": "bad"}, "status"),
        ("scenario", {"name": "fir*"}, "name"),
        ("job", {"config": "total"}, "duration"),
        ("job", {"name": "ex*", "tag": "nightly"}, "config"),
        ("job", {"since": 1.0}, "id"),
        ("job", {"until": 1.0}, "date"),
    ],
)
def test_it_lists_the_same(
    folder: Path, table: str, filters: dict[str, object], sort: str
) -> None:
    with reader(None) as one, AnyReader(DEFAULT) as other:
        pages = [Page(), Page(True, 1), Page(False, 5, 1)]

        for page in pages:
            found = one.listed(table, filters, sort, page)
            assert other.listed(table, filters, sort, page) == found


def test_it_knows_the_same(folder: Path) -> None:
    with reader(None) as one, AnyReader(DEFAULT) as other:
        (last,) = one.listed("submission", {}, "date", Page(True, 1))
        assert other.find(last.id) == last
        assert other.starting("job", "JOB_total", 3) == one.starting(
            "job", "JOB_total", 3
        )
        assert other.duration("total") == one.duration("total")
        sizes = one.sizes()
        assert other.sizes() == {name: sizes[name] for name in other.sizes()}
        assert other.check() == one.check() == []
        assert other.names("makers") == sorted(one.names("makers"))
        runs = [last.id]
        assert sorted(other.facts("job_counts", runs)) == sorted(
            one.facts("job_counts", runs)
        )

        for name in ("last_submissions", "scenarios_of"):
            found = one.facts(name, [last.scenario_id])
            assert other.facts(name, [last.scenario_id]) == found

        job = one.starting("job", "JOB_total", 1)[0]
        assert other.log(job) == one.log(job)
        nodes = one.data_nodes(last.scenario_id)
        assert other.data_nodes(last.scenario_id) == nodes
        assert other.versions(nodes[0].id) == one.versions(nodes[0].id)

        with pytest.raises(UsageError, match="pg_dump"):
            other.backup("copy.db")


@pytest.mark.may_leave("thread", reason="psycopg's own")
def test_a_database_is_looked_at_and_worked_on(
    server: Server, database: str, folder: Path
) -> None:
    there = ("--store", server.url(database))
    done = answer("run", "flows:sales", *there)
    assert done["status"] == "COMPLETED"
    (run,) = answer("list", *there)
    assert (run["id"], run["config_id"], run["tasks"]) == (done["id"], "sales", 2)
    assert call("logs", *there).stdout == "[extract] extracting 2025\n[total] adding\n"
    assert answer("show", "JOB_total", *there)["status"] == "COMPLETED"
    found = answer("store", "check", *there)
    assert (found["jobs"], found["store"]) == (2, there[1])
    assert "pg_dump" in call("store", "backup", "copy.db", *there, code=2).output
    assert answer("gc", "--keep", "0", *there)["submissions"] == 1


@pytest.mark.may_leave("thread", reason="psycopg's own")
def test_the_password_of_a_database_is_not_shown(
    server: Server, database: str, folder: Path
) -> None:
    secret = ("--store", server.url(database, "asyncflow:hunter2"))
    shown = server.url(database, "asyncflow:***")
    assert shown in call("store", "migrate", *secret).stdout
    assert answer("store", "migrate", *secret)["store"] == shown
    assert shown in call("store", "check", *secret).stdout
    assert shown in call("list", *secret).stderr


@pytest.mark.may_leave("thread", reason="psycopg's own")
def test_a_run_in_a_database_is_planned(
    server: Server, database: str, folder: Path
) -> None:
    there = ("--store", server.url(database))
    call("run", "flows:sales", *there)
    first, _ = answer("plan", "flows:sales", *there)
    assert first["last_duration"] is not None
    first, _ = answer("plan", "flows:sales", "--of", "last", *there)
    assert (first["runs"], first["last_duration"] is None) == (False, False)
