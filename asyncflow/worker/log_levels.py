"""The log levels of the parent: a worker makes no record that nobody wants there."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import NamedTuple

Levels = tuple[dict[str, int], int, tuple[str, ...], bool]
"""The levels of loggers that have one, by their names (``""`` for the root); up to which
level all are disabled; the loggers that have handlers; whether warnings are logged."""


class LevelWatch:
    """Tells, in next to no time, whether levels have changed in this process."""

    def __init__(self) -> None:
        self._canary = object()
        self._captures = False

    def is_same(self) -> bool:
        """Tell whether all is as it was at the last `look`."""
        caught = logging._warnings_showwarning  # type: ignore[attr-defined]
        return self._canary in getattr(
            logging.root, "_cache", ()
        ) and self._captures is (
            caught is not None
        )  # each change of a level clears this cache

    def look(self) -> Levels:
        """Return what there is now."""
        _cache()[self._canary] = True
        self._captures = captures_warnings()
        loggers = [("", logging.root), *all_loggers()]
        return (
            {name: logger.level for name, logger in loggers if logger.level},
            logging.root.manager.disable,
            tuple(name for name, logger in loggers if logger.handlers),
            self._captures,
        )


class _Given(NamedTuple):
    names: Collection[str] = ()
    handled: Collection[str] = ()


_given = _Given()
"""What this worker was given last: the names with a level, and those with handlers."""


def apply(levels: Levels) -> None:
    """Have the levels of the parent; what modules have set here for others stays."""
    global _given

    given, disabled, handled, captures = levels

    for name in _given.names:
        if name not in given:
            logging.getLogger(name).setLevel(logging.NOTSET)

    for name, level in given.items():
        if (logger := logging.getLogger(name)).level != level:
            logger.setLevel(level)

    if logging.root.manager.disable != disabled:
        logging.disable(disabled)

    logging.captureWarnings(captures)
    _given = _Given(frozenset(given), frozenset(handled))


def handled_by_parent() -> Collection[str]:
    """Return the names of the loggers that have handlers in the parent."""
    return _given.handled


def all_loggers() -> list[tuple[str, logging.Logger]]:
    """Return all loggers but the root, by their names."""
    return [
        (name, logger)
        for name, logger in [*logging.root.manager.loggerDict.items()]
        if isinstance(logger, logging.Logger)
    ]


def captures_warnings() -> bool:
    """Tell whether `logging.captureWarnings` is in force."""
    return logging._warnings_showwarning is not None  # type: ignore[attr-defined]


def _cache() -> dict[object, bool]:
    """Return what the root logger remembers until a level changes."""
    found: dict[object, bool] = getattr(logging.root, "_cache", {})
    return found
