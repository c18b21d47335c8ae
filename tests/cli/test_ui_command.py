from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.support import programs
from tests.support.command import answer, call


def test_pages_of_a_store_are_served(folder: Path) -> None:
    runs = [run["id"] for run in answer("list")]
    command = [sys.executable, "-m", "asyncflow", "ui", "--port", "0"]

    with subprocess.Popen(
        command,
        cwd=folder,
        env=programs.environment(),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            place = re.search(r"http://127\.0\.0\.1:\d+/", process.stderr.readline())
            assert place is not None

            with httpx.Client(base_url=place[0], timeout=30) as browser:
                page = browser.get("runs", headers={"accept": "text/html"})
                assert all(run in page.text for run in runs)
                listed = browser.get("api/submissions").json()
                assert [run["id"] for run in listed] == runs
                (job, *_) = browser.get("api/jobs").json()
                assert browser.get(f"jobs/{job['id']}").status_code == 200
                refused = browser.post(
                    f"api/scenarios/{listed[0]['scenario_id']}/submit"
                )
                assert refused.status_code == 409
                assert "declare" in refused.json()["error"]

            process.send_signal(signal.SIGINT)
            process.communicate(timeout=programs.LIMIT)
        finally:
            process.kill()


def test_others_need_a_token(folder: Path) -> None:
    refused = call("ui", "--host", "0.0.0.0", code=2)
    assert "--token" in refused.stderr


def test_a_store_that_is_not_there_is_said(tmp_path: Path) -> None:
    refused = call("ui", str(tmp_path / "nothing.db"), code=2)
    assert "nothing.db" in refused.stderr
