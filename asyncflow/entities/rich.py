"""What notebooks show of handles: of what is known here, without waiting for anything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Protocol

import attrs
from anyio import sleep

from asyncflow.display import html, tasks
from asyncflow.display.durations import duration
from asyncflow.display.lineage import date
from asyncflow.display.picture import Picture
from asyncflow.display.signs import words
from asyncflow.entities.charts import gantt
from asyncflow.runs.job import JobState
from asyncflow.runs.node import NodeState
from asyncflow.runs.run import AnyRun, Run
from asyncflow.secret import without_password
from asyncflow.selection import Preview
from asyncflow.status import Status

DRAWN = 300
"""With more jobs, a run is told in words alone: to draw it would hold up the loop."""

PAUSE = 0.25
"""How many seconds are between two pictures of a run at least."""

FAILURES, EDITS, ROWS = 10, 10, 10
"""How many failures, edits and rows are shown at most."""

NODES = 50
"""How many data nodes of a scenario are read to be shown."""


@attrs.frozen(kw_only=True, eq=False)
class Parts:
    """What is shown of a scenario, a sequence or a task."""

    title: str
    picture: Picture
    nodes: Sequence[NodeState]


class Edit(Protocol):
    """A write of a data node."""

    job_id: str | None
    editor_id: str | None
    comment: str
    is_kept: bool

    @property
    def version(self) -> int: ...


class DataNode(Protocol):
    """The handle of a data node."""

    @property
    def id(self) -> str: ...

    async def preview(self, rows: int) -> Preview: ...

    async def edits(self) -> Sequence[Edit]: ...


def html_of(shown: object) -> str | None:
    """Return what is known at once of what a handle shows; None for what has no form."""
    if isinstance(shown, Run):
        return run(shown)

    if isinstance(shown, JobState):
        return job(shown)

    if isinstance(shown, NodeState):
        return data_node(shown)

    return parts(shown) if isinstance(shown, Parts) else None


async def pages(handle: Any, shown: object) -> AsyncIterator[str]:
    """Give what takes the place of what a handle shows, as more of it is known.

    :param handle: what is asked: verbs of it, and of its data nodes
    """
    if isinstance(shown, Run):
        async for page in _pages_of_run(shown):
            yield page
    elif isinstance(shown, JobState):
        yield job(shown, await handle.output())
    elif isinstance(shown, NodeState):
        preview = await handle.preview(ROWS) if shown.version else None
        yield data_node(shown, preview, await handle.edits())
    elif isinstance(shown, Parts):
        yield parts(shown, await _values(handle.data_nodes.values(), shown.nodes))


async def _values(
    handles: Iterable[DataNode], nodes: Sequence[NodeState]
) -> dict[str, str]:
    """Tell of values that are small."""
    small = {node.id for node in nodes if is_at_hand(node)}
    some = [handle for handle in handles if handle.id in small][:NODES]
    return {handle.id: told(await handle.preview(1)) for handle in some}


def run(shown: AnyRun) -> str:
    """Show a run: its graph, its times, and what failed."""
    counts = words(shown.table.counts())
    known = {
        "status": shown.status,
        "jobs": f"{len(shown.tasks)}: {counts}",
        "submitted": f"{date(shown.submitted)} UTC",
        "took": _took(shown.submitted, shown.finished_at),
        "reason": shown.ending.cancel_reason,
    }
    body = [html.facts(known)]

    if len(shown.tasks) <= DRAWN:
        dag = tasks.picture(shown.dag.tasks, shown.id, [*shown.table.status])
        body += [html.picture(dag), html.picture(gantt(shown))]
    else:
        body.append(html.note("submission.dag() and submission.gantt() draw it"))

    failed = shown.table.with_status(Status.FAILED)

    if failed:
        jobs = [shown.job(place) for place in failed[:FAILURES]]
        rows = [(job.name, job.reason) for job in jobs]
        body.append(html.table((f"failed: {len(failed)}", "reason"), rows))

    return html.card(shown.id, *body)


async def _pages_of_run(shown: AnyRun) -> AsyncIterator[str]:
    """Show a run again whenever anything has happened, up to its end."""
    seen = len(shown.history)

    while not (shown.is_finished and seen == len(shown.history)):
        if seen == len(shown.history):
            await shown.watchers.next_change()

        seen = len(shown.history)
        yield run(shown)
        await sleep(PAUSE)


def job(shown: JobState, output: str | None = None) -> str:
    """Show a job.

    :param output: what it has printed; None where that was not read
    """
    usage, progress = shown.usage, shown.progress
    known = {
        "status": html.status(shown.status),
        "reason": shown.reason,
        "task": shown.name,
        "attempt": shown.attempt if shown.attempts else None,
        "progress": progress
        and f"{progress.done} of {progress.total} {progress.message}",
        "started": shown.run_at and f"{date(shown.run_at)} UTC",
        "took": _seconds(shown.execution_duration),
        "CPU": _seconds(usage.cpu) if usage else None,
        "memory": usage and usage.peak_rss and f"{usage.peak_rss / 2**20:.0f} MiB",
    }
    body = [html.facts(known)]

    if shown.stacktrace:
        body.append(html.printed("traceback", shown.stacktrace))

    if output:
        body.append(html.printed("printed", output))
    elif output is None:
        body.append(html.note("await job.output() gives what it has printed"))

    return html.card(shown.id, *body)


def data_node(
    shown: NodeState, preview: Preview | None = None, edits: Sequence[Edit] = ()
) -> str:
    """Show a data node.

    :param preview: its first rows; None where they were not read
    """
    known = {
        "kept as": shown.config.storage_type,
        "scope": shown.config.scope.name,
        "path": None if shown.path is None else without_password(str(shown.path)),
        "written": _written(shown),
        "valid": None if shown.written is None or shown.is_valid else "no more",
        "locked by": shown.editor_id if shown.is_locked else None,
    }
    body = [html.facts(known)]

    if preview is not None:
        body += [html.note(_kind(preview)), html.table(preview.columns, preview.rows)]
    elif shown.written is not None:
        body.append(html.note("await data_node.preview() gives its first rows"))

    if edits:
        rows = [
            (date(edit.version / 1e9), edit.job_id or edit.editor_id, edit.comment)
            for edit in reversed(edits[-EDITS:])
        ]
        title = f"{len(edits)} edits" if len(edits) > EDITS else "edits"
        body.append(html.table((title, "by", "comment"), rows))

    return html.card(shown.id, *body)


def parts(shown: Parts, values: Mapping[str, str] | None = None) -> str:
    """Show a scenario, a sequence or a task: its graph, and its data nodes.

    :param values: what is told of their values, by their ids; None where nothing was read
    """
    heads = ("data node", "kept as", "written", *(() if values is None else ("value",)))
    rows = [
        (
            node.config_id,
            node.config.storage_type,
            _written(node),
            *(() if values is None else (values.get(node.id, ""),)),
        )
        for node in shown.nodes
    ]
    return html.card(shown.title, html.picture(shown.picture), html.table(heads, rows))


def problem(page: str, error: Exception) -> str:
    """Add to a page why there is no more of it."""
    return f"{page}{html.note(f'{type(error).__name__}: {error}')}"


def is_at_hand(node: NodeState) -> bool:
    """Tell whether the store has the value itself, as it is small."""
    return node.version is not None and isinstance(node.version.kept, bytes)


def told(preview: Preview) -> str:
    """Tell of a value in a line."""
    if (
        len(preview.rows) == 1
        and len(preview.rows[0]) == 1
        and preview.total in (None, 1)
    ):
        return f"{preview.rows[0][0]}"

    return _kind(preview)


def _kind(preview: Preview) -> str:
    columns, rows = len(preview.columns), preview.total
    size = "" if rows is None or rows == columns == 1 else f", {rows} rows"
    return f"{preview.kind}{size}{f', {columns} columns' if columns > 1 else ''}"


def _written(node: NodeState) -> str:
    written = node.written
    return "never" if written is None else f"{date(written.timestamp())} UTC"


def _took(begin: float, end: float | None) -> str | None:
    return None if end is None else duration(end - begin)


def _seconds(seconds: float | None) -> str | None:
    return None if seconds is None else duration(seconds)
