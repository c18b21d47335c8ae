"""How the jobs of a task are called, and where; and how long they take, as far as that
has shown: what is short shares a batch.
"""

from __future__ import annotations

import linecache
import pickle
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from math import inf
from operator import is_
from types import FunctionType
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias
from weakref import WeakKeyDictionary, WeakSet

import attrs

from asyncflow.abc import Executor, Pinned
from asyncflow.alternatives import executor_of
from asyncflow.config.sections import Scope, TaskConfig
from asyncflow.dispatch.shared_generators import Generators
from asyncflow.errors import NotPicklable, UsageError
from asyncflow.executors import ASYNC, DEFAULT
from asyncflow.task_group import Tasks
from asyncflow.worker import local_modules
from asyncflow.worker.codec import dumps_code, is_by_value, is_renewed

if TYPE_CHECKING:
    from asyncflow.fingerprint.fingerprint import Fingerprint, Fingerprints


LEAST_LIMIT = 0.5
"""Jobs with a shorter limit of time, in seconds, run alone: only then it is known to
the millisecond when each has started. Where short ones take longer, so is this; see
`LIMITS`."""

LIMITS = 40
"""How many times as long as a short job a limit is at least of one that shares a batch."""

REMEMBERED = 4096
"""Of how many functions the duration is remembered."""

REMEMBERED_BYTES = 16 * 1024 * 1024
"""How many bytes the functions that are remembered may have together."""

_Digest: TypeAlias = tuple[int, int]
"""The size of a function as it is sent, and its hash: enough for an estimate."""


class DurationEstimate:
    """How long the jobs of one function take: a running estimate.

    :param max_short: see `Executor`
    """

    def __init__(
        self, seconds: float | None = None, max_short: float = Executor.max_short
    ) -> None:
        self.seconds = seconds
        """None where nobody knows yet."""
        self.max_short = max_short
        self.is_short: bool = seconds is not None and seconds <= max_short
        """Whether its jobs are known to be short."""

    def add(self, seconds: float) -> None:
        """Take note of a job: a long one weighs more than a short one."""
        last = self.seconds

        if last is not None:
            seconds = last + (seconds - last) * (0.5 if seconds > last else 0.1)

        self.seconds = seconds
        self.is_short = seconds <= self.max_short


class DurationEstimates:
    """How long functions take, by what they are when they are sent.

    A function may carry the globals that it uses, so the functions themselves are
    bounded by their size.

    :param max_short: see `Executor`
    """

    def __init__(self, max_short: float = Executor.max_short) -> None:
        self._max_short = max_short
        self._known: OrderedDict[_Digest, DurationEstimate] = OrderedDict()
        self._codes: OrderedDict[_Digest, bytes] = OrderedDict()
        self._size = 0
        """The size of all that is in `_codes`, in bytes."""

    def of(self, code: bytes) -> tuple[DurationEstimate, bytes]:
        """Return the duration of a function, and the function as it is sent.

        Both are the same objects for every task that has it, as far as it is
        remembered.
        """
        digest = len(code), hash(code)
        duration = self._known.get(digest)

        if duration is None:
            duration = DurationEstimate(max_short=self._max_short)
            self._known[digest] = duration

            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

        return duration, self._shared(digest, code)

    def _shared(self, digest: _Digest, code: bytes) -> bytes:
        known = self._codes.get(digest)

        if known == code:
            self._codes.move_to_end(digest)
            return known

        if known is None and len(code) <= REMEMBERED_BYTES:
            self._codes[digest] = code
            self._size += len(code)

        while self._size > REMEMBERED_BYTES:
            _, oldest = self._codes.popitem(last=False)
            self._size -= len(oldest)

        return code


@attrs.frozen(eq=False, repr=False)
class CallSpec:
    """The same for all jobs of a task in a submission."""

    executor: str
    function: Callable[..., object]
    """What is called where that is in this process."""
    is_async: bool
    fingerprint: Fingerprint | None
    """What the function does, where its jobs may be skipped; None elsewhere."""
    force: bool
    """Whether its jobs run even if they could be skipped."""
    code: bytes | None
    """The pickled function; None where it is called in this process."""
    sources: dict[str, str] | None
    """The text of its source file, where that is in no file: a notebook's cell."""
    duration: DurationEstimate
    """How fast its function is."""
    can_share_batch: bool
    """Whether its jobs may share a batch, once they are known to be short."""
    pinned: Pinned | None
    """The user's modules as its jobs have them; None for those of this process."""
    can_chain: bool
    """Whether they may share the batch of the one whose value they need."""


