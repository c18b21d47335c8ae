"""What pages send: small forms, and values as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from asyncflow.web.bodies import body_of

LARGEST = 1 << 20
"""How many bytes a form, or a body in JSON, may have."""


async def form(request: Request) -> dict[str, str]:
    """Return the fields of a form, each of them once; as `fields_of`."""
    return dict(await fields_of(request))


async def fields_of(request: Request) -> list[tuple[str, str]]:
    """Return the fields of a form, in their order.

    :raises HTTPException: where it is too large, or no text
    """
    try:
        text = (await body_of(request, LARGEST)).decode()
    except UnicodeDecodeError as error:
        raise HTTPException(400, f"the form is not in UTF-8: {error}") from error

    return parse_qsl(text, keep_blank_values=True)


LARGEST_FILE = 64 << 20
"""How many bytes a file in a form may have. The API takes any."""


async def form_with_file(request: Request) -> tuple[dict[str, str], bytes]:
    """Return the fields of a form, and the file that it has.

    :raises HTTPException: where it is too large, or has no file
    """
    kind = request.headers.get("content-type", "")
    found = re.search('boundary="?([^";]+)', kind)

    if not kind.startswith("multipart/form-data") or found is None:
        raise HTTPException(400, "it is no form with a file")

    data = b"\r\n" + await body_of(request, LARGEST_FILE)
    fields: dict[str, str] = {}
    file: bytes | None = None

    for part in data.split(b"\r\n--" + found[1].encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'[; ]name="([^"]*)"', head)

        if b"filename=" in head:
            file = content
        elif name is not None:
            fields[name[1].decode(errors="replace")] = content.decode(errors="replace")

    if not file:
        raise HTTPException(400, "the form has no file, or an empty one")

    return fields, file


async def in_json(request: Request) -> Any:
    """Return the body of a request as JSON has it.

    :raises HTTPException: where it is none
    """
    try:
        return json.loads(await body_of(request, LARGEST) or b"{}")
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the body is no JSON: {error}") from error


def value(text: str) -> Any:
    """Return the value that was typed: what JSON makes of it, and else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def asked(request: Request, *names: str) -> dict[str, str]:
    """Return what the address of a page asks for; `notice` may be there, too.

    :param names: what it may ask for
    :raises HTTPException: where it asks for something else
    """
    only(request.query_params, *names, "notice")
    return dict(request.query_params)


def only(given: Iterable[str], *names: str) -> None:
    """Refuse what has another name than these: it would be passed over.

    :raises HTTPException: where there is one
    """
    for name in given:
        if name not in names:
            known = ", ".join(sorted({*names} - {"notice"})) or "nothing"
            raise HTTPException(400, f"there is no {name!r:.50}: it may be {known}")


def place(text: str) -> int:
    """Return the place in a list that a query names; the first, where it is none."""
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def moment(text: str) -> datetime | None:
    """Return the time that a query names, in UTC unless it says another zone.

    :raises ValueError: where it is none
    """
    if not text:
        return None

    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
