"""``asyncflow gc``."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

import click

from asyncflow.cli.filters import age
from asyncflow.cli.output import json_option, print_facts, print_json
from asyncflow.cli.records import reader, store_option
from asyncflow.cli.value_files import orphans


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
        lost = orphans(store)
        sizes = _sizes(lost)
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
        "files": len(lost),
        "file_bytes": sizes,
    }

    if not given["dry_run"]:
        if runs:
            from asyncflow.cli.running import run

            found |= run(lambda: _pruned(older, keep, given))
        else:
            found["logs"] = 0

        for path in lost:
            with suppress(FileNotFoundError):
                os.unlink(path)

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
            f"{word} lost files": f"{found['files']} ({sizes / 2**20:.1f} MiB)",
        }
    )


async def _pruned(
    older: float | None, keep: int | None, given: dict[str, Any]
) -> dict[str, int]:
    from asyncflow.orchestrator import Orchestrator

    seconds = None if older is None else max(0.0, time.time() - older)
    older_than = None if seconds is None else timedelta(seconds=seconds)

    async with Orchestrator(store=given["store"], adopt=False) as orchestrator:
        gone = await orchestrator.prune(older_than, keep, logs_only=given["logs"])
        return gone._asdict()


def _sizes(paths: list[str]) -> int:
    total = 0

    for path in paths:
        with suppress(OSError):
            total += os.stat(path).st_size

    return total
