"""``asyncflow gc``."""

from __future__ import annotations

import time
from datetime import timedelta
from os.path import basename
from typing import Any

import click

from asyncflow.cli.filters import age
from asyncflow.cli.output import json_option, print_facts, print_json
from asyncflow.cli.records import reader, store_option
from asyncflow.cli.value_files import declared, files_of, orphans, values_options


@click.command(short_help="Remove old runs, what they printed, and lost files.")
@click.option(
    "--older",
    callback=age,
    metavar="AGE",
    help="Only runs that ended before: 90s, 15m, 2h, 7d, 4w, or a date.",
)
@click.option(
    "--keep",
    type=click.IntRange(0),
    metavar="N",
    help="How many of the last runs stay, whatever their age.",
)
@click.option("--logs", is_flag=True, help="Remove what jobs printed alone; runs stay.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@json_option
@values_options
@store_option
def command(older: float | None, keep: int | None, as_json: bool, **given: Any) -> None:
    """Remove old runs with their jobs, and files of values that nobody has any more.

    Runs go by age, by count, or by both; without --older and --keep none goes, and only
    files are removed that processes which were killed have left. Scenarios, the values
    of data nodes, and files of yours stay. Others may use the store meanwhile.

    \b
      asyncflow gc --older 30d --keep 100 --dry-run
      asyncflow gc --older 7d --logs
    """
    with reader(given["store"]) as store:
        files = files_of(store, given, is_own=True)
        lost = orphans(store, files)
        runs = (
            store.prunable(older, keep, given["logs"])
            if older is not None or keep is not None
            else []
        )
        gone = () if given["logs"] else runs
        jobs = sum(count for *_, count in store.facts("job_counts", gone))

    found: dict[str, Any] = {
        "dry_run": given["dry_run"],
        "submissions": len(gone),
        "jobs": jobs,
        "logs": len(runs) if given["logs"] else None,  # a look at each would take long
        "freed_bytes": 0,
    }

    if not given["dry_run"]:
        if runs:
            from asyncflow.cli.running import run

            found |= run(lambda: _pruned(older, keep, given))
        else:
            found["logs"] = 0

        if files and lost:
            files.remove(lost)
            left = {*files.sizes()}
            lost = {path: n for path, n in lost.items() if basename(path) not in left}

    found |= {"files": len(lost), "file_bytes": sum(lost.values())}

    if as_json:
        print_json(found)
        return

    word = "Would remove" if given["dry_run"] else "Removed"
    what = "logs of runs" if given["logs"] and given["dry_run"] else "logs"
    print_facts(
        {
            f"{word} runs": str(found["submissions"]),
            f"{word} jobs": str(found["jobs"]),
            f"{word} {what}": found["logs"],
            f"{word} lost files": f"{len(lost)} ({found['file_bytes'] / 2**20:.1f} MiB)",
        }
    )


async def _pruned(
    older: float | None, keep: int | None, given: dict[str, Any]
) -> dict[str, int]:
    from asyncflow.orchestrator import Orchestrator

    seconds = None if older is None else max(0.0, time.time() - older)
    older_than = None if seconds is None else timedelta(seconds=seconds)

    async with Orchestrator(
        declared(given["module"]), given["store"], adopt=False, values=given["values"]
    ) as orchestrator:
        gone = await orchestrator.prune(older_than, keep, logs_only=given["logs"])
        return gone._asdict()