class Pin(Protocol):
    """Pins the user's modules; see `Executor.pin`."""

    def __call__(self, *, have_run: bool = False) -> Pinned | None: ...


class CallSpecs:
    """Tells how tasks are called, and remembers it where it cannot change.

    :param executors: those that tasks may name
    :param mode: that of the executions of jobs
    :param group: warns in the background
    :param pin: pins the user's modules; see `Executor.pin`
    """

    def __init__(
        self, executors: Container[str], mode: str, group: Tasks, pin: Pin
    ) -> None:
        self.executors = executors
        self.mode = mode
        self.group = group
        self.pin = pin
        self.is_close = False
        """Whether a submit is under way that follows the last one so closely that no file can
        have been saved since."""
        self.looked_at: float = -inf
        """When files were looked at, as `time.perf_counter` has it."""
        self._pinned: Pinned | None = None
        """What was pinned last."""
        self._known: WeakKeyDictionary[TaskConfig, CallSpec] = WeakKeyDictionary()
        self._last: tuple[tuple[TaskConfig, ...], list[CallSpec]] | None = None
        """The kinds of the last run and how they are called, where all is remembered and has
        run: who submits one run submits more of its kind."""
        self._by_name: WeakKeyDictionary[TaskConfig, bytes] = WeakKeyDictionary()
        """Those functions that travel by their names: what has the name later is another."""
        self._functions: WeakKeyDictionary[TaskConfig, Callable[..., object]] = (
            WeakKeyDictionary()
        )
        """What has taken the place of functions that are called in this process."""
        self._told: WeakSet[TaskConfig] = WeakSet()
        """Those of whose functions it was said that a session has defined them anew."""
        self._loaded_as: dict[str, object] = {}
        """The specs of their modules: a reload makes another."""
        of_mode = executor_of(DEFAULT, mode) or Executor
        self._durations = DurationEstimates(of_mode.max_short)
        self._least_limit = max(LEAST_LIMIT, LIMITS * of_mode.max_short)
        self._generators = Generators(group)

    def of_all(self, kinds: Iterable[TaskConfig], *, force: bool) -> list[CallSpec]:
        """Tell how the jobs of tasks are called, for each kind of task of a run.

        A function that is sent by value is pickled for each submission, and that of a
        skippable task is looked at, as the globals that it uses may have changed.

        :param kinds: a task of each kind
        :param force: whether the jobs run even if they could be skipped
        :raises NotPicklable: where a function cannot be sent
        """
        kinds, last = tuple(kinds), self._last
        is_same = last is not None and last[0] is kinds

        if (
            self.is_close
            and (last is not None and is_same and not force)
            and local_modules.are_as_ever()
        ):
            return last[1]

        if hasattr(sys, "ps1"):
            from asyncflow.dispatch import redefined

            redefined.warn(kinds, self._told)

        have_run = is_same or all(map(self._has_run, kinds))
        self.looked_at = time.perf_counter()
        pinned = self.pin(have_run=have_run)

        if local_modules.look():
            self._by_name.clear()
            self._forget()
        elif pinned is not self._pinned or (self._loaded_as and self._are_reloaded()):
            self._forget()
        elif last is not None and is_same and not force:
            return last[1]

        self._pinned = pinned
        specs = self._all_of(kinds, pinned, force=force)
        are_known = have_run and all(map(is_, map(self._known.get, kinds), specs))
        self._last = (kinds, specs) if are_known else None
        return specs

    def _are_reloaded(self) -> bool:
        """Tell whether a module was loaded anew whose functions this process calls."""
        return any(
            _spec_of(name) is not before for name, before in self._loaded_as.items()
        )

    def _forget(self) -> None:
        self._known.clear()
        self._last = None

    def _all_of(
        self, kinds: Sequence[TaskConfig], pinned: Pinned | None, *, force: bool
    ) -> list[CallSpec]:
        functions: dict[tuple[int, str], FunctionSpec] = {}
        prints = _fingerprints(kinds, pinned.older if pinned else ())
        return [self._of(config, functions, prints, force=force) for config in kinds]

    def _has_run(self, config: TaskConfig) -> bool:
        """Tell whether a worker has run the function, where one is to."""
        spec = self._known.get(config)
        return spec is not None and (
            spec.code is None or spec.duration.seconds is not None
        )

    def _of(
        self,
        config: TaskConfig,
        functions: dict[tuple[int, str], FunctionSpec],
        prints: Fingerprints | None,
        *,
        force: bool,
    ) -> CallSpec:
        spec = self._known.get(config)

        if spec is None:
            spec = self._make(config, functions, prints)

            if spec.fingerprint is None and not is_by_value(spec.code or b""):
                self._known[config] = spec

        return attrs.evolve(spec, force=True) if force else spec

    def _make(
        self,
        config: TaskConfig,
        functions: dict[tuple[int, str], FunctionSpec],
        prints: Fingerprints | None,
    ) -> CallSpec:
        """Tell how the jobs of a task are called.

        :param functions: those of the functions of this run, by their identities
            and the executors
        """
        key = id(config.function), config.executor
        function = functions.get(key)

        if function is None:
            function = functions[key] = self._function_spec(config)

        if config.executor not in self.executors:
            raise UsageError(
                f"the executor {config.executor!r} of task {config.id!r} is not open: "
                "configure a task with it before the Orchestrator is opened"
            )

        executor = ASYNC if function.is_async else config.executor
        far = self._in_processes(executor)
        may_share = far and _may_share(config, self._least_limit)
        return CallSpec(
            executor,
            function.function,
            function.is_async,
            prints.of(_called(function.function, function.code if far else None))
            if prints and config.skippable
            else None,
            False,
            function.code if far else None,
            function.sources if far else None,
            function.duration,
            may_share,
            self._pinned if far else None,
            may_share
            and not config.skippable
            and all(node.scope is Scope.SCENARIO for node in config.input),
        )

    def _function_spec(self, config: TaskConfig) -> FunctionSpec:
        if config.is_async or not self._in_processes(config.executor):
            function = self._renewed(config)
            return FunctionSpec(
                function, config.is_async, DurationEstimate(), None, None
            )

        self._generators.look(config)
        code = self._by_name.get(config) or _code(config)

        if not is_by_value(code):
            self._by_name[config] = code

        duration, code = self._durations.of(code)
        function = config.function
        return FunctionSpec(function, False, duration, code, _sources(function))

    def _in_processes(self, name: str) -> bool:
        """Tell whether an executor calls functions in other processes."""
        executor = executor_of(name, self.mode)
        return executor is not None and executor.in_processes

    def _renewed(self, config: TaskConfig) -> Callable[..., object]:
        """Return what this process calls: after a reload, what has the name now."""
        from asyncflow.worker.reloaded import module_of, renewed

        last = self._functions.get(config, config.function)
        function: Callable[..., object] = renewed(last)

        if function is not last:
            self._functions[config] = function

        if (name := module_of(function)) is not None:
            self._loaded_as[name] = _spec_of(name)

        return function


