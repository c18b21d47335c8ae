"""What pages send: small forms, and values as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

LARGEST = 1 << 20
"""How many bytes a form, or a body in JSON, may have."""


async def form(request: Request) -> dict[str, str]:
    """Return the fields of a form.

    :raises HTTPException: where it is too large, or no text
    """
    try:
        text = (await body(request)).decode()
    except UnicodeDecodeError as error:
        raise HTTPException(400, f"the form is not in UTF-8: {error}") from error

    return dict(parse_qsl(text, keep_blank_values=True))


async def body(request: Request, largest: int = LARGEST) -> bytes:
    """Return the body of a request.

    :param largest: how many bytes it may have
    :raises HTTPException: where it is larger
    """
    data = bytearray()

    async for chunk in request.stream():
        data += chunk

        if len(data) > largest:
            raise HTTPException(413, f"it is larger than {largest:,} bytes")

    return bytes(data)


async def in_json(request: Request) -> Any:
    """Return the body of a request as JSON has it.

    :raises HTTPException: where it is none
    """
    try:
        return json.loads(await body(request) or b"{}")
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the body is no JSON: {error}") from error


def value(text: str) -> Any:
    """Return the value that was typed: what JSON makes of it, and else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


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
