"""Every example runs, and shows what it says."""

from __future__ import annotations

import importlib
import json
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from moto.server import ThreadedMotoServer
from starlette.applications import Starlette

from tests.support import programs

APPS = ["starlette_app", "fastapi_app"]
DASHBOARD = "dashboard_app"
PIPELINES = ["crawler", "log_report", "sales_etl"]
DATA = ["etl_pandas", "etl_polars", "s3_report"]

EVENTS = [
    "SubmissionStarted",
    "JobPending",
    "JobStarted",
    "JobFinished",
    "JobPending",
    "JobStarted",
    "JobFinished",
    "SubmissionFinished",
]


def run(name: str, folder: Path) -> str:
    return programs.run(programs.EXAMPLES / f"{name}.py", folder=folder)


@pytest.mark.smoke
def test_every_example_is_run() -> None:
    known = {"cluster", "cpu_fanout", "failing_jobs", "seed", "seed_sync"}
    known |= {*PIPELINES, *DATA, *APPS, DASHBOARD, "dashboard_starlette"}
    known.add("pages_beside")
    assert {path.stem for path in programs.EXAMPLES.glob("*.py")} == known


def test_the_seed(tmp_path: Path) -> None:
    lines = run("seed", tmp_path).splitlines()
    assert lines[0] == "Two scenarios at once; nobody waits for them yet."
    assert lines.count("    add works for half a second") == 4
    assert "my_output of the third: 52" in lines
    assert sum("RUNNING" in line for line in lines) == 1
    assert lines[-3:] == ["my_output: 52", "my_output: 52", "my_output: 210"]


