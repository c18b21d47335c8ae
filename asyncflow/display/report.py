"""A run as one page of HTML: nothing else is loaded by it, and nothing in it is run.

All that users or their jobs have written is text there, whatever it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape

import attrs

from asyncflow.display.durations import duration
from asyncflow.display.picture import DagPicture, GanttPicture
from asyncflow.display.printed import clean
from asyncflow.display.signs import leading, sign_of, words
from asyncflow.display.svg import FONT, STYLE, escaped
from asyncflow.status import Status

WHOLE = 8_000_000
"""How many characters of output and tracebacks there are at most: those of failed jobs come first."""


@attrs.frozen(kw_only=True)
class ShownTry:
    """An attempt that failed, and was not the last.

    :param number: from 1
    :param reason: why it failed
    :param traceback: where, or ``""``
    """

    number: int
    reason: str
    traceback: str = ""


@attrs.frozen(kw_only=True)
class ShownJob:
    """What is shown of a job.

    :param began: how many seconds after the submit it was given to a worker; None where
        it was not
    :param ran: how many seconds its last attempt took; None where it did not run
    :param cpu: how many seconds of CPU time; None where nobody knows
    :param peak_rss: the most memory, in bytes; None where nobody knows
    :param output: what it has printed; None where that is not shown
    """

    id: str
    name: str
    status: Status
    reason: str = ""
    traceback: str = ""
    began: float | None = None
    ran: float | None = None
    cpu: float | None = None
    peak_rss: int | None = None
    tries: Sequence[ShownTry] = ()
    output: str | None = ""


@attrs.frozen(kw_only=True)
class ShownRun:
    """What is shown of a run.

    :param entity: what was submitted
    :param submitted: when, in seconds since the epoch
    :param finished: when it ended; None before
    :param reason: why it was cancelled, or ``""``
    :param jobs: in an order in which they can run
    """

    id: str
    entity: str
    status: str
    submitted: float
    finished: float | None
    reason: str
    dag: DagPicture
    gantt: GanttPicture
    jobs: Sequence[ShownJob]


def report(run: ShownRun) -> str:
    """Write a run as a page of HTML, for dark and for light screens."""
    return "".join(_page(run))


_COLOURS = (
    ("--back", "#fff", "#14181f"),
    ("--ink", "#1c2430", "#e8ecf2"),
    ("--soft", "#5b6675", "#a9b3c1"),
    ("--rule", "#d9dee5", "#2c3542"),
    ("--code", "#f4f6f9", "#1b212b"),
    ("--good", "#17744a", "#5ed39b"),
    ("--bad", "#b3261e", "#ff8a80"),
    ("--busy", "#7a4fb5", "#c3a2f2"),
    ("--off", "#5b6675", "#a9b3c1"),
)


def _colours(column: int) -> str:
    return "".join(f"{row[0]}:{row[column]};" for row in _COLOURS)


_CSS = (
    f":root{{color-scheme:light dark;{_colours(1)}}}"
    f"@media(prefers-color-scheme:dark){{:root{{{_colours(2)}}}}}"
    f"body{{margin:2rem;background:var(--back);color:var(--ink);font:14px/1.5 {FONT}}}"
    "h1{font-size:1.4rem;overflow-wrap:anywhere}h2{font-size:1.1rem;margin-top:2rem}"
    ".soft{color:var(--soft)}.wide{overflow-x:auto}a{color:inherit}"
    ".good{color:var(--good)}.bad{color:var(--bad)}.busy{color:var(--busy)}"
    ".off{color:var(--off)}.sign{font-weight:bold}"
    "table{border-collapse:collapse}th{text-align:left;color:var(--soft)}"
    "th,td{padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--rule);"
    "vertical-align:top}.status{white-space:nowrap}.number{text-align:right;white-space:nowrap}"
    "td.name,td.why{overflow-wrap:anywhere;min-width:8rem;max-width:40rem}"
    "details{border-bottom:1px solid var(--rule);padding:.5rem 0}"
    "summary{cursor:pointer;overflow-wrap:anywhere}"
    "pre{background:var(--code);padding:.75rem;overflow:auto;max-height:40rem}"
)

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def _page(run: ShownRun) -> Iterator[str]:
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escaped(run.id)} {escaped(run.status)}</title>"
        f"<style>{_CSS}{STYLE}</style></head><body>\n"
    )
    yield from _head(run)
    yield from _failures(run.jobs)
    yield f'<h2>Graph</h2><div class="wide">{run.dag.svg(is_styled=False)}</div>\n'
    yield f'<h2>Times</h2><div class="wide">{run.gantt.svg(is_styled=False)}</div>\n'
    yield from _table(run.jobs)
    yield from _details(run.jobs)
    yield "</body></html>\n"


def _head(run: ShownRun) -> Iterator[str]:
    counts: dict[Status, int] = {}

    for job in run.jobs:
        counts[job.status] = counts.get(job.status, 0) + 1

    sign = _sign(leading(counts)) if counts else ""
    yield f"<h1>{sign} {escaped(run.id)} {escaped(run.status)}</h1>\n"
    end = run.finished
    took = f", took {duration(end - run.submitted)}" if end is not None else ""
    yield (
        f"<p>{escaped(run.entity)}<br>submitted {_date(run.submitted)}"
        f"{f', ended {_date(end)}' if end is not None else ', has not ended'}{took}"
        f"<br>{len(run.jobs)} jobs: {escaped(words(counts)) or 'none'}</p>\n"
    )

    if run.reason:
        yield f"<p>{escaped(run.reason)}</p>\n"


def _failures(jobs: Sequence[ShownJob]) -> Iterator[str]:
    failed = [(at, job) for at, job in enumerate(jobs) if job.status is Status.FAILED]

    if not failed:
        return

    yield "<h2>What failed</h2><ul>\n"

    for place, job in failed:
        yield f"<li>{_link(place, job)}: {escaped(job.reason)}</li>\n"

    yield "</ul>\n"


def _table(jobs: Sequence[ShownJob]) -> Iterator[str]:
    heads = (
        "status",
        "task",
        "started after",
        "ran",
        "CPU",
        "memory",
        "tries",
        "reason",
    )
    yield '<h2>Jobs</h2><div class="wide"><table><thead><tr>'
    yield "".join(
        f'<th class="number">{head}</th>' if 2 <= at <= 6 else f"<th>{head}</th>"
        for at, head in enumerate(heads)
    )
    yield "</tr></thead><tbody>\n"

    for place, job in enumerate(jobs):
        numbers = (
            _seconds(job.began),
            _seconds(job.ran),
            _seconds(job.cpu),
            _bytes(job.peak_rss),
            str(len(job.tries) + (job.ran is not None) or ""),
        )
        yield f'<tr><td class="status">{_sign(job.status)} {job.status}</td>'
        yield f'<td class="name">{_link(place, job)}</td>'
        yield "".join(f'<td class="number">{number}</td>' for number in numbers)
        yield f'<td class="why">{escaped(job.reason)}</td></tr>\n'

    yield "</tbody></table></div>\n"


def _details(jobs: Sequence[ShownJob]) -> Iterator[str]:
    """Write what jobs printed, and their tracebacks, as far as there is room."""
    shown = [(at, job) for at, job in enumerate(jobs) if _has_details(job)]
    room, texts = WHOLE, dict[int, str]()

    for place, job in sorted(
        shown, key=lambda pair: pair[1].status is not Status.FAILED
    ):
        text = "".join(_texts(job))

        if len(text) > room:
            text = '<p class="soft">left out, as this page has enough of that</p>'

        room -= len(text)
        texts[place] = text

    if shown:
        yield "<h2>Output and tracebacks</h2>\n"

    for place, job in shown:
        is_open = " open" if job.status is Status.FAILED else ""
        yield f'<details id="job-{place}"{is_open}><summary>{_sign(job.status)} '
        yield f'{escaped(job.name)} <span class="soft">{escaped(job.id)}</span></summary>'
        yield f"{texts[place]}</details>\n"


def _has_details(job: ShownJob) -> bool:
    return bool(job.output or job.traceback or job.tries) or job.output is None


def _texts(job: ShownJob) -> Iterator[str]:
    for attempt in job.tries:
        yield f"<p>attempt {attempt.number} failed: {escaped(attempt.reason)}</p>"

        if attempt.traceback:
            yield f"<pre>{_clean(attempt.traceback)}</pre>"

    if job.reason:
        yield f"<p>{escaped(job.reason)}</p>"

    if job.traceback:
        yield f"<pre>{_clean(job.traceback)}</pre>"

    if job.output is None:
        yield '<p class="soft">what it printed is not in this page</p>'
    elif job.output:
        yield f'<p class="soft">printed:</p><pre>{_clean(job.output)}</pre>'


def _clean(text: str) -> str:
    return escape(clean(text), quote=True)


def _link(place: int, job: ShownJob) -> str:
    name = escaped(job.name) or escaped(job.id)
    return f'<a href="#job-{place}">{name}</a>' if _has_details(job) else name


def _sign(status: Status) -> str:
    sign, tone = sign_of(status)
    return f'<span class="sign {tone}">{sign}</span>'


def _date(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else duration(seconds)


def _bytes(count: int | None) -> str:
    if count is None:
        return ""

    size = float(count)

    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"

        size /= 1024

    return f"{size:.1f} TiB"
