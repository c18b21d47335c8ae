from __future__ import annotations

import json
from pathlib import Path

from tests.support.command import call


def test_events_are_lines_of_json(folder: Path) -> None:
    lines = call("run", "flows:sales", "--jsonl").stdout.splitlines()
    events = [json.loads(line) for line in lines]
    assert [events[0]["event"], events[-1]["event"]] == [
        "SubmissionStarted",
        "SubmissionFinished",
    ]
    assert all("submission_id" in event for event in events)
