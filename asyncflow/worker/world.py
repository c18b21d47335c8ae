"""What of its parent's world a worker has: paths, folder, arguments, variables, filters,
log levels; and the options of its interpreter.

A worker has them from its start on, and gets them anew with a trip where they differ.
"""

# No annotations as texts: each would be compiled again, for a field of a NamedTuple.

import gc
import logging
import os
import pickle
import re
import sys
import time
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from operator import attrgetter
from posix import getcwd  # tests take that of `os` for a call that blocks
from typing import Any, NamedTuple, TypeAlias

from asyncflow.worker import parent
from asyncflow.worker.local_modules import named

Levels = tuple[dict[str, int], int, tuple[str, ...], bool]
"""The levels of loggers that have one, by their names (``""`` for the root); up to which
level all are disabled; the loggers that have handlers; whether warnings are logged."""

Content: TypeAlias = tuple[
    list[str], list[str], dict[bytes, bytes], list[Any], bool, Levels, str | None
]
"""`sys.path`, `sys.argv`, the environment, the warning filters, whether byte code is
kept from the disk, the levels of loggers, and the folder; None where that was removed."""

_FLAGS = {
    "debug": "d",
    "optimize": "O",
    "bytes_warning": "b",
    "no_site": "S",
    "isolated": "I",
    "ignore_environment": "E",
    "no_user_site": "s",
    "safe_path": "P",
}

_LEFT_OUT = frozenset(
    {"importtime", "perf", "perf_jit", "presite", "showrefcount", "tracemalloc"}
)
"""What looks at this process, and would print in each of its workers or slow it down."""

_OURS = frozenset({parent.MARK.encode(), b"ASYNCFLOW_MAIN"})
"""Variables of the worker itself."""


def interpreter_options() -> list[str]:
    """Return the options that change what code does: ``-O``, ``-X utf8`` and their like.

    Warning filters travel otherwise, as they may change while this process runs.
    """
    flags = [
        f"-{option * int(getattr(sys.flags, name))}"
        for name, option in _FLAGS.items()
        if getattr(sys.flags, name)
    ]
    return flags + [
        f"-X{name}" if value is True else f"-X{name}={value}"
        for name, value in sys._xoptions.items()
        if name not in _LEFT_OUT
    ]


class World:
    """The world of a process with workers; its number tells one from the next."""

    number: int = 0
    packed: bytes = b""
    """For `apply`."""

    def __init__(self) -> None:
        self._path: list[Any] = []
        self._argv: list[str] = []
        self._filters: list[Any] = []
        self._variables: dict[bytes, bytes] = {}
        self._writes_none = False
        self._folder: str | None = None
        self._levels = LevelWatch()

    def look(self) -> int:
        """Look whether it has changed; return its number. Takes 1 to 2 us."""
        try:
            folder: str | None = getcwd()
        except OSError:
            folder = None

        if (
            self.number
            and folder == self._folder
            and sys.path == self._path
            and sys.argv == self._argv
            and warnings.filters == self._filters
            and sys.dont_write_bytecode == self._writes_none
            and os.environ._data == self._variables  # type: ignore[attr-defined]
            and self._levels.is_same()
        ):
            return self.number

        self._path, self._argv, self._folder = [*sys.path], [*sys.argv], folder
        self._filters = [*warnings.filters]
        self._variables = {**raw_environment()}
        self._writes_none = sys.dont_write_bytecode
        content: Content = (
            [entry for entry in self._path if isinstance(entry, str)],
            [*map(str, self._argv)],
            {k: value for k, value in self._variables.items() if k not in _OURS},
            [*map(_plain, self._filters)],
            self._writes_none,
            self._levels.look(),
            folder,
        )
        self.packed = pickle.dumps(content, 5)
        self.number += 1
        return self.number


class GivenWorld(World):
    """The world of another process, as that has packed it."""

    def __init__(self, packed: bytes) -> None:
        super().__init__()
        self.packed = packed
        self.number = 1

    def look(self) -> int:
        return self.number


class _Applied:
    """What this worker was given last."""

    variables: Mapping[bytes, bytes] | None = None
    filters: list[Any] = [*warnings.filters]  # noqa: RUF012  # one object a process
    filter_parts: Iterable[Any] = ()
    lacks: bool = False


def apply(data: bytes) -> None:
    """Have this process be in the world of its parent.

    :param data: a pickled `Content`
    """
    path, argv, variables, filters, writes_none, levels, folder = pickle.loads(data)

    if folder is not None and folder != current_folder():
        with suppress(OSError):  # it was removed meanwhile
            os.chdir(folder)

    if path != sys.path:
        sys.path[:] = path

        for finder in sys.meta_path:
            if hasattr(finder, "invalidate_caches"):
                finder.invalidate_caches()

    sys.argv[:] = argv
    sys.dont_write_bytecode = writes_none
    _set_variables(variables)
    _Applied.filter_parts = filters
    set_filters()
    apply_levels(levels)


def lacks_filters() -> bool:
    """Tell whether a filter waits for the module of its category."""
    return _Applied.lacks


def set_filters() -> None:
    """Set those warning filters whose categories are loaded.

    What modules have set that are loaded only here stays, before the others.
    """
    made = [_filter(*parts) for parts in _Applied.filter_parts]
    _Applied.lacks = None in made
    given = [entry for entry in made if entry is not None]
    own = [entry for entry in warnings.filters if entry not in _Applied.filters]
    found = [*(entry for entry in own if entry not in given), *given]
    _Applied.filters = given

    if found == warnings.filters:
        return

    warnings.filters[:] = found  # type: ignore[index]  # it is a list

    with warnings.catch_warnings():
        pass  # has what it remembers of them forgotten


