"""The seam of executors: what they are given, what they tell, what they promise."""

# No annotations as texts: each would be compiled again, for a field of a NamedTuple.

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Protocol, Self

from asyncflow.abc.driver import Driver
from asyncflow.worker.current import Progress
from asyncflow.worker.outcome import Log, Outcome, StoredValue
from asyncflow.worker.wire import Made


class Pinned(Protocol):
    """The user's modules as they were when a run was submitted."""

    @property
    def older(self) -> Collection[str]:
        """Those that this process may have loaded in an older form, by name."""


class ValuesAddress(Protocol):
    """An address where values are kept, as executors see it: it can be pickled."""

    def probe(self) -> None:
        """Write there, read it, and remove it. Blocks.

        :raises AsyncflowError: where that cannot be
        """


class WorkerInfo(NamedTuple):
    """A worker process, at one moment."""

    host: str
    """The name of its host."""
    pid: int
    """The id of the process there."""
    state: str
    """``idle``, ``busy``, or ``silent``: a worker of Dask that does not answer, with
    however many processes of its own."""
    memory: int
    """How much memory it had, in bytes; 0 where that is not known."""
    job_id: str | None
    """The job that it ran, or the first of a batch that had not ended as far as was
    known; None where it is not busy."""
    stack: str = ""
    """Where the Python of its threads was, if that was asked for; or why nobody knows."""


class Call(NamedTuple):
    """One job, as an executor sees it."""

    job_id: str
    task: str
    function: Callable[..., object]
    code: bytes | None
    """The pickled function; None where no worker process needs it."""
    inputs: tuple[tuple[str, Driver, StoredValue | Made], ...]
    """For each input: the data node's name, its driver and its value. That may be one
    that an earlier call of the same trip makes, if the executor carries several."""
    outputs: tuple[tuple[str, Driver, str], ...]
    """For each output: the name, the driver, and the file that a large value may make."""
    is_async: bool = False
    """Whether the function is awaited, and so must not be held up."""
    sources: dict[str, str] | None = None
    """The text of source files that exist nowhere, for tracebacks."""
    attempt: int = 1
    """How often the job has been tried, this time included."""
    memory_limit: int | None = None
    """How many bytes of memory it may take; None for no limit."""
    is_short: bool = False
    """Whether it is known to take next to no time."""
    carrier: str | None = None
    """The W3C ``traceparent`` that its function continues; None for none."""
    is_watched: bool = False
    """Whether it matters when its function is called: it may be silent only so long."""
    pinned: Pinned | None = None
    """What `Executor.pin` gave when its run was submitted."""
    waiting_file: str | None = None
    """A file to be removed just before the call begins, by who has `removes_files`."""


class Watch(ABC):
    """What an executor tells of the calls that it runs. On the event loop's thread."""

    @abstractmethod
    def started(self, call: Call, log: Log | None) -> None:
        """Take note that a call has started. Not told of those that end at once.

        :param log: where what it prints can be read meanwhile: to the end of the file
        """

    def loading(self, call: Call) -> None:  # noqa: B027  # who needs no clock does nothing
        """Take note that the function of a call is loaded, and its inputs are read, before
        it is called; `called` tells of that. Not told where that takes no time.
        """

    def called(self, call: Call) -> None:  # noqa: B027  # the same
        """Take note that the function of a call is called now; see `loading`."""

    @abstractmethod
    def reported(self, call: Call, progress: Progress) -> None:
        """Take note of how far a call has come."""

    def logged(self, call: Call, records: Sequence[bytes]) -> None:  # noqa: ARG002
        """Take log records of a call, for the loggers of this process.

        :param records: each for `asyncflow.worker.records.unpacked`
        """
        return None

    @abstractmethod
    def ended(self, call: Call, outcome: Outcome) -> None:
        """Take the outcome of a call, as soon as it is known."""

    def all_ended(self, calls: Sequence[Call], outcomes: Sequence[Outcome]) -> None:
        """Take the outcomes of several calls that are known at once."""
        for call, outcome in zip(calls, outcomes, strict=True):
            self.ended(call, outcome)

    @abstractmethod
    def returned(self, calls: Sequence[Call]) -> None:
        """Take calls back that were not started, and are not going to be."""

    async def kept(self) -> None:
        """Return when what was told so far is durable: then it may be forgotten."""
        return None


class CapacityListener(Protocol):
    """Who is told how many jobs can run at once."""

    def capacity_changed(self, count: int) -> None:
        """Take note that so many jobs can run at once."""


class HeldValues(Protocol):
    """Values that stay where jobs have made them, as long as their orchestrator.

    They are known by the names of their files; see `asyncflow.worker.values.held_name`.
    """

    async def bring(self, name: str, path: str) -> None:
        """Bring a value here.

        :param path: the file to make
        :raises ValueMissing: where it is lost
        """

    async def has(self, name: str) -> bool:
        """Tell whether a value is there still."""

    async def drop(self, names: Collection[str]) -> None:
        """Forget values, as nobody needs them any more."""

    async def names(self) -> Collection[str]:
        """List the values, also those of others."""


