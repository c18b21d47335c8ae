"""A program whose nth system call fails; and the one that looks at what it has left.

``python -m tests.programs.system_calls_program FOLDER ERRORS STEP KINDS``, with the library
of `failing_calls` preloaded: for each error (they are joined by commas) and every n (or for
one of STEP) it forks, once to run with the failure and once to look. It prints a line for
each n that was wrong, and for each error how many there were.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio

from asyncflow import Configuration, Orchestrator, ScenarioConfig
from asyncflow.errors import AsyncflowError
from tests.support import failing_calls

LARGE = 80_000
"""How many characters a value has that gets a file of its own."""

MOST = 600
"""After how many calls it is given up."""


ROWS = 300
"""How many rows a table has."""


def plain(text: str) -> tuple[str, list[dict[str, str]], dict[str, str]]:
    return text * LARGE, [{"text": text}], {"text": text}


def rows(text: str) -> list[dict[str, object]]:
    return [{"text": text, "number": number} for number in range(ROWS)]


def tables(text: str) -> tuple[Any, ...]:
    return text * LARGE, rows(text), rows(text), rows(text)


def database(text: str) -> tuple[Any, ...]:
    return text * LARGE, rows(text)


KINDS: dict[str, Callable[[str], object]] = {
    "plain": plain,
    "tables": tables,
    "database": database,
}
"""The functions of the jobs, by what they make."""


def declare(folder: Path, kinds: str) -> tuple[Configuration, ScenarioConfig]:
    config = Configuration()
    config.configure_job_executions("development", echo=False)
    node = config.configure_data_node
    source = node("source", default_data="a")
    nodes = [node("large")]

    if kinds == "plain":
        nodes += [
            node("table", "pickle", default_path=str(folder / "table.pickle")),
            node("plain", "json", default_path=str(folder / "plain.json")),
        ]
    elif kinds == "tables":
        nodes += [
            node("sheet", "csv", default_path=str(folder / "sheet.csv")),
            node("frame", "parquet", default_path=str(folder / "frame.parquet")),
            node("book", "excel", default_path=str(folder / "book.xlsx")),
        ]
    else:
        url = f"sqlite:///{folder}/rows.db"
        nodes += [node("rows", "sql_table", url=url, table_name="rows")]

    task = config.configure_task("make", KINDS[kinds], source, nodes)
    return config, config.configure_scenario("flow", task)


async def run(folder: Path, kinds: str) -> None:
    """Make values twice: the second time others are there."""
    config, scenario_cfg = declare(folder, kinds)

    async with Orchestrator(config, folder / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(scenario_cfg)
        await scenario.submit()
        await scenario.source.write("b")
        await scenario.submit()


def text_of(value: Any) -> str:
    """Return which text a value was made of; "torn" where it is of several, or not whole."""
    if isinstance(value, str):
        return value[0] if value == value[0] * LARGE else "torn"

    if isinstance(value, dict):  # by sheets, or plain
        value = next(iter(value.values()))
        return value if isinstance(value, str) else text_of(value)

    if isinstance(value, list):
        return str(value[0]["text"])

    texts = {*value["text"]}
    return texts.pop() if len(value) == ROWS and len(texts) == 1 else "torn"


async def look(folder: Path, kinds: str) -> str:
    """Say what is wrong with what is left; "" for nothing."""
    if not (folder / "runs.db").exists():
        return ""

    config, scenario_cfg = declare(folder, kinds)

    async with Orchestrator(config, folder / "runs.db") as orchestrator:
        await orchestrator.drain()

        for scenario in await orchestrator.scenarios():
            found: Any = await orchestrator.get_scenario(scenario.id)

            for record in await orchestrator.submissions():
                if record.finished is None:
                    return f"{record.id} has not ended"

            jobs = await orchestrator.jobs()

            if any(job.status == "COMPLETED" for job in jobs):
                texts = {
                    node.id: text_of(await found[node.id].read())
                    for node in scenario_cfg.tasks[0].outputs
                }

                if not {*texts.values()} <= {"a", "b"}:
                    return f"values are torn: {texts}"

                # What a database has may be newer than a job that failed; see the docs.
                if kinds != "database" and len({*texts.values()}) > 1:
                    return f"values of two jobs: {texts}"

    with closing(sqlite3.connect(folder / "runs.db")) as database:
        (answer,) = database.execute("PRAGMA integrity_check").fetchone()

    return "" if answer == "ok" else str(answer)


SAID = ("disk is full", "disk i/o error", "no room", "see whether the disk is full")
"""What else says why, as SQLite tells no more of a file that it could not open."""


def clear(error: BaseException, number: int) -> bool:
    """Tell whether an error says what is wrong, and where."""
    if isinstance(error, BaseExceptionGroup):
        return all(clear(one, number) for one in error.exceptions)

    text = str(error)
    is_ours = isinstance(error, AsyncflowError | OSError)
    says_why = (
        number <= 0
        or os.strerror(number).lower() in text.lower()
        or any(why in text.lower() for why in SAID)
    )
    return is_ours and len(text) > 20 and (says_why or "store" in text)


def in_child(function: Callable[..., str], *args: object) -> str:
    """Call a function in a process of its own; return what it says."""
    reader, writer = os.pipe()
    pid = os.fork()

    if not pid:
        try:
            said = str(function(*args))
        except BaseException as error:
            said = f"! {error!r}"

        with os.fdopen(writer, "w") as file:
            file.write(said)

        os._exit(0)

    os.close(writer)

    with os.fdopen(reader) as file:
        said = file.read()

    os.waitpid(pid, 0)
    return said


def failing(folder: Path, kinds: str, nth: int, number: int) -> str:
    """Run with a failure; say what is wrong with how that ends, and count."""
    failing_calls.arm(nth, number, f"{folder}/")
    wrong = ""

    try:
        anyio.run(run, folder, kinds)
    except BaseException as error:
        if not clear(error, number):
            wrong = f"no clear error: {error!r}"

    count = failing_calls.seen()
    failing_calls.arm(0, 0, "")
    return json.dumps([count, wrong])


def loaded(root: Path, kinds: str) -> str:
    """Run without a failure; name the modules that are loaded then."""
    folder = made(root / "loaded", kinds)
    anyio.run(run, folder, kinds)
    anyio.run(look, folder, kinds)
    return json.dumps([*sys.modules])


def made(folder: Path, kinds: str) -> Path:
    """Make the folder of a run, with the database that its jobs write to."""
    folder.mkdir()

    if kinds == "database":
        with closing(sqlite3.connect(folder / "rows.db")) as database:
            database.execute("CREATE TABLE rows (text TEXT, number INTEGER)")

    return folder


def looked(folder: Path, kinds: str) -> str:
    failing_calls.arm(0, 0, "")
    return anyio.run(look, folder, kinds)


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    root, errors, step = Path(sys.argv[1]), sys.argv[2].split(","), int(sys.argv[3])
    kinds = sys.argv[4]

    for name in json.loads(
        in_child(loaded, root, kinds)
    ):  # once, and not in each child
        importlib.import_module(name)

    gc.freeze()

    for error in errors:
        (root / error).mkdir()
        calls, wrongs = tried(root / error, int(error), step, kinds)
        tell(f"{error}: {calls} calls, {wrongs} wrong")


def tried(root: Path, number: int, step: int, kinds: str) -> tuple[int, int]:
    """Fail one call after the other; return how many there were, and were wrong."""
    nth, wrongs = 1, 0

    while nth < MOST:
        folder = made(root / str(nth), kinds)
        said = in_child(failing, folder, kinds, nth, number)
        count, wrong = json.loads(said) if said.startswith("[") else (MOST, said)
        wrong = wrong or in_child(looked, folder, kinds)

        if wrong:
            wrongs += 1
            tell(f"{nth}: {wrong[:400]}")

        if count < nth:
            break

        nth += step

    return nth - 1, wrongs


if __name__ == "__main__":
    main()
