"""What all pages have: the orchestrator, the templates, and links that hold wherever the
app is mounted, also behind a proxy that hides where that is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import attrs
from jinja2 import DictLoader, Environment, StrictUndefined
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from asyncflow.display.characters import printable
from asyncflow.display.picture import DagPicture, GanttPicture, LineagePicture
from asyncflow.display.signs import sign_of
from asyncflow.display.svg import STYLE
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.job import Job
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.submission import Submission
from asyncflow.errors import NotFound
from asyncflow.orchestrator import Orchestrator
from asyncflow.status import Status
from asyncflow.web.access import Access
from asyncflow.web.answers import Page

KEPT = 4000
"""How many parts of pages are kept for the next one who looks."""

_ANSI = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])"
)
"""What moves the cursor of a terminal, and colours it (ECMA-48)."""


def drawn(picture: DagPicture | GanttPicture | LineagePicture) -> str:
    """Draw a picture, in the colours of the page. It may take a while: in a thread."""
    return picture.svg(is_styled=False)


def path_of(scope: Scope) -> str:
    """Return what a request asks for, as seen from where the app is mounted."""
    return str(scope["path"]).removeprefix(scope.get("root_path", ""))


def root_of(request: Request) -> str:
    """Return the way from the page of a request to the first page, as a relative link."""
    return "../" * path_of(request.scope).lstrip("/").count("/") or "./"


def seen(request: Request, place: str, notice: str = "") -> Response:
    """Send who has changed something to the page that shows it.

    :param place: of the page, as seen from the first one
    :param notice: what the page says besides
    """
    query = f"?{urlencode({'notice': notice})}" if notice else ""
    return RedirectResponse(f"{root_of(request)}{place}{query}", 303)


def _query(given: Mapping[str, str], **changed: object) -> str:
    """Return a query with some parts of it changed; None takes one away."""
    parts = {**given, **changed}
    return urlencode(
        {key: part for key, part in parts.items() if part not in (None, "")}
    )


def shown(text: object) -> str:
    """Return a text in one line, as a page can show it."""
    return printable(str(text))


def lines(text: str) -> str:
    """Return what was printed as a page can show it: without colours of terminals."""
    plain = _ANSI.sub("", text).replace("\r\n", "\n")
    return "\n".join(map(printable, plain.split("\n")))


def _date(date: datetime | None) -> str:
    return "" if date is None else f"{date.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _instant(date: datetime | None) -> str:
    return "" if date is None else date.astimezone(UTC).isoformat()


def seconds(count: float | None) -> str:
    """Say how long something took, in at most two units."""
    if count is None:
        return ""

    if count < 1:
        return f"{count * 1000:.0f} ms"

    if count < 60:
        return f"{count:.1f} s"

    minutes, rest = divmod(round(count), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def size(count: float) -> str:
    """Say how many bytes something has."""
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1000:
            return f"{count:.4g} {unit}"

        count /= 1024

    return f"{count:,.1f} GiB"


CANCELING = "CANCELING"
"""What pages call what runs although its end was asked for."""


def _stage(handle: Job | Submission) -> str:
    """Return the status of a job or a run, or that it is about to end."""
    return CANCELING if handle.is_canceling else handle.status


def _sign(status: str) -> str:
    return sign_of(_as_status(status))[0]


def _tone(status: str) -> str:
    return sign_of(_as_status(status))[1]


def _as_status(stage: str) -> Status:
    return Status.RUNNING if stage == CANCELING else Status(stage)


def _read(folder: str) -> dict[str, str]:
    there = Path(__file__).with_name(folder)
    return {file.name: file.read_text("utf-8") for file in there.iterdir()}


def _templates() -> Environment:
    sources = _read("templates")
    templates = Environment(
        loader=DictLoader(sources),
        auto_reload=False,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "date": _date,
        "instant": _instant,
        "seconds": seconds,
        "size": size,
        "sign": _sign,
        "stage": _stage,
        "tone": _tone,
        "shown": shown,
        "lines": lines,
    }
    templates.globals["query"] = _query

    for name in sources:
        templates.get_template(name)

    return templates


# While they are imported: no page waits for the disk.
STATIC: Mapping[str, str] = {**_read("static"), "picture.css": STYLE}
_TEMPLATES = _templates()


@attrs.frozen(eq=False)
class Site:
    """The pages of one orchestrator.

    :param find: returns the orchestrator that a request is for
    :param title: what the pages are called
    """

    find: Callable[[Request], Orchestrator]
    title: str
    has_token: bool
    _kept: dict[Hashable, str] = attrs.field(init=False, factory=dict)

    def page(
        self, request: Request, name: str, /, *, status_code: int = 200, **facts: Any
    ) -> Response:
        """Return a page.

        :param name: that of its template
        :param facts: what the template shows
        """
        may_write = getattr(request.state, "access", None) is Access.ALL
        text = self.part(
            name,
            root=root_of(request),
            title=self.title,
            may_write=may_write,
            is_signed_in=self.has_token,
            place=request.url.path,
            **facts,
        )
        return Page(text, status_code)

    async def run(self, request: Request) -> Submission:
        """Return the run that a request names.

        :raises NotFound: where there is none
        """
        return await self.find(request).get_submission(request.path_params["id"])

    async def job(self, request: Request) -> Job:
        """Return the job that a request names; as `run`."""
        return await self.find(request).get_job(request.path_params["id"])

    async def scenario(self, request: Request) -> Scenario:
        """Return the scenario that a request names; as `run`."""
        return await self.find(request).get_scenario(request.path_params["id"])

    async def data_node(self, request: Request) -> DataNode[Any]:
        """Return the data node that a request names; as `run`."""
        found = await self.find(request).get(request.path_params["id"])

        if not isinstance(found, DataNode):
            raise NotFound(request.path_params["id"])

        return found

    def part(self, name: str, /, **facts: Any) -> str:
        """Return what a template makes of facts."""
        return _TEMPLATES.get_template(f"{name}.html").render(facts)

    def kept(self, name: str, key: Hashable, **facts: Any) -> str:
        """Return what a template makes of facts: for all who look, once.

        :param key: another one for other facts
        """
        key = (name, key, facts.get("root"), facts.get("may_write"))

        if (text := self._kept.pop(key, None)) is None:
            text = self.part(name, **facts)

        self._kept[key] = text  # the last to be used

        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]

        return text
