"""Names that look like an option and are none.

Whatever is given beside the options is kept as a property of the user's. So a misspelt
option would be kept too, and do nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

import attrs

from asyncflow.config.checks.taipy_keys import KEYS
from asyncflow.config.checks.values import most_like
from asyncflow.config.section import names_of
from asyncflow.config.sections import (
    CoreConfig,
    DataNodeConfig,
    JobConfig,
    ScenarioConfig,
    TaskConfig,
)
from asyncflow.errors import Problem

LIKENESS = 0.82
"""From which likeness on a name is taken for a misspelt option, as `difflib` has it."""

_LIKENESS_ALONE = 0.7
"""The same for sections of which there is one, which have hardly any properties."""

_ALONE = frozenset({"JOB", "CORE"})

_SHORT = 4
"""How many letters a data node's name has from which on likeness tells a slip."""

OTHER_NAMES: Mapping[str, Mapping[str, str]] = {
    "DATA_NODE": {
        "default": "default_data",
        "default_val": "default_data",
        "default_value": "default_data",
        "expires_after": "validity_period",
        "file": "default_path",
        "filename": "default_path",
        "max_versions": "keep_versions",
        "n_versions": "keep_versions",
        "num_versions": "keep_versions",
        "path": "default_path",
        "persist": "storage_type",
        "storage": "storage_type",
        "ttl": "validity_period",
        "type": "storage_type",
        "validity": "validity_period",
        "versions": "keep_versions",
    },
    "TASK": {
        "attempts": "retry",
        "cache": "skippable",
        "cacheable": "skippable",
        "cached": "skippable",
        "cpus": "needs",
        "func": "function",
        "gpus": "needs",
        "max_memory": "memory_limit",
        "max_retries": "retry",
        "mem_limit": "memory_limit",
        "memoize": "skippable",
        "memory": "memory_limit",
        "n_retries": "retry",
        "resources": "needs",
        "retries": "retry",
        "retry_attempts": "retry",
        "skip": "skippable",
        "time_limit": "run_timeout",
        "timeout": "run_timeout",
    },
    "SCENARIO": {
        "cycle": "frequency",
        "freq": "frequency",
        "period": "frequency",
        "task": "task_configs",
        "task_config": "task_configs",
        "data_nodes": "additional_data_node_configs",
    },
    "JOB": {
        "backend": "mode",
        "concurrency": "max_nb_of_workers",
        "drain_timeout": "shutdown_grace",
        "grace": "shutdown_grace",
        "kill_timeout": "kill_grace",
        "log_size": "max_log_size",
        "max_parallel": "max_nb_of_workers",
        "max_tasks_per_child": "max_jobs_per_worker",
        "max_tasks_per_worker": "max_jobs_per_worker",
        "max_workers": "max_nb_of_workers",
        "n_jobs": "max_nb_of_workers",
        "n_processes": "max_nb_of_workers",
        "n_workers": "max_nb_of_workers",
        "nb_of_workers": "max_nb_of_workers",
        "nb_workers": "max_nb_of_workers",
        "num_processes": "max_nb_of_workers",
        "num_workers": "max_nb_of_workers",
        "parallelism": "max_nb_of_workers",
        "parallelized": "mode",
        "print_output": "echo",
        "processes": "max_nb_of_workers",
        "shutdown_timeout": "shutdown_grace",
        "stop_timeout": "shutdown_grace",
        "threads": "max_nb_of_workers",
        "verbose": "echo",
        "workers": "max_nb_of_workers",
    },
    "CORE": {
        "keep_logs": "keep_log_days",
        "max_age": "keep_days",
        "max_submissions": "keep_submissions",
        "retention": "keep_days",
        "retention_days": "keep_days",
    },
    "create_scenario": {
        "created": "creation_date",
        "creation": "creation_date",
        "date": "creation_date",
        "display_name": "name",
        "get_or_create": "exist_ok",
        "if_exists": "exist_ok",
        "scenario_name": "name",
    },
    "submit": {
        "callback": "callbacks",
        "ignore_cache": "force",
        "key": "idempotency_key",
        "max_time": "run_timeout",
        "max_wait": "timeout",
        "no_cache": "force",
        "prio": "priority",
        "request_id": "idempotency_key",
        "rerun": "force",
        "time_limit": "run_timeout",
        "unique_key": "idempotency_key",
        "wait_timeout": "timeout",
    },
}
"""What options are called elsewhere, or were called once, by what takes them."""

