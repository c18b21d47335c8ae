"""How the jobs of a task travel to where they run."""

from __future__ import annotations

import linecache
import pickle
from collections.abc import Callable, Collection, Iterable
from types import FunctionType
from typing import TYPE_CHECKING, NamedTuple, Protocol
from weakref import WeakKeyDictionary

import attrs

from asyncflow.abc import Pinned
from asyncflow.config.sections import Scope, TaskConfig
from asyncflow.errors import NotPicklable
from asyncflow.scheduler._generators import Generators
from asyncflow.scheduler._group import Group
from asyncflow.scheduler._pace import Pace, Paces
from asyncflow.worker import local_modules
from asyncflow.worker.codec import dumps_code, is_by_value

if TYPE_CHECKING:
    from asyncflow.scheduler._fingerprint import Fingerprint, Fingerprints

LEAST_LIMIT = 0.5
"""Jobs with a shorter limit of time, in seconds, travel alone: only then it is known to
the millisecond when each has started."""


@attrs.frozen(eq=False, repr=False)
class Travel:
    """The same for all jobs of a task in a submission."""

    executor: str
    is_async: bool
    fingerprint: Fingerprint | None
    """What the function does, where its jobs may be skipped; None elsewhere."""
    force: bool
    """Whether its jobs run even if they could be skipped."""
    code: bytes | None
    """The pickled function; None where it is called in this process."""
    sources: dict[str, str] | None
    """The text of its source file, where that is in no file: a notebook's cell."""
    pace: Pace
    """How fast its function is."""
    may_share: bool
    """Whether its jobs may travel with others, once they are known to be short."""
    pinned: Pinned | None
    """The user's modules as its jobs have them; None for those of this process."""
    may_follow: bool
    """Whether they may travel with the one whose value they need."""


class Pin(Protocol):
    """Pins the user's modules; see `Executor.pin`."""

    def __call__(self, *, have_run: bool = False) -> Pinned | None: ...


@attrs.define(eq=False, repr=False)
class Travels:
    """Tells how tasks travel, and remembers it where it cannot change.

    :param far: whether functions may be called in other processes
    :param group: warns in the background
    :param pin: pins the user's modules; see `Executor.pin`
    """

    far: bool
    group: Group
    pin: Pin
    _pinned: Pinned | None = attrs.field(init=False, default=None)
    """What was pinned last."""
    _known: WeakKeyDictionary[TaskConfig, Travel] = attrs.field(
        init=False, factory=WeakKeyDictionary
    )
    _by_name: WeakKeyDictionary[TaskConfig, bytes] = attrs.field(
        init=False, factory=WeakKeyDictionary
    )
    """Those functions that travel by their names: what has the name later is another."""
    _paces: Paces = attrs.field(init=False, factory=Paces)
    _generators: Generators = attrs.field(
        init=False,
        default=attrs.Factory(lambda self: Generators(self.group), takes_self=True),
    )

    def of_all(self, kinds: Iterable[TaskConfig], *, force: bool) -> list[Travel]:
        """Tell how the jobs of tasks travel, for each kind of task of a run.

        A function that travels by value is pickled for each submission, and that of a
        skippable task is looked at, as the globals that it uses may have changed.

        :param kinds: a task of each kind
        :param force: whether the jobs run even if they could be skipped
        :raises NotPicklable: where a function cannot travel
        """
        kinds = tuple(kinds)
        pinned = self.pin(have_run=all(map(self._has_run, kinds)))

        if local_modules.look():
            self._by_name.clear()
            self._known.clear()
        elif pinned is not self._pinned:
            self._known.clear()

        self._pinned = pinned

        ways: dict[tuple[int, str], _Way] = {}
        prints = _fingerprints(kinds, pinned.older if pinned else ())
        return [self._of(config, ways, prints, force=force) for config in kinds]

    def _has_run(self, config: TaskConfig) -> bool:
        """Tell whether a worker has run the function, where one is to."""
        travel = self._known.get(config)
        return travel is not None and (
            travel.code is None or travel.pace.seconds is not None
        )

    def _of(
        self,
        config: TaskConfig,
        ways: dict[tuple[int, str], _Way],
        prints: Fingerprints | None,
        *,
        force: bool,
    ) -> Travel:
        travel = self._known.get(config)

        if travel is None:
            travel = self._make(config, ways, prints)

            if travel.fingerprint is None and not is_by_value(travel.code or b""):
                self._known[config] = travel

        return attrs.evolve(travel, force=True) if force else travel

    def _make(
        self,
        config: TaskConfig,
        ways: dict[tuple[int, str], _Way],
        prints: Fingerprints | None,
    ) -> Travel:
        """Tell how the jobs of a task travel.

        :param ways: those of the functions of this run, by their identities
            and the executors
        """
        key = id(config.function), config.executor
        way = ways.get(key)

        if way is None:
            way = ways[key] = self._way(config)

        executor = "inline" if way.is_async else config.executor
        far = self.far and executor == "process"
        may_share = far and _may_share(config)
        return Travel(
            executor,
            way.is_async,
            prints.of(_called(config, way.code if far else None))
            if prints and config.skippable
            else None,
            False,
            way.code if far else None,
            way.sources if far else None,
            way.pace,
            may_share,
            self._pinned if far else None,
            may_share
            and not config.skippable
            and all(node.scope is Scope.SCENARIO for node in config.input),
        )

    def _way(self, config: TaskConfig) -> _Way:
        if config.is_async or not self.far:
            return _Way(config.is_async, Pace(), None, None)

        if config.executor != "process":
            return _Way(False, Pace(), None, None)

        self._generators.look(config)
        code = self._by_name.get(config) or _code(config)

        if not is_by_value(code):
            self._by_name[config] = code

        pace, code = self._paces.of(code)
        return _Way(False, pace, code, _sources(config.function))


def _fingerprints(
    kinds: Iterable[TaskConfig], older: Collection[str]
) -> Fingerprints | None:
    if not any(config.skippable for config in kinds):
        return None

    from asyncflow.scheduler._fingerprint import Fingerprints

    return Fingerprints(older)


class _Way(NamedTuple):
    """What is the same for all tasks that have one function."""

    is_async: bool
    pace: Pace
    code: bytes | None
    sources: dict[str, str] | None


def _called(config: TaskConfig, code: bytes | None) -> Callable[..., object]:
    """Return the function that jobs call: after a reload, the new one of its name."""
    function = config.function

    if code is None or is_by_value(code) or not isinstance(function, FunctionType):
        return function

    found: Callable[..., object] = pickle.loads(code)
    return found


def _may_share(config: TaskConfig) -> bool:
    limits = (config.run_timeout, config.stall_timeout)
    return (
        config.on_restart != "fail"
        and not config.needs
        and all(limit is None or limit >= LEAST_LIMIT for limit in limits)
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
