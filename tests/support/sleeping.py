"""A job with a limit of time: a new worker loads nothing else for it, and so in no time."""

from __future__ import annotations

import time

from asyncflow.worker.current import current_job


def sleep_once(value: int) -> int:
    job = current_job()
    assert job is not None

    if job.attempt == 1:
        time.sleep(600)

    return value + job.attempt