SEPARATORS = (
    *("sep", "separator", "delimiter"),
    *("delimeter", "delimter", "seperator", "delim"),
)
"""What is between the cells of a CSV file, as libraries and users call it."""

OF_STORAGE: Mapping[str, str] = {
    "bucket": "aws_s3_bucket_name",
    "header": "has_header",
    "query": "read_query",
    "sheet": "sheet_name",
    "table": "table_name",
    **dict.fromkeys(
        ("dtype", "dtypes", "usecols", "skiprows", "nrows", "parse_dates", "index_col"),
        "read_options",
    ),
    **dict.fromkeys(SEPARATORS, "read_options"),
}
"""What options are called elsewhere that some storage types have."""

WHERE: Mapping[str, str] = {
    "DATA_NODE": "configure_data_node",
    "TASK": "configure_task",
    "SCENARIO": "configure_scenario",
    "JOB": "configure_job_executions",
    "CORE": "configure_core",
}
"""What takes the options of a section."""

_OPTIONS: Mapping[str, type[attrs.AttrsInstance]] = {
    "DATA_NODE": DataNodeConfig,
    "TASK": TaskConfig,
    "SCENARIO": ScenarioConfig,
    "JOB": JobConfig,
    "CORE": CoreConfig,
}


def problems(
    label: str,
    kind: str,
    properties: Mapping[str, object],
    further: tuple[str, ...] = (),
) -> Iterator[Problem]:
    """Yield a problem for each property of a section that looks like an option.

    :param kind: ``DATA_NODE``, ``TASK``, ``SCENARIO``, ``JOB`` or ``CORE``
    :param further: options that not all sections of this kind have
    """
    taken = KEYS.get(kind, {})

    for name in properties:
        if name in taken:
            continue

        if where := place_of(name, kind):
            yield Problem(
                section=label,
                field=name,
                message=f"this is an option of {where}(), and here it would do nothing",
                remedy="give it there, or call a property of your own otherwise",
            )
        elif kind == "DATA_NODE" and name in options_of(kind):
            yield Problem(
                section=label,
                field=name,
                message=f"data nodes of this storage type have no {name}",
                remedy="leave it out, or choose another storage type",
            )
        elif option := option_like(name, kind, (*options_of(kind), *taken, *further)):
            if option == "read_options" and name.lower() in OF_STORAGE:
                yield _of_library(label, name, properties[name])
                continue

            yield Problem(
                section=label,
                field=name,
                message="this is no option, and as a property it would do nothing",
                remedy=f"did you mean {option!r}? A property of your own needs a name "
                "that is less like an option's",
            )
        elif where := _place_like(name, kind):
            yield Problem(
                section=label,
                field=name,
                message=f"this looks like an option of {where}(), and would do nothing",
                remedy="give it there, or call a property of your own otherwise",
            )
        elif family := family_of(name, further):
            yield Problem(
                section=label,
                field=name,
                message="this is no option, and as a property it would do nothing",
                remedy=f"options that begin so are {', '.join(family)}; begin the name "
                "of a property of your own otherwise",
            )


def _of_library(label: str, name: str, value: object) -> Problem:
    """Say how an option of the library that reads files is given."""
    if name.lower() in SEPARATORS:
        given = f"{{'sep': {value!r:.20}}}"
        remedy = (
            f"give read_options={given} and write_options={given}: pandas calls it "
            "'sep', polars 'separator', and Python's own rows have a 'delimiter'"
        )
    else:
        remedy = f"give read_options={{{name!r}: ...}}"

    return Problem(
        section=label,
        field=name,
        message="this is an option of the library that reads the file",
        remedy=remedy,
    )


@lru_cache(1024)
def option_like(name: object, kind: str, options: tuple[str, ...]) -> str | None:
    """Return the option that was meant by a name; None where it looks like none.

    :param kind: a key of `OTHER_NAMES`
    :param options: the names of the options that there are
    """
    if not isinstance(name, str):
        return None

    if other := _other_names(kind).get(name.lower().replace("_", "")):
        return other

    if (other := OF_STORAGE.get(name.lower(), "")) in options:
        return other

    if kind not in _ALONE:
        swapped = (
            known for known in OTHER_NAMES[kind] if _is_swapped(name.lower(), known)
        )
        return spelled_like(name, options) or OTHER_NAMES[kind].get(next(swapped, ""))

    others = OTHER_NAMES[kind]
    like = spelled_like(name, (*options, *others), _LIKENESS_ALONE)
    return like if like is None else others.get(like, like)


