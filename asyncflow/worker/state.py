"""What a job may leave in its process, for the next one to stumble over.

Timers, handlers of signals, the umask, limits, the environment, the locale, warning
filters, ``sys.path``, settings of Python, threads, child processes, descriptors, the
root folder, the priority, functions that were replaced, modules that were removed or
hidden. The state is remembered before jobs run. After a job it is put right; where that
is not possible the worker is to end. What a module sets while it is imported, before
the function is called, stays, as do descriptors and other things that are held in its
globals: connections are to be used again.
"""

from __future__ import annotations

import _locale
import _signal  # type: ignore[import-not-found]  # what `signal` wraps, slowly
import _thread
import errno
import fcntl
import os
import resource
import signal
import stat
import sys
import threading
import time
import warnings
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import Any, TypeAlias

from asyncflow.worker import children, settings, stacks
from asyncflow.worker.log_state import LogState
from asyncflow.worker.meddling import may_meddle
from asyncflow.worker.replaced import REPLACEABLE, Names
from asyncflow.worker.usage import limit_of
from asyncflow.worker.world import Interpreter, Variables, raw_environment

QUICK = tuple(
    int(number)
    for name in ("HUP", "INT", "USR1", "USR2", "ALRM", "TERM", "CHLD", "VTALRM", "PROF")
    if (number := getattr(signal, f"SIG{name}", None)) is not None
)
"""The signals whose handlers are looked at after each job; the others once a trip."""

ALL = tuple(map(int, signal.valid_signals()))

LIMITS = tuple(
    number
    for name in ("NOFILE", "FSIZE", "AS", "CPU", "NPROC")
    if (number := getattr(resource, f"RLIMIT_{name}", None)) is not None
)

TIMERS = (signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)

PATIENCE = 0.02
"""How long threads that a job has left may take to end, in seconds."""

SPARE = 32
"""With fewer free descriptors than so many they count as used up."""


FIRST, LAST = 3, 32
"""Between which numbers the pipes lie through which a worker talks to its parent."""

Pipes: TypeAlias = dict[int, int]
"""Pipes, and their flags: of which side they are, and how they are used."""

LOST = 74
"""The exit code of a worker that cannot answer any more; see ``sysexits.h``."""

_LOST = b"asyncflow: the job closed or replaced the descriptors of its worker\n"

_depth = sys.getrecursionlimit
_count, _umask, _alarm = _thread._count, os.umask, signal.alarm
_map = map
_locale_now = _locale.setlocale
_control, _GET_FLAGS = fcntl.fcntl, fcntl.F_GETFL
_exit, _write = os._exit, os.write
_handler_of = _signal.getsignal
_change_mask, _BLOCK = _signal.pthread_sigmask, int(signal.SIG_BLOCK)
_limit_now = resource.getrlimit
_new_umask = 0o077
"""Bound here: a job may replace what a module has under these names."""


