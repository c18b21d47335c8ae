"""When each job of a run waited and ran: what a Gantt chart shows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

import attrs

from asyncflow.display.durations import duration
from asyncflow.status import DONE, FINAL, Status

Doing: TypeAlias = Literal["waiting", "running", "saving", "failed"]

LIMIT = 200
"""With more jobs, those that are alike have one row."""

MOST_KINDS = 60
"""How many rows such a chart has at most."""


@attrs.frozen(kw_only=True)
class JobTimes:
    """What is known of a job's times, in seconds since the epoch.

    :param name: what its task is called
    :param status: its status
    :param reason: why it has that, or ``""``
    :param like: what jobs have in common that may have one row
    :param started: when it was given to a worker; None where it was not
    :param worked: how many seconds the worker took; None where that is not known
    :param finished: when it ended; None before
    :param tries: when its earlier attempts began and ended; each has failed
    """

    name: str
    status: Status
    reason: str = ""
    like: str = ""
    started: float | None = None
    worked: float | None = None
    finished: float | None = None
    tries: Sequence[tuple[float | None, float]] = ()


class Span(NamedTuple):
    """A time in which a job did something."""

    doing: Doing
    begin: float
    end: float
    is_open: bool = False
    """Whether it goes on."""


class Load(NamedTuple):
    """How many jobs did something, from one time until the next."""

    at: float
    waiting: int
    running: int


@attrs.frozen(kw_only=True)
class Row:
    """A job, or several that are alike.

    :param label: what it is called
    :param statuses: how many jobs have which status
    :param note: a few words: how long it took
    :param told: all of it, in words
    :param spans: what it did when; of one job
    :param mark: when it ended without having done anything; None where it did something
    :param loads: how many did what when; of several jobs
    """

    label: str
    statuses: Mapping[Status, int]
    note: str
    told: str
    spans: Sequence[Span] = ()
    mark: float | None = None
    loads: Sequence[Load] = ()


@attrs.frozen(kw_only=True)
class Timeline:
    """What the jobs of a run did, and when.

    :param begin: when it was submitted
    :param end: when it ended, or now
    :param busy: the times in which a job ran, of all of them
    """

    begin: float
    end: float
    rows: Sequence[Row]
    busy: Sequence[tuple[float, float]]


def timeline(
    jobs: Sequence[JobTimes],
    needs: Sequence[Sequence[int]],
    *,
    submitted: float,
    now: float,
) -> Timeline:
    """Tell what the jobs of a run did.

    A job waits from the end of the last job that it needs, or from its submit: for a
    worker, and for other runs that use its data nodes.

    :param needs: for each job the places of those that it needs
    :param submitted: when the run was submitted
    :param now: until when what goes on is shown
    """
    spans = [
        [*_spans(job, _ready(jobs, needed, submitted), now)]
        for job, needed in zip(jobs, needs, strict=True)
    ]
    ends = [span.end for some in spans for span in some]
    ends += [job.finished for job in jobs if job.finished is not None]

    if len(jobs) <= LIMIT:
        rows = [*map(_row, jobs, spans)]
    else:
        rows = _rows_of_kinds(jobs, spans)

    return Timeline(
        begin=submitted,
        end=max(ends, default=submitted),
        rows=rows,
        busy=[
            (span.begin, span.end)
            for some in spans
            for span in some
            if span.doing != "waiting"
        ],
    )


def _ready(
    jobs: Sequence[JobTimes], needed: Sequence[int], submitted: float
) -> float | None:
    """Return when a job had all it needs; None where that has not come."""
    ready = submitted

    for place in needed:
        end = jobs[place].finished

        if end is None or jobs[place].status not in DONE:
            return None

        ready = max(ready, end)

    return ready


def _spans(job: JobTimes, ready: float | None, now: float) -> Iterator[Span]:
    """Give what a job did, in order."""
    since = ready

    for begin, end in job.tries:
        if begin is not None:
            yield from _waiting(since, begin)
            yield Span("failed", begin, max(begin, end))

        since = end

    if job.started is None or (job.tries and job.started < job.tries[-1][1]):
        if job.finished is not None:
            yield from _waiting(since, job.finished)
        elif since is not None and job.status not in FINAL:
            yield Span("waiting", since, max(since, now), is_open=True)

        return

    yield from _waiting(since, job.started)

    if job.finished is None:
        yield Span("running", job.started, max(job.started, now), is_open=True)
        return

    finished = max(job.started, job.finished)
    done = finished

    if job.worked is not None:
        done = min(finished, job.started + job.worked)

    yield Span("running", job.started, done)

    if finished > done:
        yield Span("saving", done, finished)


def _waiting(since: float | None, until: float) -> Iterator[Span]:
    if since is not None and until > since:
        yield Span("waiting", since, until)


def _row(job: JobTimes, spans: Sequence[Span]) -> Row:
    spent: dict[Doing, float] = defaultdict(float)

    for span in spans:
        spent[span.doing] += span.end - span.begin

    ran = spent["running"] + spent["saving"]
    done = [span.doing for span in spans]
    has_run = "running" in done or "failed" in done
    note = duration(ran) if has_run else ""

    if job.tries:
        note = f"{note}, {len(job.tries) + ('running' in done)} tries"

    words = [job.name, str(job.status)]
    words += [
        f"{doing} {duration(spent[doing])}"
        for doing in ("waiting", "failed", "running", "saving")
        if spent[doing]
    ]
    text = ", ".join(words) + (f": {job.reason}" if job.reason else "")
    return Row(
        label=job.name,
        statuses={job.status: 1},
        note=note,
        told=text,
        spans=spans,
        mark=None if has_run else job.finished,
    )


def _rows_of_kinds(
    jobs: Sequence[JobTimes], spans: Sequence[Sequence[Span]]
) -> list[Row]:
    """Make a row for the jobs of each kind; of many kinds, the rare ones have one."""
    kinds: dict[str, list[int]] = {}

    for place, job in enumerate(jobs):
        kinds.setdefault(job.like or job.name, []).append(place)

    if len(kinds) > MOST_KINDS:
        common = sorted(kinds, key=lambda kind: -len(kinds[kind]))[: MOST_KINDS - 1]
        others = [place for kind in kinds.keys() - set(common) for place in kinds[kind]]
        kinds = {kind: kinds[kind] for kind in kinds if kind in set(common)}
        kinds["other tasks"] = sorted(others)

    return [
        _row_of_kind(kind, [jobs[at] for at in places], [spans[at] for at in places])
        for kind, places in kinds.items()
    ]


def _row_of_kind(
    kind: str, jobs: Sequence[JobTimes], spans: Sequence[Sequence[Span]]
) -> Row:
    statuses = Counter(job.status for job in jobs)
    flat = [span for some in spans for span in some]
    ran = sum(span.end - span.begin for span in flat if span.doing != "waiting")
    loads = _loads(flat)
    most = max((load.running for load in loads), default=0)
    counts = ", ".join(f"{count} {status}" for status, count in statuses.items())
    text = f"{len(jobs)} jobs, {counts}, {duration(ran)} in all, {most} at once at most"
    label = kind if len(jobs) == 1 else f"{kind} ×{len(jobs)}"
    return Row(
        label=label,
        statuses=statuses,
        note=f"{duration(ran)}, ≤ {most} at once",
        told=f"{kind}: {text}",
        loads=loads,
    )


def _loads(spans: Sequence[Span]) -> list[Load]:
    """Count what is done at once."""
    changes: dict[float, list[int]] = {}

    for span in spans:
        kind = span.doing != "waiting"
        changes.setdefault(span.begin, [0, 0])[kind] += 1
        changes.setdefault(span.end, [0, 0])[kind] -= 1

    loads, waiting, running = [], 0, 0

    for at in sorted(changes):
        waiting += changes[at][0]
        running += changes[at][1]
        loads.append(Load(at, waiting, running))

    return loads
