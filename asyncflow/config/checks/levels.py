"""What stands against an orchestrator's opening, and what is only told."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from asyncflow.errors import ConfigError, Problem
from asyncflow.log import logger as _logger


def refuse(problems: Sequence[Problem]) -> None:
    """Refuse a configuration that has errors; of what is none a warning is logged, once.

    :raises ConfigError: with all that was found
    """
    if any(one.level == "ERROR" for one in problems):
        raise ConfigError(problems)

    for one in problems:
        _tell(str(one))


@lru_cache(1024)
def _tell(text: str) -> None:
    _logger.warning("%s", text)
