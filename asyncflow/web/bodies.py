"""The bodies of requests, of clients that may be slow, or go away."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from anyio import fail_after
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

PATIENCE = 60.0
"""How long a client may send nothing, in seconds."""

SLOWEST = 10 << 10
"""How many bytes a second it sends at least, but for so long at the beginning."""


async def chunks(request: Request) -> AsyncGenerator[bytes]:
    """Give the body of a request as it comes. On cancel the rest of it is not read.

    :raises HTTPException: where the client is too slow, or goes away
    """
    begun, count = time.monotonic(), 0

    async with aclosing(request.stream()) as stream:
        while True:
            lasted = time.monotonic() - begun
            left = PATIENCE + count / SLOWEST - lasted

            try:
                with fail_after(min(max(left, 0.0), PATIENCE)):
                    chunk = await anext(stream)
            except StopAsyncIteration:
                return
            except TimeoutError:
                why = f"of the body {count:,} bytes came in {lasted:.0f} s: send it faster"
                raise HTTPException(408, why) from None
            except ClientDisconnect:
                raise HTTPException(400, "only a part of the body came") from None

            count += len(chunk)
            yield chunk


async def body_of(request: Request, largest: int) -> bytes:
    """Return the body of a request.

    :param largest: how many bytes it may have
    :raises HTTPException: where it is larger, or does not come
    """
    data = bytearray()

    async with aclosing(chunks(request)) as given:
        async for chunk in given:
            data += chunk

            if len(data) > largest:
                raise HTTPException(413, f"it is larger than {largest:,} bytes")

    return bytes(data)
