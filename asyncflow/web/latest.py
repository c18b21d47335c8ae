"""What all who look at one page are sent: made once for each change, not once for each."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator, Hashable, Mapping
from contextlib import contextmanager
from zlib import crc32

import attrs
from anyio import Lock

from asyncflow.web.live import replaced

Parts = Mapping[str, str]
"""What each element of a page is, by its id."""


@attrs.frozen(eq=False)
class Latest:
    """The parts of a page, as they were last made.

    :param begun: when that began, by the clock of `time.monotonic`
    :param is_final: whether nothing can change any more
    :param before: what they were before that
    :param event: what replaces those that have changed since; ``""`` for none
    """

    begun: float
    is_final: bool
    before: Parts
    parts: Parts
    number: str
    event: str

    def news(self, known: Parts | None, number: str) -> str:
        """Return the event for who knows some parts; ``""`` where nothing is new.

        :param known: None for who has the page as it was with a number
        """
        if known is self.parts or (known is None and number == self.number):
            return ""

        if known is self.before:
            return self.event

        return _event(known or {}, self.parts, self.number)


@attrs.define(eq=False)
class View:
    """A page that some look at."""

    viewers: int = 0
    _turn: Lock = attrs.field(init=False, factory=Lock)
    _latest: Latest | None = attrs.field(init=False, default=None)

    async def latest(
        self, since: float, make: Callable[[], Awaitable[Parts]], *, is_final: bool
    ) -> Latest:
        """Return the parts as they are: made anew, unless somebody has just done so.

        :param since: what was made before that is out of date
        :param is_final: whether nothing can change any more
        """
        async with self._turn:
            last = self._latest

            if last is not None and last.begun >= since and last.is_final >= is_final:
                return last

            begun, parts = time.monotonic(), await make()
            before = last.parts if last is not None else {}
            number = str(crc32("".join(parts.values()).encode()))
            event = _event(before, parts, number)
            made = Latest(begun, is_final, before, parts, number, event)
            self._latest = made
            return made


@attrs.frozen(eq=False)
class Views:
    """The pages that anybody looks at."""

    _open: dict[Hashable, View] = attrs.field(init=False, factory=dict)

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def of(self, key: Hashable) -> Generator[View]:
        """Look at a page, until this is left.

        :param key: the same for all who see the same
        """
        view = self._open.setdefault(key, View())
        view.viewers += 1

        try:
            yield view
        finally:
            view.viewers -= 1

            if not view.viewers:
                del self._open[key]


def _event(before: Parts, parts: Parts, number: str) -> str:
    news = {name: text for name, text in parts.items() if before.get(name) != text}
    return replaced(news, number) if news else ""
