"""Parts of HTML for notebooks: all that users have written is text in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from asyncflow.display.picture import Picture
from asyncflow.display.printed import clean
from asyncflow.display.signs import sign_of
from asyncflow.display.svg import escaped
from asyncflow.status import Status

CELL = 200
"""How many characters of a cell are shown at most."""

ROWS = 100
"""How many rows a table has at most."""


def card(title: str, *parts: str) -> str:
    """Return what is shown of something."""
    return f'<div class="asyncflow"><p><b>{_cell(title)}</b></p>{"".join(parts)}</div>'


def facts(known: Mapping[str, object]) -> str:
    """Return facts as a table of two columns; those that are None or empty are left out."""
    rows = [(name, value) for name, value in known.items() if value not in (None, "")]
    return table((), rows)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows as a table; of many, the first ones, and how many there are."""
    all_rows = [*rows]
    head = "".join(f"<th>{_cell(name)}</th>" for name in heads)
    body = "".join(
        f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>"
        for row in all_rows[:ROWS]
    )
    rest = len(all_rows) - ROWS
    more = f"<p>and {rest} more</p>" if rest > 0 else ""
    thead = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f"<table>{thead}<tbody>{body}</tbody></table>{more}"


def picture(drawn: Picture) -> str:
    """Return a picture; a wide one can be moved."""
    return f'<div style="overflow-x:auto">{drawn.svg()}</div>'


def printed(title: str, text: str) -> str:
    """Return what was printed, under a title."""
    shown = escape(clean(text), quote=True)
    style = "max-height:30em;overflow:auto"
    return f'<p>{_cell(title)}</p><pre style="{style}">{shown}</pre>'


def note(text: str) -> str:
    """Return a remark."""
    return f"<p><i>{_cell(text)}</i></p>"


def status(known: Status) -> str:
    """Return a status with its sign, as text."""
    return f"{sign_of(known)[0]} {known}"


def _cell(value: object) -> str:
    text = str(value)
    return escaped(text if len(text) <= CELL else f"{text[: CELL - 1]}…")