def test_the_jobs_of_the_cluster_are_told_with_their_places(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    first, *lines = run("cluster", tmp_path).splitlines()
    assert first == "primes: 14683"
    found = [re.fullmatch(r"(\d) jobs in (\S+):(\d+)", line) for line in lines]
    assert sum(int(one[1]) for one in found if one) == 9
    assert any(re.fullmatch(r"\d+ on \S+ is idle: \d+ MiB", line) for line in lines)


def test_the_seeds_run_in_a_cluster_with_nothing_else_changed(tmp_path: Path) -> None:
    """One after the other, in one folder."""
    pytest.importorskip("distributed")
    seed = (programs.EXAMPLES / "seed.py").read_text()

    for name, code in (("seed.py", seed), ("guide.py", guide())):
        changed = code.replace('mode="standalone"', 'mode="cluster"')
        assert changed != code
        (tmp_path / name).write_text(changed)

    out = programs.run("seed.py", folder=tmp_path).splitlines()
    assert out[-3:] == ["my_output: 52", "my_output: 52", "my_output: 210"]
    out = programs.run("guide.py", folder=tmp_path).splitlines()
    assert out == ["Wait 10 seconds in add function"] * 4


def guide() -> str:
    """Return the guide's code as the example has it, with short sleeps."""
    code = (programs.EXAMPLES / "seed_sync.py").read_text()
    code, sleeps = re.subn(r"sleep\(10\)", "sleep(0.5)", code)
    code, timeouts = re.subn(r"timeout=5\b", "timeout=0.1", code)
    assert (sleeps, timeouts) == (1, 1)
    return code


def test_the_seed_in_the_blocking_form(tmp_path: Path) -> None:
    (tmp_path / "guide.py").write_text(guide())
    out = programs.run("guide.py", folder=tmp_path)
    # The last run ends after the script has come to its end.
    assert out.splitlines() == ["Wait 10 seconds in add function"] * 4
    assert "[SCENARIO.my_scenario]" in (tmp_path / "config.toml").read_text()


def test_the_blocking_form_has_the_same_values(tmp_path: Path) -> None:
    code = guide() + (
        "    print(tp.get(scenario_1.id).my_output.read())\n"
        "    for scenario in (scenario_1, scenario_2):\n"
        "        print(scenario.submit(wait=True).status.value)\n"
        "        print(scenario.my_output.read())\n"
    )
    (tmp_path / "guide.py").write_text(code)
    lines = programs.run("guide.py", folder=tmp_path).splitlines()
    assert [line for line in lines if not line.startswith("Wait")] == [
        "52",
        *["COMPLETED", "52"] * 2,
    ]


def test_failing_jobs(tmp_path: Path) -> None:
    out = run("failing_jobs", tmp_path)
    told = dict(re.findall(r"^  (\w+) +([A-Z]+ .*)$", out, re.MULTILINE))
    assert {
        task: re.split(r" +", text, maxsplit=1)[1] for task, text in told.items()
    } == {
        "good": "",
        "raises": "ZeroDivisionError: division by zero",
        "exits": "SystemExit: no disk left",
        "dies": "its worker process ended with exit code 3",
        "needs_raises": "it needs raises, which failed",
    }
    assert "    print(1 / 0)" in out
    assert out.endswith("What it had printed: about to divide\n\nAfterwards: fine\n")


def test_cpu_fanout(tmp_path: Path) -> None:
    out = run("cpu_fanout", tmp_path)
    assert "27608 primes below 320000" in out
    assert re.search(r"^speed-up: \d+\.\d$", out, re.MULTILINE)


def table_of(out: str) -> dict[str, str]:
    """Return what an example tells of each task."""
    return dict(re.findall(r"^(\w+) +([A-Z]+)\b", out, re.MULTILINE))


def test_an_etl_skips_what_has_not_changed(tmp_path: Path) -> None:
    first, second = run("sales_etl", tmp_path), run("sales_etl", tmp_path)
    told = "{'E': 16471, 'N': 16744, 'S': 16562, 'W': 16653}\n"
    steps = ("clean", "summarize", "load")
    assert first.startswith("364 sales\n")
    assert first.endswith(told)
    assert second.endswith(told)
    assert table_of(first) == dict.fromkeys(("extract", *steps), "COMPLETED")
    assert table_of(second) == {"extract": "COMPLETED"} | dict.fromkeys(
        steps, "SKIPPED"
    )
    path = tmp_path / "sales.csv"
    path.write_text(path.read_text() + "N,100000\n")
    third = run("sales_etl", tmp_path)
    assert table_of(third) == table_of(first)
    assert "'N': 116744" in third


def test_a_report_reads_what_has_changed(tmp_path: Path) -> None:
    first, second = run("log_report", tmp_path), run("log_report", tmp_path)
    others = dict.fromkeys(("read_1", "read_2", "read_3"), "SKIPPED")
    assert set(table_of(first).values()) == {"COMPLETED"}
    assert first.endswith("6 errors of 406 lines\n")
    assert table_of(second) == {"read_0": "COMPLETED", "total": "COMPLETED"} | others
    assert second.endswith("7 errors of 407 lines\n")


def test_a_crawler_tries_again(tmp_path: Path) -> None:
    for _start in range(2):
        *told, words = run("crawler", tmp_path).splitlines()
        assert len(told) == 2
        assert all("JOB_fetch_2_" in line and "BusyError: /2" in line for line in told)
        pages = [(str(number), 1) for number in range(6)]
        assert words == str([*pages, ("is", 6), ("page", 6), ("this", 6)])


# ---------------------------------------------------------------------------- data nodes

TOTALS = [("E", 16471), ("N", 16744), ("S", 16562), ("W", 16653)]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_an_etl_of_frames(library: str, tmp_path: Path) -> None:
    out = run(f"etl_{library}", tmp_path)
    assert re.findall(r"([A-Z])'?,? +(\d+)\b", out) == [
        *((region, str(amount)) for region, amount in TOTALS),
        ("W", "363"),
        ("N", "364"),
    ]

    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        assert database.execute("SELECT * FROM totals").fetchall() == TOTALS


def test_a_report_on_a_bucket(tmp_path: Path) -> None:
    moto = ThreadedMotoServer("127.0.0.1", 0)
    moto.start()
    host, port = moto.get_host_and_port()
    env = programs.environment(
        AWS_ACCESS_KEY_ID="somebody",
        AWS_SECRET_ACCESS_KEY="hunter2",
        BUCKET="shop",
        S3_ENDPOINT=f"http://{host}:{port}",
    )

    try:
        httpx.put(f"{env['S3_ENDPOINT']}/shop").raise_for_status()
        example = programs.EXAMPLES / "s3_report.py"
        out = programs.run(example, folder=tmp_path, env=env)
    finally:  # what it has, all servers in this process have
        httpx.post(f"{env['S3_ENDPOINT']}/moto-api/reset").raise_for_status()
        moto.stop()

    result = {"N": 7, "S": 5}
    assert out.splitlines() == [f"COMPLETED {result}", f"SKIPPED {result}"]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(b"hunter2" in path.read_bytes() for path in files)


# ----------------------------------------------------------------------------- web apps


@pytest.fixture(params=APPS)
def app(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Starlette:
    # Workers import the app's functions by the name of its module.
    monkeypatch.syspath_prepend(programs.EXAMPLES)
    module = importlib.import_module(request.param)
    assert isinstance(module.app, Starlette)
    return module.app


@asynccontextmanager
async def client_of(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """Run an app's lifespan, and give a client of the app."""
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "state": dict(state or {})}, receive, send)

        transport = httpx.ASGITransport(with_state)

        async with httpx.AsyncClient(
            transport=transport, base_url="http://app"
        ) as client:
            yield client


async def start(client: httpx.AsyncClient, number: int) -> str:
    response = await client.post("/runs", json={"number": number})
    assert response.status_code == 202
    return f"/runs/{response.json()['id']}"


def events_of(text: str) -> tuple[list[str], list[dict[str, Any]]]:
    """Parse server-sent events: their names and their data."""
    found = re.findall(r"event: (.*)\ndata: (.*)\n\n", text)
    return [name for name, _ in found], [json.loads(data) for _, data in found]


@pytest.mark.anyio
async def test_a_run_over_http(app: Starlette) -> None:
    async with client_of(app) as client:
        url = await start(client, 21)
        result = await client.get(f"{url}/result")
        events = await client.get(f"{url}/events")
        status = await client.get(url)

    assert result.status_code == 200
    assert result.json()["result"] == 52
    assert events.headers["content-type"].startswith("text/event-stream")
    names, data = events_of(events.text)
    assert names == EVENTS
    assert data[-1]["status"] == "COMPLETED"
    assert status.json()["status"] == "COMPLETED"
    assert status.json()["jobs"] == {"COMPLETED": 2}


@pytest.mark.anyio
async def test_a_run_that_fails_over_http(app: Starlette) -> None:
    async with client_of(app) as client:
        url = await start(client, -1)
        result = await client.get(f"{url}/result")

    assert result.status_code == 500
    assert result.json()["status"] == "FAILED"
    assert result.json()["errors"] == [
        {"task": "add", "reason": "ValueError: -2 is negative"}
    ]


@pytest.mark.anyio
async def test_a_cancel_over_http(app: Starlette) -> None:
    async with client_of(app) as client:
        url = await start(client, 21)  # its workers take longer to start than this
        canceled = await client.delete(url)
        result = await client.get(f"{url}/result")

    assert canceled.json()["status"] == "CANCELED"
    assert result.status_code == 409
    assert result.json()["reason"] == "cancelled over HTTP"


@pytest.mark.anyio
async def test_a_wrong_id_over_http(app: Starlette) -> None:
    async with client_of(app) as client:
        for method, path in ("GET", ""), ("GET", "/result"), ("DELETE", ""):
            response = await client.request(method, f"/runs/nope{path}")
            assert response.status_code == 404
            assert "'nope'" in response.text


@pytest.mark.parametrize("name", APPS)
def test_events_come_live_from_a_server(name: str, tmp_path: Path) -> None:
    where = f"--app-dir={programs.EXAMPLES}"

    with (
        programs.server(where, f"{name}:app", folder=tmp_path) as server,
        httpx.Client(base_url=server.url, timeout=programs.LIMIT) as client,
    ):
        url = f"/runs/{client.post('/runs', json={'number': 21}).json()['id']}"

        with client.stream("GET", f"{url}/events") as response:
            text = "".join(response.iter_text())

        assert events_of(text)[0] == EVENTS
        assert client.get(f"{url}/result").json()["result"] == 52

    assert server.printed == ["adding"]


def test_apps_with_pages_try_themselves(tmp_path: Path) -> None:
    lines = run(DASHBOARD, tmp_path).splitlines()
    assert lines[:2] == ["nobody: 403", "grace may look, not start: 403"]
    assert lines[-1] == "ada's run: COMPLETED by ada"
    lines = run("dashboard_starlette", tmp_path).splitlines()
    assert [lines[0], lines[-1]] == [
        "without the token: 401",
        "with it: COMPLETED [[42]]",
    ]


def test_pages_beside_a_script_cancel_its_run(tmp_path: Path) -> None:
    assert run("pages_beside", tmp_path).splitlines() == [
        "the pages see: RUNNING",
        "the script sees: CANCELED cancelled by web: seen enough",
    ]


def test_the_dashboard_is_behind_the_login_of_its_app(tmp_path: Path) -> None:
    arguments = ("--app-dir", str(programs.EXAMPLES))

    with programs.server(f"{DASHBOARD}:app", *arguments, folder=tmp_path) as server:
        pages = f"{server.url}/flows/"

        with httpx.Client(follow_redirects=True, timeout=30) as browser:
            assert browser.get(pages).status_code == 403
            assert (
                "<h1>Runs"
                in browser.get(
                    f"{server.url}/login?user=bob", headers={"accept": "text/html"}
                ).text
            )
            (scenario,) = browser.get(f"{pages}api/scenarios").json()
            submit = f"{pages}api/scenarios/{scenario['id']}/submit"
            body = {"inputs": {"number": 2}}
            assert browser.post(submit, json=body).status_code == 403

            browser.get(f"{server.url}/login?user=ada")
            run = browser.post(submit, json=body, params={"wait": 20}).json()
            assert run["status"] == "COMPLETED"
