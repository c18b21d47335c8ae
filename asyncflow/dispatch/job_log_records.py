"""Log records of jobs that ran in other processes, for the loggers of this one."""

from __future__ import annotations

import logging
from functools import partial

from asyncflow.dispatch.attempt import Attempt
from asyncflow.dispatch.echo import Piece
from asyncflow.worker.current import CurrentJob, job_of
from asyncflow.worker.records import unpacked


def logged(data: bytes, attempt: Attempt) -> Piece:
    """Make a piece of a record; who shows it has it handled."""
    job = job_of(attempt.job_id, attempt.task.config_id, 1)
    return "the log", data, partial(_handle, job)


def _handle(job: CurrentJob, data: bytes) -> None:
    """Have a record handled, if it is enabled here. Blocks."""
    record = unpacked(data)
    logger = logging.getLogger(record.name)

    if not logger.isEnabledFor(record.levelno):
        return

    about = {"job_id": job.id, "submission_id": job.submission_id, "task": job.task}

    for name, value in about.items():
        if record.__dict__.get(name) is None:
            record.__dict__[name] = value

    logger.handle(record)