def _set_variables(variables: Mapping[bytes, bytes]) -> None:
    """Set what the parent has changed; what modules have set here stays."""
    before = _Applied.variables
    _Applied.variables = variables

    for key in before or ():
        if key not in variables:
            os.environb.pop(key, None)

    before = {**raw_environment()} if before is None else before

    for key, value in variables.items():
        if before.get(key) != value:
            os.environb[key] = value

    if before.get(b"TZ") != variables.get(b"TZ"):
        time.tzset()  # what starts with it would have it, too


def current_folder() -> str | None:
    """Return the current folder; None where it was removed."""
    try:
        return getcwd()
    except OSError:
        return None


def return_to(folder: str | None) -> None:
    """Go back to a folder, where a job has left it; None for one that was removed."""
    if folder is not None and current_folder() != folder:
        with suppress(OSError):
            os.chdir(folder)


def raw_environment() -> dict[bytes, bytes]:
    """Return the environment, as it is kept: to decode it takes long."""
    found: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]
    return found


def _plain(entry: Any) -> tuple[object, ...]:
    """Return a warning filter without its class, which not every worker has loaded."""
    action, message, category, module, line = entry
    names = category.__module__, category.__qualname__
    return action, _plain_pattern(message), names, _plain_pattern(module), line


def _plain_pattern(pattern: re.Pattern[str] | str | None) -> object:
    if isinstance(pattern, re.Pattern):
        return pattern.pattern, pattern.flags

    return pattern


def _filter(
    action: str, message: Any, names: tuple[str, str], module: Any, line: int
) -> tuple[object, ...] | None:
    """Make a warning filter; None where its category is not loaded."""
    category = named(sys.modules.get(names[0]), names[1])

    if not isinstance(category, type) or not issubclass(category, Warning):
        return None

    return action, _pattern(message), category, _pattern(module), line


def _pattern(plain: Any) -> object:
    return re.compile(*plain) if isinstance(plain, tuple) else plain


class Variables(dict[bytes, bytes]):
    """The variables of the environment, and how often one was set or removed.

    To compare them all takes long.
    """

    changes: int = 0

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.changes += 1
        super().__setitem__(key, value)

    def __delitem__(self, key: bytes) -> None:
        self.changes += 1
        super().__delitem__(key)

    @classmethod
    def watched(cls) -> "Variables":
        """Return those of this process."""
        found = raw_environment()

        if not isinstance(found, Variables):
            found = Variables(found)
            os.environ._data = os.environb._data = found  # type: ignore[attr-defined]

        return found


_LISTS = ("path", "argv", "meta_path", "path_hooks")
"""Lists of `sys` that jobs may change."""

_lists_of = attrgetter(*_LISTS)

_recursion, _switch, _trace = sys.getrecursionlimit, sys.getswitchinterval, sys.gettrace
_profile, _collects = sys.getprofile, gc.isenabled
_SETTERS: tuple[Callable[[Any], object], ...] = (
    sys.setrecursionlimit,
    sys.setswitchinterval,
    sys.settrace,
    sys.setprofile,
    lambda is_on: gc.enable() if is_on else gc.disable(),
)
"""What sets each of the settings that `_settings` gives."""


class Interpreter:
    """Lists and settings of the interpreter, as they were remembered last."""

    def remember(self) -> None:
        """Take them for what they are to be."""
        self._lists = tuple([*entries] for entries in _lists_of(sys))
        self._settings = _settings()

    def put_right(self, *, has_loaded: bool) -> None:
        """Put right what a job has changed of them. Takes 1 us where that is nothing.

        :param has_loaded: whether the job was the first to load a module, which may have
            put something into a list: that stays
        """
        if _lists_of(sys) != self._lists:
            for name, entries in zip(_LISTS, self._lists, strict=True):
                now = getattr(sys, name)
                new = (
                    [entry for entry in now if entry not in entries]
                    if has_loaded
                    else []
                )

                if not new or any(entry not in now for entry in entries):
                    setattr(sys, name, [*entries, *new])

        if _settings() != self._settings:
            for put, value in zip(_SETTERS, self._settings, strict=True):
                put(value)


def _settings() -> tuple[Any, ...]:
    return _recursion(), _switch(), _trace(), _profile(), _collects()


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


class _GivenLevels(NamedTuple):
    names: Collection[str] = ()
    handled: Collection[str] = ()


_given_levels = _GivenLevels()
"""What this worker was given last: the names with a level, and those with handlers."""


def apply_levels(levels: Levels) -> None:
    """Have the levels of the parent; what modules have set here for others stays."""
    global _given_levels

    given, disabled, handled, captures = levels

    for name in _given_levels.names:
        if name not in given:
            logging.getLogger(name).setLevel(logging.NOTSET)

    for name, level in given.items():
        if (logger := logging.getLogger(name)).level != level:
            logger.setLevel(level)

    if logging.root.manager.disable != disabled:
        logging.disable(disabled)

    logging.captureWarnings(captures)
    _given_levels = _GivenLevels(frozenset(given), frozenset(handled))


def handled_by_parent() -> Collection[str]:
    """Return the names of the loggers that have handlers in the parent."""
    return _given_levels.handled


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
