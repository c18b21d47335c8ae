"""The OpenAPI document holds: requests made of it are answered as it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support import programs

COMMAND = (sys.executable, "-m", "schemathesis.cli")
CHECKS = (
    *("not_a_server_error", "status_code_conformance"),
    *("content_type_conformance", "response_schema_conformance"),
)


@pytest.mark.limit(150)
def test_whatever_is_asked_is_answered_as_the_document_says(tmp_path: Path) -> None:
    with programs.server("tests.support.web_app:app", folder=tmp_path) as server:
        base = f"{server.url}/a/b/api"
        (scenario,) = httpx.get(f"{base}/scenarios").json()
        (run,) = httpx.get(f"{base}/submissions").json()
        job = httpx.get(f"{base}/jobs").json()[0]
        node = httpx.get(f"{base}/data-nodes").json()[0]
        whole = httpx.get(f"{base}/scenarios/{scenario['id']}").json()
        known = {
            "scenarios": scenario["id"],
            "submissions": run["id"],
            "jobs": job["id"],
            "data-nodes": node["id"],
            "tasks": whole["tasks"]["double"],
            "sequences": whole["sequences"]["both"],
        }
        first = scenario["id"]
        config = tmp_path / "schemathesis.toml"
        config.write_text(
            "\n".join(
                f'[[operations]]\ninclude-path-regex = "^/{noun}/"\n'
                f'parameters = {{ id = "{entity_id}", other = "{first}" }}'
                for noun, entity_id in known.items()
            )
        )
        done = subprocess.run(
            [
                *(*COMMAND, "--config-file", str(config)),
                *("run", f"{base}/openapi.json", "--url", base, "--no-color"),
                *("--phases", "coverage", "--exclude-method", "DELETE"),
                *("--exclude-path", "/events", "--exclude-path", "/prune"),
                *("--checks", ",".join(CHECKS), "--request-timeout", "30"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "47 passed" in done.stdout, done.stdout
