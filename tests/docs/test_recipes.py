"""The recipe of README.md for a web server serves."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.docs.pages import EVERY
from tests.support import programs


def test_the_web_server_answers(tmp_path: Path) -> None:
    (block,) = (each for each in EVERY if "FastAPI(lifespan" in each.code)
    (tmp_path / "app.py").write_text(block.code, "utf-8")

    with (
        programs.server("app:app", folder=tmp_path) as server,
        httpx.Client(base_url=server.url, timeout=40) as client,
    ):
        started = client.post("/runs", params={"number": 4})
        assert started.status_code == 202
        ended = client.get(f"/runs/{started.json()['id']}")
        assert ended.json() == {"doubled": 8}