class Executor(ABC):
    """Where jobs run.

    The scheduler takes a token of its limiter, then hands over what is ready. The
    executor is an async context manager: what it opened is gone when it is left.

    It is registered in `asyncflow.executors`, by `register` of
    `asyncflow.alternatives.EXECUTORS` (for tasks that name it) or `MODES` (for all that
    name none), or as an entry point ``asyncflow.executors`` or ``asyncflow.modes``.
    """

    removes_files: ClassVar[bool] = False
    """Whether it removes the `waiting_file` of a call that is alone in its batch."""
    max_batch: ClassVar[int] = 1
    """How many calls one batch may have: a quarter where somebody listens to their run."""
    max_short: ClassVar[float] = 0.0025
    """Up to how many seconds a job takes that shares a batch."""
    max_batch_time: ClassVar[float] = 0.005
    """How many seconds the jobs of one batch may take together."""
    batch_cost: ClassVar[float] = 0.0008
    """How much work is worth a batch of its own, in seconds: to send it and to take the
    outcomes takes some 0.3 ms in `standalone` mode, of which a part holds up the other
    slots. As much goes together even if that leaves a slot free."""
    in_processes: ClassVar[bool] = False
    """Whether it calls functions in other processes, and so needs them pickled."""
    runs_where_submitted: ClassVar[bool] = False
    """Whether plain functions run in the thread that waits for their run, where that
    offers to call them; see `asyncflow.callers`."""
    runs_all: ClassVar[bool] = False
    """Whether, as that of a mode, it runs all jobs, whatever executors tasks name."""
    max_jobs: ClassVar[int | None] = None
    """How many jobs run at once, as that of a mode; None for ``max_nb_of_workers``."""
    ignores: ClassVar[Mapping[str, str]] = {}
    """The settings of jobs that have no effect, as that of a mode; and in which mode they
    have."""
    extra: ClassVar[str | None] = None
    """The extra of asyncflow that installs what it requires."""
    requires: ClassVar[tuple[str, ...]] = ()
    """The modules that must be there."""
    not_killing: ClassVar[str | None] = None
    """Why it cannot end a plain function, for errors; None where it can."""
    not_async: ClassVar[str | None] = None
    """Why an ``async def`` function cannot be for it, for errors; None where it can."""

    listener: CapacityListener | None = None
    """Who is told where `capacity` has changed."""
    held_values: HeldValues | None = None
    """The values of drivers that are `is_held`: they stay where jobs run. None where those
    are as all others. It is asked once it is open."""
    owner_id: str = ""
    """The orchestrator that it is opened for; ``""`` for none."""
    outlives_owner: bool = False
    """Whether what runs is to go on where the owner dies, as far as that can be: who
    comes next asks for it; see `take_over`."""

    @classmethod
    def of(cls, jobs: Any) -> Self:  # noqa: ARG003
        """Make one, not open yet.

        :param jobs: how jobs are executed: the `JobConfig`, which is declared below
        """
        return cls()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    @property
    def capacity(self) -> int | None:
        """How many jobs can run at once, where it is for it to say; None where not."""
        return None

    @property
    def may_wait(self) -> bool:
        """Whether a call may wait there before it begins, for more than a moment, while
        all processes that run calls see its `waiting_file`.
        """
        return False

    async def reach(
        self,
        folder: str,  # noqa: ARG002
        address: ValuesAddress | None = None,  # noqa: ARG002
    ) -> None:
        """See whether values can be read and written where jobs run.

        :param folder: the folder of their files
        :param address: where they are for all hosts; None where that is the folder
        :raises AsyncflowError: where it is not
        """
        return None

    async def take_over(self, dead_id: str) -> Mapping[str, int]:  # noqa: ARG002
        """Find what goes on of a dead orchestrator, and have nothing more of it start.

        Such a job does not start again where it is given to `run`: that tells what becomes,
        or has become, of it.

        :param dead_id: the dead one, which was the `owner_id` of such an executor
        :return: the attempts, by the ids of their jobs
        """
        return {}

    async def let_go(self, dead_id: str, job_ids: Collection[str]) -> None:  # noqa: ARG002
        """End jobs that `take_over` has found, and of which nobody wants to know."""
        return None

    async def shrink(self, count: int) -> None:  # noqa: ARG002
        """End processes that run nothing, until there are `count` at most."""
        return None

    async def wind_down(self) -> None:
        """Begin to end what runs nothing: no call comes any more. Leaving it ends the rest.

        Returns when what it has begun is done.
        """
        return None

    @property
    def workers(self) -> int:
        """How many worker processes are alive."""
        return 0

    async def list_workers(self, *, stacks: bool = False) -> list[WorkerInfo]:  # noqa: ARG002
        """List the worker processes that are alive, and what they run. Takes 2 s at most.

        :param stacks: also where their Python is
        """
        return []

    async def begin(self) -> None:
        """Begin to get ready for a first job, before the rest is loaded and opened.

        Return as soon as that goes on elsewhere: in a process that starts, say.
        """
        return None

    async def warm(self, count: int) -> None:  # noqa: ARG002
        """Get ready to run `count` jobs at once."""
        return None

    def pin(self, *, have_run: bool = False) -> Pinned | None:  # noqa: ARG002
        """Pin the user's modules as they are now, for a run that is submitted.

        Its calls have what this returns, and calls that travel together have the same.
        None where functions run as this process has loaded them.

        :param have_run: whether all its functions have run, so that it is known what
            modules they have loaded
        """
        return None

    @abstractmethod
    async def run(self, calls: Sequence[Call], watch: Watch) -> None:
        """Run calls in their order, and tell what becomes of each.

        Calls of which nothing was told when it returns were not started. It never raises
        for what a job does. On cancel it ends what runs, and raises only when that is
        dead and its outputs are gone; it may tell `Killed` then.
        """

    @abstractmethod
    def kill(self, call: Call, *, now: bool = False) -> None:
        """Ask for the end of a call that was given to `run`, and of no other.

        Returns at once. The end is told as any other: as `Killed`, when its process and
        all that this has started are dead, or as what had come of it before. A call that
        cannot be killed runs to its end.

        :param now: give it no time to end by itself; also after a kill that did
        """
