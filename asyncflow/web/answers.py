"""Answers whose text may be any that Python has: half of a character pair, too."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse


class Json(JSONResponse):
    """JSON in ASCII, which has an escape for each character."""

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


class Page(HTMLResponse):
    """A page; what UTF-8 has no bytes for is ``?``."""

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return bytes(content.encode(errors="replace"))


class Plain(PlainTextResponse):
    """A text; what UTF-8 has no bytes for is ``?``."""

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return bytes(content.encode(errors="replace"))
