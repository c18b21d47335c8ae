"""What fsspec logs of addresses: not their passwords."""

from __future__ import annotations

import logging

from asyncflow.secret import without_password

LOGGERS = ("fsspec", "fsspec.http")
"""Those that log addresses."""


class _Masking(logging.Filter):
    """Lets all records through, without the passwords of addresses in them."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()

        if (shown := without_password(text)) != text:
            record.msg, record.args = shown, None

        if record.exc_info and not record.exc_text:
            told = logging.Formatter().formatException(record.exc_info)
            record.exc_text = without_password(told)

        return True


_masking = _Masking()


def mask_log() -> None:
    """Have fsspec log no passwords from now on."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_masking)  # once