def _fingerprints(
    kinds: Iterable[TaskConfig], older: Collection[str]
) -> Fingerprints | None:
    if not any(config.skippable for config in kinds):
        return None

    from asyncflow.fingerprint.fingerprint import Fingerprints

    return Fingerprints(older)


def _spec_of(name: str) -> object:
    return getattr(sys.modules.get(name), "__spec__", None)


class FunctionSpec(NamedTuple):
    """What is the same for all tasks that have one function."""

    function: Callable[..., object]
    is_async: bool
    duration: DurationEstimate
    code: bytes | None
    sources: dict[str, str] | None


def _called(
    function: Callable[..., object], code: bytes | None
) -> Callable[..., object]:
    """Return the function that jobs call: after a reload, the new one of its name."""
    if code is None or (
        not is_renewed(code)
        and (is_by_value(code) or not isinstance(function, FunctionType))
    ):
        return function

    found: Callable[..., object] = pickle.loads(code)
    return found


def _may_share(config: TaskConfig, least_limit: float) -> bool:
    limits = (config.run_timeout, config.stall_timeout)
    return (
        config.on_restart != "fail"
        and not config.needs
        and all(limit is None or limit >= least_limit for limit in limits)
    )


def _code(config: TaskConfig) -> bytes:
    try:
        return dumps_code(config.function)
    except NotPicklable as error:
        path = f"the function of task {config.id!r}: {error.path}"
        raise NotPicklable(path, error.why) from error


def _sources(function: Callable[..., object]) -> dict[str, str] | None:
    code = getattr(function, "__code__", None)
    entry = linecache.cache.get(code.co_filename) if code else None

    # An entry without a modification time was not read from a file.
    if code is None or entry is None or len(entry) != 4 or entry[1] is not None:
        return None

    return {code.co_filename: "".join(entry[2])}