@lru_cache(1024)
def family_of(name: str, options: tuple[str, ...]) -> tuple[str, ...]:
    """Return the options that begin as a name does, as in ``db_``; none for less than two.

    :param options: those that not all sections have
    """
    begin, found, _ = name.partition("_")
    family = tuple(
        option for option in options if found and option.startswith(f"{begin}_")
    )
    return family if len(family) > 1 else ()


@lru_cache(1024)
def place_of(name: object, kind: str) -> str | None:
    """Return what takes an option that is none here; None where it may be a property.

    Common words, such as ``mode`` and ``scope``, may be.
    """
    if not isinstance(name, str) or name in (
        options_of(kind) if kind in _OPTIONS else ()
    ):
        return None

    if kind == "create_scenario" and name in ("freq", "frequency"):
        return "configure_scenario"

    if kind in _ALONE and name in _OF_ORCHESTRATOR:
        return "Orchestrator"

    if "_" not in name and name not in _UNMISTAKABLE:
        return None

    if name in _OF_SUBMIT and kind != "submit":
        return "submit" if "_" in name or kind == "TASK" else None

    found = (
        WHERE[other]
        for other in _OPTIONS
        if other != kind and (name in options_of(other) or name in OTHER_NAMES[other])
    )
    return next(found, None)


@lru_cache(1024)
def _place_like(name: str, kind: str) -> str | None:
    """Return what takes an option like a name, where that says something of all runs."""
    for other in sorted(_ALONE - {kind}) if kind in _ALONE else ():
        if spelled_like(name, (*options_of(other), *OTHER_NAMES[other], *KEYS[other])):
            return WHERE[other]

    return None


_UNMISTAKABLE = frozenset(
    {"skippable", "retry", "prewarm", "retries", "cacheable", "priority"}
)
_OF_ORCHESTRATOR = frozenset(
    {
        "store",
        "adopt",
        "folder",
        "store_path",
        "store_url",
        "database",
        "database_url",
        "db_path",
    }
    | {"db_url", "dsn"}
)
_OF_SUBMIT = frozenset({"priority", "on_failure", "idempotency_key"})


@lru_cache(8)
def _other_names(kind: str) -> Mapping[str, str]:
    return {name.replace("_", ""): option for name, option in OTHER_NAMES[kind].items()}


def node_like(name: str, nodes: Iterable[str]) -> str | None:
    """Return the data node that was meant by a name; None where it looks like none.

    A name that is only longer or shorter, such as a plural, is another one.
    """
    nodes = tuple(nodes)
    like = spelled_like(name, nodes) or _short_like(name, nodes)

    if like is None or name.lower().strip("_") == like.lower() or len(like) < _SHORT:
        return like

    return None if name.startswith(like) or like.startswith(name) else like


def _short_like(name: str, nodes: Iterable[str]) -> str | None:
    """Return the data node of two or three letters that a slip has made a name of: a
    letter too many, one too few, another one after the first, or two in each other's
    place. A plural and a number are another name.
    """
    plain = name.lower().strip("_")
    return next((node for node in nodes if _is_slip(plain, node.lower())), None)


def _is_slip(name: str, node: str) -> bool:
    if name == node:
        return True

    if not 1 < len(node) < _SHORT or not (name + node).isalpha() or len(name) < 2:
        return False

    if len(name) == len(node):
        differ = sum(letter != other for letter, other in zip(name, node, strict=True))
        return (name[0] == node[0] and differ == 1) or name == node[::-1]

    longer, shorter = sorted((name, node), key=len, reverse=True)
    return longer != f"{shorter}s" and any(
        longer[:at] + longer[at + 1 :] == shorter for at in range(len(longer))
    )


def spelled_like(
    name: str, known: Iterable[str], likeness: float = LIKENESS
) -> str | None:
    """Return the known name that is written as another one, but for a slip."""
    known = tuple(known)
    lower = name.lower()
    exact = (
        name for name in known if name.lower() == lower or _is_swapped(lower, name)
    )
    return next(exact, None) or most_like(lower, known, likeness)


def _is_swapped(name: str, other: str) -> bool:
    """Tell whether two neighbouring letters of a name have changed places."""
    differ = [
        at for at, pair in enumerate(zip(name, other, strict=False)) if len({*pair}) > 1
    ]
    return (
        len(name) == len(other) > 2
        and len(differ) == 2
        and differ[1] == differ[0] + 1
        and name[differ[0]] == other[differ[1]]
        and name[differ[1]] == other[differ[0]]
    )


@lru_cache(8)
def options_of(kind: str) -> tuple[str, ...]:
    """Return the options that all sections of a kind have."""
    return names_of(_OPTIONS[kind])