class ProcessState:
    """The state of this process, as it was remembered last.

    :param ready: is called when a handler was put right that tells stacks
    :param logging: that of `logging`; None leaves it alone
    :param pipes: those to its parent, with the flags that they have; None for all pipes
        that are open by now, before there are any of jobs
    """

    def __init__(
        self,
        ready: Callable[[], object],
        logging: LogState | None = None,
        pipes: Pipes | None = None,
    ) -> None:
        self.has_mended: bool = False
        """Whether something was put right that is not looked at after each job."""
        self._ready = ready
        self._logging = logging
        self._interpreter = Interpreter()
        self._null = os.fstat(0).st_rdev
        self._names, self._settings = Names(), settings.Settings()
        self.pipes: Pipes = _pipes() if pipes is None else pipes
        self._vital_steps = (
            self._names.functions_left,
            self._names.modules_left,
            self._pipes_left,
            self._threads_left,
        )
        self._other_steps = (
            self._hidden_left,
            self._share_left,
            self._signals_left,
            self._limits_left,
            self._ids_left,
            self._input_left,
            self._settings_left,
        )
        self._costly_steps = (self._children_left, self._descriptors_left)
        self.remember()

    def remember(self) -> None:
        """Take the state for what it is to be."""
        self.modules: int = len(sys.modules)
        """How many modules were loaded."""
        self._names.remember()
        self._settings.remember()
        self._share = _share()
        self._interpreter.remember()
        self._threads, self._known_threads = _count(), {*threading.enumerate()}
        self._children = {*children.alive()} if children.has_any() else set()
        self._umask = _umask(_new_umask)
        _umask(self._umask)

        if self._logging is not None:
            self._logging.remember()

        self._quick = (*map(_handler_of, QUICK),)
        self._handlers = (*map(_handler_of, ALL),)
        self._mask, self._limits = _change_mask(_BLOCK, ()), [*map(limit_of, LIMITS)]
        self._environ, self._variables = os.environ, {**raw_environment()}
        self._watched = Variables.watched()
        self._changes = self._watched.changes
        self._filters = [*warnings.filters]
        self._path, self._depth = [*sys.path], _depth()
        self._ids = _ids() if _may_change_ids() else None
        self._root = _root() if self._ids else None
        self._locale = _locale_now(_locale.LC_ALL)
        self._decimal = decimal.getcontext().copy() if (decimal := _decimal()) else None

    def take_threads(self, threads: Collection[threading.Thread]) -> None:
        """Take threads for ours that serve all jobs of this process, and stay."""
        new = {*threads} - self._known_threads
        self._known_threads |= new
        self._threads += len(new)

    def looks_clean(self) -> bool:
        """Tell whether a job has left nothing of what `is_clean` looks at and Python knows:
        all but the umask and the timer, for which the system is asked; see `touched`.
        """
        return (
            self._watched.changes == self._changes
            and warnings.filters == self._filters
            and sys.path == self._path
            and _depth() == self._depth
            and _count() == self._threads
            and (*_map(_handler_of, QUICK),) == self._quick
            and (self._logging is None or self._logging.is_clean())
        )

    def is_clean(self) -> bool:
        """Tell whether a job has left what hits the next one at once. Takes 2 us.

        The umask, the timer, the environment and settings of Python are put right.
        """
        if (
            self._watched.changes != self._changes
            or warnings.filters != self._filters
            or sys.path != self._path
            or _depth() != self._depth
        ) and self._carry_out((self._settings_left,)):
            return False

        return (
            _count() == self._threads
            and _umask(self._umask) == self._umask
            and not _alarm(0)
            and (*_map(_handler_of, QUICK),) == self._quick
            and (self._logging is None or self._logging.is_clean())
        )

    def may_be_changed_by(self, function: object) -> bool:
        """Tell whether a function may leave what `is_clean` does not see."""
        return may_meddle(function, REPLACEABLE)

    def put_right(self) -> str:
        """Put all right that can be.

        :return: what cannot be, and so has to end with the process
        """
        steps = (*self._vital_steps, *self._other_steps, *self._costly_steps)
        return self._carry_out(steps)

    def put_vital_right(self) -> str:
        """Put right what an answer needs, and who waits for it; see `put_right`.

        It is enough where jobs took less long than it takes to start a process, or to
        use the descriptors up.
        """
        try:
            if (
                _count() == self._threads
                and self._has_pipes()
                and self._names.are_whole()
            ):
                return ""
        except Exception:  # noqa: S110  # the steps say what it is
            pass

        return self._carry_out(self._vital_steps)

    def put_others_right(self) -> str:
        """Put right what only the next job would meet; see `put_right`."""
        return self._carry_out(self._other_steps)

    def _carry_out(self, steps: Iterable[Callable[[], str]]) -> str:
        left = ""

        for step in steps:
            try:
                left = left or step()
            except Exception as error:
                left = left or f"left a state that cannot be put right ({error!r:.100})"

        return left

    def _has_pipes(self) -> bool:
        """Tell whether its parent is where it was."""
        for pipe, flags in self.pipes.items():
            if _control(pipe, _GET_FLAGS) != flags:
                return False

        return True

    def _hidden_left(self) -> str:
        self.has_mended |= self._names.put_back()
        return ""

    def _share_left(self) -> str:
        """Put right how much of the processors this process gets."""
        if (now := _share()) == self._share:
            return ""

        self.has_mended = True
        priority, processors = self._share

        with suppress(OSError):
            if processors != now[1]:
                os.sched_setaffinity(0, processors)

            os.setpriority(os.PRIO_PROCESS, 0, priority)

        return "" if _share() == self._share else "lowered the priority of its process"

    def _pipes_left(self) -> str:
        """Have the pipes block, as they did; end the process where it has lost one: its
        parent would wait for an answer for ever.
        """
        for pipe, flags in self.pipes.items():
            try:
                now = _control(pipe, _GET_FLAGS)
            except OSError:
                now = ~flags

            if now == flags | os.O_NONBLOCK:
                os.set_blocking(pipe, True)
            elif now != flags:
                with suppress(OSError):
                    _write(2, _LOST)

                _exit(LOST)

        return ""

    def _signals_left(self) -> str:
        _alarm(0)

        for timer in TIMERS:
            _signal.setitimer(timer, 0.0)

        if (*_map(_handler_of, ALL),) != self._handlers:
            self.has_mended = True
            self._restore_handlers()

        if _change_mask(_BLOCK, ()) != self._mask:
            _change_mask(_signal.SIG_SETMASK, self._mask)

        return ""

    def _restore_handlers(self) -> None:
        for number, handler in zip(ALL, self._handlers, strict=True):
            if _handler_of(number) is handler or handler is None:
                continue  # None: of C code, which alone can restore it

            signal.signal(number, handler)

            if number in stacks.SIGNALS:
                self._ready()

    def _limits_left(self) -> str:
        if [*_map(_limit_now, LIMITS)] == self._limits:
            return ""

        self.has_mended = True

        for number, limits in zip(LIMITS, self._limits, strict=True):
            if resource.getrlimit(number) != limits:
                with suppress(ValueError, OSError):
                    resource.setrlimit(number, limits)

                if resource.getrlimit(number) != limits:
                    return "lowered a limit of its process"

        return ""

    def _ids_left(self) -> str:
        if self._root is not None and _root() != self._root:
            return "changed the root folder of its process"

        if self._ids is None or _ids() == self._ids:
            return ""

        users, groups = self._ids
        self.has_mended = True

        with suppress(OSError):
            os.setresuid(*users)
            os.setresgid(*groups)

        return "" if _ids() == self._ids else "changed the user of its process"

    def _input_left(self) -> str:
        """Open the standard input again that a job has closed: others would get its place."""
        try:
            device = os.fstat(0).st_rdev
        except OSError:
            null = os.open(os.devnull, os.O_RDONLY)
            os.set_inheritable(null, True)

            if null != 0:
                return "closed its standard input"

            self.has_mended = True
            return ""

        return "" if device == self._null else "replaced its standard input"

    def _settings_left(self) -> str:
        _umask(self._umask)
        self._interpreter.put_right(has_loaded=len(sys.modules) > self.modules)

        if _locale_now(_locale.LC_ALL) != self._locale:
            _locale_now(_locale.LC_ALL, self._locale)

        if (decimal := _decimal()) is not None:
            context = self._decimal or decimal.DefaultContext
            decimal.setcontext(context.copy())  # functions share what there was before

        if os.environ is not self._environ:
            os.environ = self._environ  # noqa: B003  # it is the very object

        if raw_environment() != self._variables:
            self._restore_environment()

        self._changes, self._path = self._watched.changes, [*sys.path]
        self.has_mended |= self._settings.put_right()

        if warnings.filters != self._filters:
            warnings.filters[:] = self._filters  # type: ignore[index]  # it is a list

            with warnings.catch_warnings():
                pass  # has what it remembers of them forgotten

        if self._logging is not None and not self._logging.is_clean():
            self._logging.put_right()

        return ""

    def _restore_environment(self) -> None:
        now = raw_environment()

        for key in [*now]:
            if key not in self._variables:
                del os.environb[key]

        for key, value in self._variables.items():
            if now.get(key) != value:
                os.environb[key] = value

    def _threads_left(self) -> str:
        if _count() == self._threads:
            return ""

        until = time.monotonic() + PATIENCE

        for thread in threading.enumerate():
            if thread not in self._known_threads and thread.ident is not None:
                with suppress(RuntimeError):  # one that Python does not know
                    thread.join(max(0.0, until - time.monotonic()))

        if _count() < self._threads:  # one that was there has ended
            self._threads = _count()

        return "left a thread running" if _count() > self._threads else ""

    def _children_left(self) -> str:
        if not children.has_any():
            return ""

        left = {*children.alive()} - self._children - {*children.trackers()}
        return "left a child process running" if left else ""

    def _descriptors_left(self) -> str:
        soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)

        try:
            free = os.dup(1)
            os.close(free)
        except OSError as error:
            is_full = error.errno in (errno.EMFILE, errno.ENFILE)
            return "left no descriptor free" if is_full else ""

        is_full = soft != resource.RLIM_INFINITY and free > soft - SPARE
        return "left hardly a descriptor free" if is_full else ""


def _may_change_ids() -> bool:
    return hasattr(os, "getresuid") and 0 in os.getresuid()


def _ids() -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Return the users and the groups of this process."""
    return os.getresuid(), os.getresgid()


def _decimal() -> Any:
    """Return the module, where somebody has loaded it."""
    return sys.modules.get("_decimal")


def _share() -> tuple[int, Collection[int]]:
    """Return the priority of this process, and on which processors it may run."""
    processors = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    return os.getpriority(os.PRIO_PROCESS, 0), processors


def _root() -> tuple[int, int]:
    """Return what tells the root folder of this process from others."""
    status = os.stat("/")
    return status.st_dev, status.st_ino


def _pipes() -> Pipes:
    """Find the pipes and sockets of this process that block.

    What is inherited is not its own: others want it to be as it is for them.
    """
    found = {}

    for descriptor in range(FIRST, LAST):
        with suppress(OSError):
            mode = os.fstat(descriptor).st_mode

            if (
                (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))
                and not os.get_inheritable(descriptor)
                and os.get_blocking(descriptor)
            ):
                found[descriptor] = _control(descriptor, _GET_FLAGS)

    return found
