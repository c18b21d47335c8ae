"""What handles say of names that they do not have: how the thing is done that was meant.

It is loaded once somebody asks for such a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from asyncflow.config.checks.values import meant, one_of

_READ = "`await {it}.read()` reads its value"
_WRITE = "`await {it}.write(value)` gives it another value"
_UPDATE = "`await {it}.update({name}=...)` changes it"
_CHANGED: Mapping[str, tuple[str, ...]] = {
    "Scenario": ("name", "properties", "tags"),
    "DataNode": ("name", "path", "validity_period"),
    "Cycle": ("name", "properties"),
}
"""What a verb changes."""

_OF_SEQUENCES: Mapping[str, str] = {
    "name": "`await scenario.rename_sequence({old!r}, ...)` changes it",
    "tasks": "`await scenario.update_sequence({old!r}, [...])` changes them",
    "properties": "`await scenario.update_sequence({old!r}, properties=...)` sets some",
}
"""What verbs of scenarios change."""

_DECLARED: Mapping[str, tuple[str, str]] = {
    "DataNode": ("configure_data_node", "scope storage_type properties config"),
    "Task": ("configure_task", "function skippable scope properties config"),
}
"""What is said by the configs, and the method that declares them."""

_RUN = "`await {it}.submit()` runs it"
_OF_A_RUN = "that is of a run: `submission = {it}.submit()` starts one, and has it"
_ENDS = (
    "`{it}.subscriptions` are those of it alone, `{it}.unsubscribe(function)` ends one"
)
_END = (
    '`await {it}` waits for the end, and `await {it}.read("{output}")` reads what the '
    "run wrote"
)

_PARTS: Mapping[str, str] = {
    _RUN: "execute launch run start",
    _OF_A_RUN: "cancel error is_finished jobs outputs state status wait",
}
_REMEDIES: Mapping[str, Mapping[str, str]] = {
    "DataNode": {
        _READ: "content contents data fetch get load output result value values",
        _WRITE: "assign put save set store",
        "`await {it}.edits()` lists what was written": "history version versions",
        "that is its `config_id`": "label",
        "`last_edit_date` is None before the first write": (
            "exists has_value is_empty is_written"
        ),
    },
    "Scenario": {
        **_PARTS,
        "`await orchestrator.delete({it}.id)` deletes it": "delete remove",
        "`await {it}.<data node>.read()` reads a value": "get output result results",
        "`await {it}.<data node>.write(value)` writes a value": "set write",
        "`await orchestrator.submissions(scenario_id={it}.id)` lists its runs": (
            "history runs submissions"
        ),
        _ENDS: "subscribers",
    },
    "Sequence": {**_PARTS, _ENDS: "subscribers"},
    "Cycle": {
        "its scenarios have properties: `await orchestrator.scenarios(cycle={it})` lists "
        "them": "properties"
    },
    "Task": {**_PARTS, "that is its `config_id`": "label name"},
    "Submission": {
        _END: "get join output result results value values",
        "`await {it}.accepted()` waits until it is on disk": "ack saved",
        "`{it}.is_finished` tells that": "completed done finished is_done ready",
        "`{it}.status` tells that": "is_failed state succeeded",
        "`{it}.entity` is what was submitted": "config config_id scenario sequence",
        "`{it}.error()` gives the error": "exception exceptions failed failure",
        "`{it}.cancel()` ends it": "abort kill stop terminate",
        "`async for event in {it}` gives the events": "events stream subscribe",
        "`{it}.jobs` has one for each task": "job logs stderr stdout task tasks",
        "`{it}.retry_failed()` does that": "restart rerun resubmit retry",
        "`await orchestrator.delete({it}.id)` deletes it": "delete remove",
        "each job tells how far it is: `{it}.jobs[0].progress`": "progress",
    },
    "Job": {
        '`await {it}.submission.read("{output}")` reads what it wrote': (
            "get outputs result results value"
        ),
        "`await {it}.output()` gives what it printed": "log logs print stderr stdout",
        "`{it}.error()` gives the error": "exception failure",
        "`{it}.stacktrace` has it": "trace traceback",
        "`{it}.cancel()` ends it": "abort kill stop terminate",
        "`await {it}.submission.wait()` waits for the end of its run": "join wait",
        "`{it}.is_finished` tells that": "completed done finished is_done",
        "`{it}.status` tells that": "state",
        "the engine alone sets statuses: `{it}.status` tells it, and `{it}.cancel()` asks "
        "for the end": "abandoned blocked canceled failed pending running skipped",
        "`{it}.submission.retry_failed()` runs again what failed": "rerun retry",
    },
    "Output": {_READ: "content data get load value"},
    "Orchestrator": {
        "`async with` closes it, or `await {it}.close()`": "shutdown terminate exit",
        "`await {it}.drain()` waits for all runs": "join wait wait_all",
        "`await {it}.scenarios()` lists them": "find get_scenarios list_scenarios",
        "`await {it}.scenarios(is_primary=True)` lists them": "get_primary_scenarios",
        "`await {it}.submissions()` lists them": "get_submissions list_submissions runs",
        "`await {it}.jobs()` lists them": "get_jobs list_jobs",
        "`await {it}.jobs(newest_first=True, limit=1)` has it": "get_latest_job",
        "`await {it}.submissions(newest_first=True, limit=1)` has it": "get_latest_submission",
        "`await {it}.cycles()` lists them": "get_cycles list_cycles",
        "`await {it}.data_nodes()` lists them": "get_data_nodes list_data_nodes",
        "`scenario.tasks` has those of a scenario": "get_tasks tasks",
        "`scenario.sequences` has those of a scenario": "get_sequences sequences",
        "`await {it}.get(id)` finds anything by its id": (
            "get_data_node get_entities get_entity get_sequence get_task"
        ),
        "`{it}.cancel(job)` does it": "cancel_job",
        "`await {it}.compare(...)` does it": "compare_scenarios",
        "`await scenario.export(path)` does it": "export export_scenario",
        "`await scenario.add_tag(tag)` does it": "tag",
        "`await scenario.remove_tag(tag)` does it": "untag",
        "`await {it}.scenarios(cycle=...)` lists those of one": "get_cycles_scenarios",
        "`await {it}.scenarios(config_id=...)` lists them": "get_entities_by_config_id",
        "`await scenario.update(...)` keeps what is changed": "set",
        "`sequence.subscribe(function)` does it": "subscribe_sequence",
        "`sequence.unsubscribe(function)` does it": "unsubscribe_sequence",
        "`await {it}.create_scenario(...)` makes a scenario": "create new scenario",
    },
}


def unknown(
    handle: object, name: str, it: str, output: str = "output", *, meant_as: str = ""
) -> str:
    """Say that a handle has no attribute of a name, and what was meant.

    :param it: how a program calls the handle
    :param output: the name of what a run writes
    :param meant_as: the name under which a remedy is known; ``""`` for the same
    """
    what = f"{type(handle).__name__!r} object has no attribute {name!r}"
    asked = meant_as or name
    hint = _remedy(type(handle).__name__, asked, it, output) or meant(
        asked, _public(type(handle))
    )
    return f"{what}: {hint.strip()}" if hint else what


def read_only(handle: object, name: str, it: str) -> str:
    """Say that an attribute of a handle cannot be set, and what was meant.

    :param it: how a program calls the handle
    """
    kind = type(handle).__name__

    if kind == "DataNode" and name not in _public(type(handle)):
        return f"the value of a data node is not set: {_WRITE.format(it=it)}"

    if name in _CHANGED.get(kind, ()):
        return f"{name!r} of a {kind} cannot be set: {_UPDATE.format(it=it, name=name)}"

    if kind == "Sequence" and name in _OF_SEQUENCES:
        remedy = _OF_SEQUENCES[name].format(old=getattr(handle, "name", ""))
        return f"{name!r} of a {kind} cannot be set: {remedy}"

    method, declared = _DECLARED.get(kind, ("", ""))

    if name in declared.split():
        return (
            f"{name!r} of a {kind} cannot be set: `Config.{method}(...)` says it, for what "
            "is created from then on"
        )

    if name in _public(type(handle)):
        return f"{name!r} of a {kind} cannot be set"

    return unknown(handle, name, it)


def set_part(scenario: object, name: str, nodes: Iterable[str], it: str) -> str:
    """Say that a part of a scenario cannot be set, and what was meant.

    :param nodes: the names of its data nodes
    :param it: its id
    """
    if name in nodes:
        remedy = _WRITE.format(it=f"scenario.{name}")
        return f"{name!r} is a data node, which is not set: {remedy}"

    if name in _CHANGED["Scenario"]:
        remedy = _UPDATE.format(it="scenario", name=name)
        return f"{name!r} of {it} cannot be set: {remedy}"

    if name in _public(type(scenario)):
        return f"{name!r} of {it} cannot be set: it is what create_scenario() was given"

    hint = (
        meant(name, nodes)
        or f"create_scenario(..., {name}=...) keeps a property of yours"
    )
    return f"a scenario has no data node {name!r}: {hint.strip()}"


def blocking(text: str) -> str:
    """Turn what is said of an async handle into what holds for a blocking one."""
    end = "`await submission` waits for the end, and "
    return text.replace(end, "").replace("await ", "").replace("async for", "for")


def of_scenario(name: str, parts: Iterable[str], kind: type) -> str:
    """Return how the thing is done that is meant by a name; ``""`` if nobody knows.

    :param parts: the names of its sequences, tasks and data nodes
    :param kind: the class of scenarios
    """
    hint = meant(name, parts) or _remedy("Scenario", name, "scenario", "")
    return (hint or meant(name, _public(kind))).strip()


def no_part(name: object, known: Iterable[str]) -> str:
    """Say that there is no part of a name, and what was meant."""
    return f"there is no {name!r}: {one_of(name, [*known])}"


def of_orchestrator(name: str, names: Iterable[str]) -> str:
    """Say what was meant by a name that an orchestrator has not; ``""`` for nothing.

    :param names: those that it has
    """
    public = [name for name in names if not name.startswith("_")]
    hint = _remedy("Orchestrator", name, "orchestrator", "") or meant(name, public)
    return hint.strip()


def _remedy(kind: str, name: str, it: str, output: str) -> str:
    for remedy, names in _REMEDIES.get(kind, {}).items():
        if name in names.split():
            return remedy.format(it=it, output=output)

    return ""


def _public(kind: type) -> list[str]:
    return [name for name in dir(kind) if not name.startswith("_")]
