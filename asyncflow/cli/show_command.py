"""``asyncflow show``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

from asyncflow import ids
from asyncflow.cli.ids import completion, given, resolve
from asyncflow.cli.output import (
    facts_of,
    json_option,
    lasted,
    print_facts,
    print_json,
    print_table,
    shown_date,
    shown_duration,
)
from asyncflow.cli.owners import advice, driver_of
from asyncflow.cli.records import Reader, reader, store_option
from asyncflow.options import Page

KINDS = (ids.SUBMISSION, ids.JOB, ids.SCENARIO, ids.CYCLE, ids.DATA_NODE)


@click.command(short_help="Show all that is known of something.")
@click.argument("names", metavar="[ID]...", nargs=-1, shell_complete=completion(*KINDS))
@json_option
@store_option
def command(names: tuple[str, ...], as_json: bool, store: str | None) -> None:
    """Show a submission, a job, a scenario, a cycle or a data node.

    Give ids, beginnings of ids, `last` for the newest submission, or `-` to read ids from
    standard input. Without any it shows the newest submission.
    """
    with reader(store) as records:
        found = [resolve(records, text, KINDS) for text in given(names or ("last",))]

        if as_json:
            facts = [_facts(records, entity_id) for entity_id in found]
            print_json(facts if len(facts) > 1 else facts[0])
            return

        for place, entity_id in enumerate(found):
            if place:
                click.echo()

            _SHOWN[ids.kind_of(entity_id)](records, records.find(entity_id))


def _facts(store: Reader, entity_id: str) -> dict[str, Any]:
    record = store.find(entity_id)
    facts = facts_of(record)

    match ids.kind_of(entity_id):
        case ids.SUBMISSION:
            facts["tasks"] = [
                {"task": task, "reads": reads, "writes": writes}
                for task, reads, writes in json.loads(facts.pop("graph"))
            ]
            facts["jobs"] = [facts_of(job) for job in _jobs(store, entity_id)]
        case ids.JOB:
            log = store.log(entity_id)
            facts["task"] = ids.config_of(entity_id)
            facts["has_output"] = log is not None
        case ids.SCENARIO:
            facts["data_nodes"] = [node.id for node in store.data_nodes(entity_id)]
            facts["submissions"] = [run.id for run in _runs(store, entity_id)]
        case ids.DATA_NODE:
            facts["versions"] = [
                _version(version) for version in store.versions(entity_id)
            ]
        case _:
            facts["scenarios"] = [
                scenario.id for scenario in _scenarios(store, entity_id)
            ]

    return facts


def _show_submission(store: Reader, run: Any) -> None:
    scenario = store.find(run.scenario_id)
    jobs = {ids.config_of(job.id): job for job in _jobs(store, run.id)}
    tasks = [task for task, *_ in json.loads(run.graph)]
    print_facts(
        {
            "Submission": run.id,
            "Status": str(run.status),
            "Paused": "yes: asyncflow resume" if run.is_paused else "",
            "Reason": run.reason,
            "Of": run.entity_id,
            "Scenario": run.scenario_id if run.entity_id != run.scenario_id else "",
            "Config": scenario.config_id if scenario else "",
            "Name": (scenario.name if scenario else None) or "",
            "Submitted": shown_date(run.submitted),
            "Finished": shown_date(run.finished),
            "Took": shown_duration(lasted(run.submitted, run.finished)),
            "Run by": _driver(store, run) if run.finished is None else "",
            "Properties": _shown_properties(run),
        }
    )
    click.echo()
    rows = []

    for task in tasks:
        job = jobs.get(task)
        rows.append(
            _job_row(task, job) if job else (task, _waiting(run), "", "", "", "")
        )

    print_table(("TASK", "STATUS", "STARTED", "TOOK", "JOB", "REASON"), rows)
    failed = [job for job in jobs.values() if job.traceback]

    for job in failed:
        click.echo()
        click.echo(click.style(f"{job.id}:", bold=True))
        click.echo(job.traceback.rstrip())


def _show_job(store: Reader, job: Any) -> None:
    log = store.log(job.id)
    output = len(log.text.splitlines()) if log else 0
    print_facts(
        {
            "Job": job.id,
            "Status": str(job.status),
            "Reason": job.reason,
            "Task": ids.config_of(job.id),
            "Submission": job.submission_id,
            "Started": shown_date(job.started),
            "Finished": shown_date(job.finished),
            "Took": shown_duration(lasted(job.started, job.finished)),
            "Worker": job.worker or "",
            "CPU": shown_duration(job.cpu_seconds),
            "Memory": f"{job.peak_rss / 2**20:.1f} MiB" if job.peak_rss else "",
            "Output": f"{output} lines: asyncflow logs {job.id}" if output else "",
        }
    )

    for attempt in job.attempts:
        when = shown_date(attempt.ended)
        click.echo(f"\nAttempt {attempt.number} ended {when}: {attempt.reason}")

    if job.traceback:
        click.echo(f"\n{job.traceback.rstrip()}")


def _show_scenario(store: Reader, scenario: Any) -> None:
    print_facts(
        {
            "Scenario": scenario.id,
            "Config": scenario.config_id,
            "Name": scenario.name or "",
            "Tags": ", ".join(scenario.tags),
            "Cycle": scenario.cycle_id or "",
            "Created": shown_date(scenario.created),
            "Version": scenario.version or "",
            "Properties": _shown_properties(scenario),
        }
    )

    if nodes := store.data_nodes(scenario.id):
        click.echo()
        rows = [(node.id, *_last_edit(store, node.id)) for node in nodes]
        print_table(("DATA NODE", "LAST EDIT", "BY"), rows)

    if runs := _runs(store, scenario.id):
        click.echo()
        dated = [(run.id, str(run.status), shown_date(run.submitted)) for run in runs]
        print_table(("SUBMISSION", "STATUS", "SUBMITTED"), dated)


def _show_data_node(store: Reader, node: Any) -> None:
    print_facts(
        {
            "Data node": node.id,
            "Config": node.config_id,
            "Owner": node.owner_id or "all scenarios",
            "Locked by": node.editor_id or "",
        }
    )
    rows = [
        (
            str(version.number),
            shown_date(version.number / 1e9),
            _editor(version),
            "yes" if version.is_kept else "no",
        )
        for version in store.versions(node.id)
    ]

    if rows:
        click.echo()
        print_table(("VERSION", "WRITTEN", "BY", "KEPT"), rows)


def _show_cycle(store: Reader, cycle: Any) -> None:
    print_facts(
        {
            "Cycle": cycle.id,
            "Name": cycle.name,
            "Frequency": cycle.frequency,
            "From": shown_date(cycle.start),
            "To": shown_date(cycle.end),
            "Primary": cycle.primary_id or "",
            "Properties": _shown_properties(cycle),
        }
    )
    rows = [(each.id, each.name or "") for each in _scenarios(store, cycle.id)]

    if rows:
        click.echo()
        print_table(("SCENARIO", "NAME"), rows)


_SHOWN: dict[str, Callable[[Reader, Any], None]] = {
    ids.SUBMISSION: _show_submission,
    ids.JOB: _show_job,
    ids.SCENARIO: _show_scenario,
    ids.DATA_NODE: _show_data_node,
    ids.CYCLE: _show_cycle,
}


def _job_row(task: str, job: Any) -> tuple[str, ...]:
    took = shown_duration(lasted(job.started, job.finished))
    return (task, str(job.status), shown_date(job.started), took, job.id, job.reason)


def _driver(store: Reader, run: Any) -> str:
    owner = driver_of(store, run)

    if owner is None:
        left, taken = advice(run.id).split(", ")
        return f"nobody: its process has ended\n{left}\n{taken}"

    return f"process {owner.pid} of {owner.host} ({owner.id})"


def _waiting(submission: Any) -> str:
    """Say what is known of a job without a record: it has not run for a second."""
    return "waits" if submission.finished is None else "?"


def _jobs(store: Reader, submission_id: str) -> list[Any]:
    return store.listed("job", {"submission": submission_id}, "date", Page())


def _runs(store: Reader, scenario_id: str) -> list[Any]:
    return store.listed("submission", {"scenario": scenario_id}, "date", Page(True))


def _scenarios(store: Reader, cycle_id: str) -> list[Any]:
    return store.listed("scenario", {"cycle": cycle_id}, "date", Page())


def _last_edit(store: Reader, node_id: str) -> tuple[str, str]:
    versions = store.versions(node_id)

    if not versions:
        return "never", ""

    return shown_date(versions[-1].number / 1e9), _editor(versions[-1])


def _editor(version: Any) -> str:
    return version.job_id or version.editor_id or "hand"


def _version(version: Any) -> dict[str, Any]:
    facts: dict[str, Any] = version._asdict()
    del facts["kept"]  # a pickle
    return facts


def _shown_properties(record: Any) -> str:
    kept = record.properties

    if not isinstance(kept, dict):
        return "pickled: they are read where your code is"

    return "\n".join(f"{name}={value!r}" for name, value in kept.items())
