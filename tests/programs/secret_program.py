"""The program of `test_secrets`: jobs fail on every server, and all that can be seen of it
is printed.

``python -m tests.programs.secret_program FORM``, with the secret in ``$SECRET``.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import anyio
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from asyncflow import ConfigError, Configuration, Orchestrator
from asyncflow.otel import tracing
from tests.support.flows import identity

EXECUTORS = ("process", "thread")
AWAY = {"db_host": "127.0.0.1", "db_port": 1}
POSTGRES = {"db_engine": "postgresql", "db_name": "d", "db_username": "u", **AWAY}


def refuse(*arguments: object) -> Any:
    raise ConnectionError(f"login with {arguments[-1]} failed")


def added(rows: object) -> str:
    return f"INSERT INTO t VALUES ({rows})"


QUERIES = {"read_query": "SELECT 1", "write_query_builder": added}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "table": (
        "sql_table",
        {**POSTGRES, "db_password": "ENV[SECRET]", "table_name": "t"},
    ),
    "address": ("sql_table", {"url": "ENV[ADDRESS]", "table_name": "t"}),
    "query": ("sql", {**POSTGRES, **QUERIES, "db_password": "ENV[SECRET]"}),
    "extra": (
        "sql",
        {**POSTGRES, **QUERIES, "db_extra_args": {"sslpassword": "ENV[SECRET]"}},
    ),
    "file": (
        "sql_table",
        {"db_engine": "sqlite", "db_name": "ENV[SECRET]", "table_name": "t"},
    ),
    "mongo": (
        "mongo_collection",
        {
            "db_name": "d",
            "collection_name": "c",
            "db_username": "u",
            "db_password": "ENV[SECRET]",
            **AWAY,
            "db_extra_args": {"serverSelectionTimeoutMS": 100},
        },
    ),
    "s3": (
        "s3_object",
        {
            "aws_access_key": "ENV[SECRET]",
            "aws_secret_access_key": "ENV[SECRET]",
            "aws_s3_bucket_name": "b",
            "aws_s3_object_key": "k",
            "aws_region": "us-east-1",
            "aws_s3_endpoint_url": "http://127.0.0.1:1",
        },
    ),
    "objects": (
        "csv",
        {
            "default_path": "s3://b/k.csv",
            "storage_options": {
                "key": "ENV[SECRET]",
                "secret": "ENV[SECRET]",
                "client_kwargs": {
                    "endpoint_url": "http://127.0.0.1:1",
                    "region_name": "us-east-1",
                },
            },
        },
    ),
    "page": ("json", {"default_path": "ENV[PAGE]"}),
    "header": (
        "parquet",
        {
            "default_path": "http://127.0.0.1:1/a.parquet",
            "storage_options": {
                "client_kwargs": {"headers": {"Authorization": "ENV[SECRET]"}}
            },
        },
    ),
    "ftp": ("pickle", {"default_path": "ENV[FTP]"}),
    "generic": (
        "generic",
        {
            "read_fct": refuse,
            "write_fct": refuse,
            "read_fct_args": ["ENV[SECRET]"],
            "write_fct_args": ["ENV[SECRET]"],
        },
    ),
}

NO_SECRETS = frozenset({"file", "generic"})
"""Where a text that is not from the environment is no secret: nobody has said so."""
MARKER = b"hunter2"
"""How the secret begins."""
FORMS = ("environment", "literal")


def given_as(form: str, value: Any) -> Any:
    """Return options with their secrets by name, or as they are."""
    if isinstance(value, dict):
        return {key: given_as(form, one) for key, one in value.items()}

    if form == "environment" or not isinstance(value, str):
        return value

    return os.environ[value[4:-1]] if value.startswith("ENV[") else value


def kinds(form: str) -> list[str]:
    return [name for name in KINDS if form == "environment" or name not in NO_SECRETS]


def declare(form: str) -> Configuration:
    config = Configuration()
    config.configure_job_executions("standalone", 1)
    given = config.configure_data_node("given", default_data=[{"a": 1}])
    text = config.configure_data_node("text", default_data="a")

    for name in kinds(form):
        storage_type, options = KINDS[name]
        frames = storage_type.startswith(("sql", "csv", "parquet"))
        further: dict[str, Any] = {"exposed_type": "list[dict]"} if frames else {}
        node = config.configure_data_node(
            name, storage_type, **given_as(form, options), **further
        )
        source = text if name == "s3" else given

        for how in EXECUTORS:
            end = config.configure_data_node(f"{name}_{how}")
            tasks = [
                config.configure_task(
                    f"write_{end.id}", identity, source, node, executor=how
                ),
                config.configure_task(
                    f"read_{end.id}", identity, node, end, executor=how
                ),
            ]
            config.configure_scenario(f"run_{end.id}", tasks)

    return config


def told(error: BaseException) -> str:
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join([*shown.format(), repr(error)])


def leaks() -> list[str]:
    """Return the files that have the secret, while jobs run: those of workers, too."""
    folders = [Path.cwd(), *Path(gettempdir()).glob("asyncflow-*")]
    files = [one for folder in folders for one in folder.rglob("*")]
    found = []

    for file in files:
        with suppress(OSError):
            if file.is_file() and MARKER in file.read_bytes():
                found.append(str(file))

    return found


async def fail(orchestrator: Orchestrator, name: str, how: str) -> None:
    scenario = await orchestrator.create_scenario(f"run_{name}_{how}")
    node = getattr(scenario, name)
    print(scenario, node, node.describe())

    for task in scenario.tasks.values():
        submission = task.submit()
        print(*[repr(event) async for event in submission], sep="\n")
        assert not (found := await anyio.to_thread.run_sync(leaks)), found

        try:
            await submission
        except Exception as error:
            print(told(error))
        else:
            raise AssertionError(f"{task} did not fail")

        for job in submission.jobs:
            print(job, job.reason, job.stacktrace, job.attempts, await job.output())
            print(repr(job.error))

    for verb in (node.read(), node.write([{"a": 1}]), node.fingerprint()):
        try:
            print(await verb)
        except Exception as error:
            print(told(error))


async def main(form: str) -> None:
    logging.basicConfig(level=logging.INFO)
    logging.getLogger("asyncflow").setLevel(logging.DEBUG)
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    config = declare(form)

    async with (
        Orchestrator(config, "runs.db") as orchestrator,
        tracing(orchestrator, tracer_provider=provider),
    ):
        for name in kinds(form):
            for how in EXECUTORS:
                await fail(orchestrator, name, how)

            print("told of", name)

        for record in await orchestrator.jobs():
            print(record)

    print(*[span.to_json() for span in exporter.get_finished_spans()])
    print(config, config.data_nodes, *config.problems())

    try:
        config.export("exported.toml")
    except ConfigError as error:
        print(told(error))


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
