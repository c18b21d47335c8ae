"""The program of `test_publishing`: its orchestrator is killed while a job's outputs are
made visible, by their drivers; started again, it goes on and tells what there is.

``python -m tests.programs.publishing_program KINDS MOMENT EXECUTOR``
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, ClassVar

import anyio

from asyncflow import Configuration, Orchestrator
from asyncflow.abc import Driver, StoredValue
from asyncflow.alternatives import DRIVERS
from asyncflow.config.sections import DataNodeConfig
from asyncflow.drivers._partitioned import PartitionedDriver
from asyncflow.drivers.generic import GenericDriver
from asyncflow.drivers.json import JSONDriver
from asyncflow.drivers.mongo_collection import MongoDriver
from asyncflow.drivers.pickle import PickleDriver
from asyncflow.drivers.s3_object import S3Driver
from asyncflow.drivers.sql import SqlQueryDriver
from asyncflow.drivers.sql_table import SqlTableDriver

MOMENT = "MOMENT"
"""When it dies, and by which driver: ``written``, ``before`` or ``published``."""


def die(moment: str, storage_type: str) -> None:
    if os.environ.get(MOMENT) == f"{moment} {storage_type}":
        os.kill(int(os.environ["PROGRAM"]), signal.SIGKILL)

        while True:  # a worker is ended with it
            signal.pause()


class Dying(Driver):
    """Has the program killed around what a driver does."""

    def write(self, value: object, path: str, name: str) -> StoredValue:
        kept = super().write(value, path, name)
        die("written", self.storage_type)
        return kept

    def publish(self, kept: StoredValue, path: str) -> StoredValue:
        die("before", self.storage_type)
        made = super().publish(kept, path)
        die("published", self.storage_type)
        return made


class Pickle(Dying, PickleDriver):
    storage_type: ClassVar[str] = "dying_pickle"


class JSON(Dying, JSONDriver):
    storage_type: ClassVar[str] = "dying_json"


class Parts(Dying, PartitionedDriver):
    storage_type: ClassVar[str] = "dying_parts"

    @classmethod
    def at(cls, path: str | None, options: Any) -> Driver:
        return cls(path, options)


class Table(Dying, SqlTableDriver):
    storage_type: ClassVar[str] = "dying_table"


class Query(Dying, SqlQueryDriver):
    storage_type: ClassVar[str] = "dying_query"


class S3(Dying, S3Driver):
    storage_type: ClassVar[str] = "dying_s3"


class Generic(Dying, GenericDriver):
    storage_type: ClassVar[str] = "dying_generic"


class Mongo(Dying, MongoDriver):
    """Keeps what its server has in a file, from one client to the next."""

    storage_type: ClassVar[str] = "dying_mongo"

    def client(self, patience: int = 0) -> Any:
        from tests.programs.publishing_collections import Client  # it loads much

        return Client()


def inserted(rows: list[dict[str, int]]) -> tuple[str, list[dict[str, int]]]:
    return "INSERT INTO added (n) VALUES (:n)", rows


def append_line(rows: list[dict[str, int]]) -> None:
    with open("generic", "a", encoding="utf-8") as file:
        file.write(f"{json.dumps(rows)}\n")


def read_lines() -> list[str]:
    return Path("generic").read_text(encoding="utf-8").splitlines()


def declare(config: Configuration, kind: str) -> DataNodeConfig:
    name, _, further = kind.partition("+")
    database = {"db_engine": "sqlite", "db_name": "shop"}
    rows = {**database, "exposed_type": "list[dict]"}
    known: dict[str, dict[str, Any]] = {
        "pickle": {"default_path": "own.p"},
        "json": {"default_path": "own.json"},
        "kept": {},
        "parts": {
            "default_path": "parts",
            "exposed_type": "list[dict]",
            "write_options": {"partition_cols": ["n"]},
        },
        "table": {**rows, "table_name": "others"},
        "query": {
            **rows,
            "read_query": "SELECT n FROM added",
            "write_query_builder": inserted,
        },
        "mongo": {"db_name": "d", "collection_name": "items"},
        "s3": {
            "aws_s3_bucket_name": "shop",
            "aws_s3_object_key": "a",
            "aws_s3_endpoint_url": "ENV[S3]",
            "aws_access_key": "a",
            "aws_secret_access_key": "b",
            "aws_region": "us-east-1",
        },
        "generic": {"read_fct": read_lines, "write_fct": append_line},
    }
    options = known[name]

    if further == "template":
        options["default_path"] = f"made/{{scenario_id}}/{options['default_path']}"
    elif further:
        options[further] = True

    storage_type = "pickle" if name == "kept" else f"dying_{name}"
    return config.configure_data_node(name, storage_type, **options)


def make(names: list[str]) -> Any:
    with open("calls", "a", encoding="utf-8") as file:
        file.write("call\n")

    while not os.path.exists("accepted"):  # else there was no run
        pass

    known: dict[str, Any] = {"s3": b"content", "parts": [{"a": "b", "n": 1}]}
    values = [known.get(name, [{"n": 1}]) for name in names]
    return values[0] if len(values) == 1 else values


async def main(*arguments: str) -> None:
    kinds, moment, executor = arguments

    for driver in (Pickle, JSON, Parts, Table, Query, Mongo, S3, Generic):
        DRIVERS.register(driver.storage_type, driver)

    os.environ["PROGRAM"] = str(os.getpid())
    config = Configuration()
    config.configure_job_executions("standalone", 1)
    outputs = [declare(config, kind) for kind in kinds.split(",")]
    names = [one.id for one in outputs]
    given = config.configure_data_node("given", default_data=names)
    task = config.configure_task("make", make, given, outputs, executor=executor)
    config.configure_scenario("day", task)

    if moment != "-":
        os.environ[MOMENT] = f"{moment} dying_{names[-1]}"

    async with Orchestrator(config, "runs.db") as orchestrator:
        if moment != "-":
            scenario = await orchestrator.create_scenario("day")
            submission: Any = await scenario.submit().accepted()
            await anyio.Path("accepted").touch()
            await submission
            raise AssertionError("it lives")

        (record,) = await orchestrator.submissions()
        submission = await orchestrator.get(record.id)
        await submission.wait()
        (job,) = submission.jobs
        read = {name: await submission.read(name) for name in names}

        if "mongo" in read:
            read["mongo"] = [{"n": one["n"]} for one in read["mongo"]]

        if "s3" in read:
            read["s3"] = read["s3"].decode()

        edits = [len(await node.edits()) for node in job.task.output.values()]
        print(json.dumps([str(job.status), job.reason, read, edits]))


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
