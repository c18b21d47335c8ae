"""Log records that name the job in which they are made."""

from __future__ import annotations

import logging
from collections.abc import Callable

from asyncflow.worker.current import current_job

Factory = Callable[..., logging.LogRecord]
"""What `logging.setLogRecordFactory` takes."""


def naming_jobs(make: Factory) -> Factory:
    """Return a factory whose records have ``job_id`` and ``submission_id``.

    They are None where a record is made outside of jobs.

    :param make: makes the records
    """

    def factory(*args: object, **kwargs: object) -> logging.LogRecord:
        record = make(*args, **kwargs)
        job = current_job()
        record.job_id = job.id if job else None
        record.submission_id = job.submission_id if job else None
        return record

    return factory
