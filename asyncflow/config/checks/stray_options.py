"""Properties that have the name of an option which something else takes.

Unlike what `typos` finds, they may well be meant as properties: so each is told of, and
kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from asyncflow.config.checks.typos import WHERE, options_of, spelled_like
from asyncflow.config.section import Section
from asyncflow.config.sections import DataNodeConfig

OF_DRIVERS: Mapping[str, str] = {
    "storage_options": "json, csv, parquet and excel",
    "encoding": "json and csv",
    "encoder": "json",
    "decoder": "json",
    "exposed_type": "csv, parquet, excel, sql and sql_table",
    "read_options": "csv, parquet and excel",
    "write_options": "csv, parquet and excel",
    "has_header": "csv and excel",
    "engine": "parquet",
    "compression": "parquet",
    "sheet_name": "excel",
    "url": "sql and sql_table",
    "db_name": "sql, sql_table and mongo_collection",
    "db_engine": "sql and sql_table",
    "db_username": "sql, sql_table and mongo_collection",
    "db_password": "sql, sql_table and mongo_collection",
    "db_host": "sql, sql_table and mongo_collection",
    "db_port": "sql, sql_table and mongo_collection",
    "db_driver": "sql, sql_table and mongo_collection",
    "db_extra_args": "sql, sql_table and mongo_collection",
    "sqlite_folder_path": "sql and sql_table",
    "sqlite_file_extension": "sql and sql_table",
    "exactly_once": "sql and sql_table",
    "fingerprint": "sql, sql_table, mongo_collection and generic",
    "table_name": "sql_table",
    "read_query": "sql",
    "write_query_builder": "sql",
    "append_query_builder": "sql",
    "collection_name": "mongo_collection",
    "custom_document": "mongo_collection",
    "aws_access_key": "s3_object",
    "aws_secret_access_key": "s3_object",
    "aws_s3_bucket_name": "s3_object",
    "aws_s3_object_key": "s3_object",
    "aws_region": "s3_object",
    "aws_s3_endpoint_url": "s3_object",
    "aws_s3_client_parameters": "s3_object",
    "aws_s3_get_object_parameters": "s3_object",
    "aws_s3_put_object_parameters": "s3_object",
    "read_fct": "generic",
    "write_fct": "generic",
    "read_fct_args": "generic",
    "write_fct_args": "generic",
    "append_fct": "generic",
}
"""The options of storage types, and which of these have each. Held here, so that nothing
need be loaded to know them."""

_CALLED: Mapping[str, str] = {
    "header": "has_header",
    "sep": "read_options",
    "separator": "read_options",
    "delimiter": "read_options",
    "delim": "read_options",
    "sheet": "sheet_name",
    "table": "table_name",
    "query": "read_query",
    "bucket": "aws_s3_bucket_name",
}
"""What such options, or what they hold, are called elsewhere."""

COMMON = frozenset(
    {
        *("mode", "echo", "resources", "needs", "validator", "executor", "function"),
        *("url", "engine", "fingerprint", "encoding", "table", "query", "bucket"),
        *("sheet", "input", "output", "compression"),
    }
)
"""Words that say something of a task or a scenario of the user's, too."""

_COMMON_OF_NODES = frozenset({"mode", "echo", "resources", "needs", "function"})

SHORT = 5
"""Shorter names than that are taken as they are written."""


def notes(sections: Iterable[Section]) -> Iterator[str]:
    """Yield a line for each property that is called as an option of something else."""
    for section in sections:
        for name in section.properties:
            if problem := _told(section, name):
                yield problem


def _told(section: Section, name: str) -> str:
    is_node = isinstance(section, DataNodeConfig)
    common = _COMMON_OF_NODES if is_node else COMMON
    places = _places(section.kind)

    if name in common or not isinstance(name, str):
        return ""

    meant = name

    if name.lower() not in places and len(name) >= SHORT:
        meant = (
            spelled_like(name, [place for place in places if place not in common]) or ""
        )

    place = places.get(meant.lower())

    if place is None or (name.startswith(meant) and len(name) > len(meant) + 1):
        return ""  # a longer name is another one

    like = "" if meant.lower() == name.lower() else f"it looks like {meant!r}, and "
    return (
        f"{section.label}: {name!r} is kept as a property and does nothing else; "
        f"{like}{place}"
    )


def _places(kind: str) -> dict[str, str]:
    """Return what takes each option that is none of a kind of sections."""
    places = {
        option: f"{option} is an option of {where}()"
        for other, where in WHERE.items()
        if other != kind
        for option in options_of(other)
    }

    for option, types in OF_DRIVERS.items():
        places.setdefault(option, f"{option} is an option of {types} data nodes")

    for name, option in _CALLED.items():
        places.setdefault(name, f"{OF_DRIVERS[option]} data nodes have {option} for it")

    return places
