"""What a job may leave in `logging`, for the next one to stumble over."""

from __future__ import annotations

import logging
import sys
import warnings
from typing import NamedTuple

from asyncflow.worker.world import (
    all_loggers,
    captures_warnings,
    handled_by_parent,
)


class _State(NamedTuple):
    level: int
    handlers: list[logging.Handler]
    filters: list[object]
    propagate: bool
    disabled: bool

    @classmethod
    def of(cls, logger: logging.Logger) -> _State:
        return cls(
            logger.level,
            [*logger.handlers],
            [*logger.filters],
            logger.propagate,
            logger.disabled,
        )

    def restore(self, logger: logging.Logger) -> None:
        logger.handlers[:] = self.handlers
        logger.filters[:] = self.filters  # type: ignore[assignment]  # what it had
        logger.propagate = self.propagate
        logger.disabled = self.disabled

        if logger.level != self.level:
            logger.setLevel(self.level)


_NEW = _State(logging.NOTSET, [], [], propagate=True, disabled=False)


class LogState:
    """The state of `logging` in this worker, as it was remembered last.

    :param own: the handler that all records of the root logger go to
    """

    def __init__(self, own: logging.Handler) -> None:
        self._ours = own
        self._handlers = [own]
        self._canary = object()
        self.remember()

    def remember(self) -> None:
        """Take the state for what it is to be.

        Handlers that modules have set up as they were loaded go, where the parent has
        some for the same logger: they have the records there.
        """
        root = logging.root

        if "" in handled_by_parent():
            root.handlers[:] = [self._ours]
        elif self._ours not in root.handlers:
            root.handlers.insert(0, self._ours)

        for name in handled_by_parent():
            if name in root.manager.loggerDict:
                logging.getLogger(name).handlers.clear()

        self._handlers = [*root.handlers]
        self._root = _State.of(root)
        self._loggers = {logger: _State.of(logger) for _, logger in all_loggers()}
        self._modules = frozenset(sys.modules)
        self._disabled = root.manager.disable
        self._captures = captures_warnings()
        self._show = warnings.showwarning
        self._factory = logging.getLogRecordFactory()
        self._class = logging.getLoggerClass()
        self._last = logging.lastResort
        self._settled()

    def is_clean(self) -> bool:
        """Tell whether a job has changed nothing that hits the next one at once."""
        root = logging.root
        return (
            self._canary in root._cache  # type: ignore[attr-defined]  # a new level clears it
            and root.handlers == self._handlers
            and len(logging._handlerList) == self._count  # type: ignore[attr-defined]  # of all
            and warnings.showwarning is self._show
        )

    def put_right(self) -> None:
        """Put all right.

        Loggers stay what they are that modules have set up which the job has loaded.
        """
        if captures_warnings() != self._captures:
            logging.captureWarnings(self._captures)

        warnings.showwarning = self._show
        logging.setLogRecordFactory(self._factory)
        logging.setLoggerClass(self._class)
        logging.lastResort = self._last

        if logging.root.manager.disable != self._disabled:
            logging.disable(self._disabled)

        self._root.restore(logging.root)

        for name, logger in all_loggers():
            state = self._loggers.get(logger)

            if state is None and self._is_of_new_module(name):
                continue

            if (state or _NEW) != _State.of(logger):
                (state or _NEW).restore(logger)

        self._settled()

    def _is_of_new_module(self, name: str) -> bool:
        """Tell whether a logger is called like what the job has loaded."""
        return any(
            module in sys.modules and module not in self._modules
            for module in (name, name.partition(".")[0])
        )

    def _settled(self) -> None:
        self._count = len(logging._handlerList)  # type: ignore[attr-defined]
        logging.root._cache[self._canary] = True  # type: ignore[attr-defined]
