from __future__ import annotations

import json
from pathlib import Path

from tests.support.command import answer, call


def test_logs_of_a_run_name_their_tasks(folder: Path) -> None:
    assert call("logs").stdout == "[extract] extracting 2025\n[broken] about to fail\n"
    assert call("logs", "JOB_total").stdout == "adding\n"
    assert call("logs", "last", "--tail", "1").stdout == "[broken] about to fail\n"
    assert call("logs", "JOB_total", "--stream", "stderr").stdout == ""


def test_logs_as_json(folder: Path) -> None:
    (line,) = answer("logs", "JOB_total")
    assert {**line, "job_id": ""} == {"job_id": "", "task": "total", "line": "adding"}
    lines = call("logs", "last", "--jsonl").stdout.splitlines()
    assert [json.loads(one)["task"] for one in lines] == ["extract", "broken"]
    assert "--jsonl" in call("logs", "-f", "--json", code=2).output
