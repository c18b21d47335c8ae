"""The seams: what an executor, a driver and a store promise.

This module is imported by workers too: at run time it needs the standard library only.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, Self

from asyncflow.worker.current import Progress as Progress
from asyncflow.worker.outcome import Crashed as Crashed
from asyncflow.worker.outcome import Killed as Killed
from asyncflow.worker.outcome import Log as Log
from asyncflow.worker.outcome import Outcome as Outcome
from asyncflow.worker.outcome import Printed as Printed
from asyncflow.worker.outcome import Raised as Raised
from asyncflow.worker.outcome import Returned as Returned
from asyncflow.worker.outcome import StoredValue as StoredValue
from asyncflow.worker.outcome import Usage as Usage
from asyncflow.worker.streams import Mode as Mode
from asyncflow.worker.values import fetch, keep
from asyncflow.worker.wire import Made as Made

if TYPE_CHECKING:
    from asyncflow.errors import StoreFailed
    from asyncflow.filters import Where
    from asyncflow.options import Page
    from asyncflow.records import (
        BasisRecord,
        DataNodeRecord,
        JobRecord,
        LogRecord,
        OrchestratorRecord,
        Pruned,
        Record,
        ScenarioRecord,
        SubmissionRecord,
        VersionRecord,
    )
    from asyncflow.selection import Preview


class Driver(ABC):
    """How one storage type reads and writes a value.

    A driver runs where the job runs, so its methods are plain blocking functions and the
    driver itself can be pickled. One driver serves every version of one data node.

    Its class says what others need to know of the storage type. It is registered by that:
    in `asyncflow.drivers`, by `asyncflow.alternatives.DRIVERS.register`, or as an entry
    point ``asyncflow.drivers`` of a package. Its module is imported by workers, too.

    :param path: what the data node has as ``default_path``, absolute; None for none
    :param options: an instance of `Options`; None where there are none
    """

    storage_type: ClassVar[str]
    Options: ClassVar[type[Any] | None] = None
    """A frozen attrs class: its fields are further parameters of `configure_data_node` for
    this storage type, and keys in TOML; its validators check them, and what a field has
    as ``metadata={"remedy": "..."}`` says what to do. None for no options."""
    takes_path: ClassVar[bool] = False
    """Whether ``default_path`` may be given."""
    takes_default_data: ClassVar[bool] = True
    """Whether ``default_data`` may be given: whether it can be asked what is there."""
    extra: ClassVar[str | None] = None
    """The extra of asyncflow that installs what it requires."""
    requires: ClassVar[tuple[str, ...]] = ()
    """The modules that must be there; it imports them when it is first used."""
    is_durable: ClassVar[bool] = True
    """Whether its values outlive the orchestrator, and a power failure."""
    appends: ClassVar[bool] = False
    """Whether `append` adds to a value."""

    path: str | None = None
    options: Any = None
    validator: Any = None
    """What is asked of a value before it is written: a callable, or what has a method
    ``validate``, such as a schema of pandera. None for nothing."""

    def __init__(self, path: str | None = None, options: Any = None) -> None:
        if path is not None:
            self.path = path

        if options is not None:
            self.options = options

    @classmethod
    def needs(cls, options: Any) -> Mapping[str, str | None]:  # noqa: ARG003
        """Return the modules that must be there, and the extra that installs each.

        :param options: an instance of `Options`; None where there are none
        """
        return dict.fromkeys(cls.requires, cls.extra)

    @classmethod
    def rooted(cls, options: Any, directory: str) -> Any:  # noqa: ARG003
        """Return the options with relative paths among them made absolute.

        :param directory: where these begin
        """
        return options

    @classmethod
    def owns_place(cls, path: str | None, options: Any) -> bool:  # noqa: ARG003
        """Tell whether values are in a place of the user's, such as a file or a table.

        It may have a value before the first write, and has one version alone.
        """
        return path is not None

    @property
    def keeps_versions(self) -> bool:
        """Whether asyncflow keeps versions of it: not where `owns_place`."""
        return not self.owns_place(self.path, self.options)

    @property
    def place(self) -> str | None:
        """The file of the user's that it writes: who writes the same one takes turns."""
        return None

    def locate(self) -> None:  # noqa: B027  # most have no place
        """Look where `place` leads, before it is used. Blocks."""

    def read(
        self,
        kept: StoredValue,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        """Read a value, or a part of it: a job reads the whole.

        :param kept: what `write` and `publish` returned for it
        :param columns: the columns to read; None for all
        :param where: which rows to read; None for all
        :raises DataNodeReadingError: where what is in its place cannot be read, or has
            no such column
        """
        if kept is None:
            raise LookupError("the data node was never written")

        return self.select(fetch(kept), columns, where)

    def select(
        self, value: object, columns: Sequence[str] | None, where: Where | None
    ) -> object:
        """Return the part of a value that `read` is asked for, once all of it is read."""
        if columns is None and where is None:
            return value

        from asyncflow.selection import select

        return select(value, columns, where)

    def write(self, value: object, path: str, name: str) -> StoredValue:
        """Keep a value where no reader sees it yet.

        :param path: a file that it may make; nobody else uses this name
        :param name: how an error calls the value
        :return: where the value is; None for a place that the driver knows itself
        :raises NotPicklable: where the value cannot be kept
        :raises OSError: where it cannot be written; nothing is left behind
        """
        return keep(value, path, name, sync=self.is_durable)

    def append(
        self,
        value: object,
        kept: StoredValue,
        path: str,
        name: str,
    ) -> StoredValue:
        """Keep what is there with a value added to it, as `write` keeps a value.

        What is there stays as it is until this is published. Only where it `appends`.

        :param value: rows, or whatever a value of this storage type has several of
        :param kept: the value that is there; None also for a place that it knows itself
        """
        raise NotImplementedError(f"{self.storage_type!r} does not append")

    def upload(
        self,
        file: str,
        path: str,
        name: str,
    ) -> StoredValue:
        """Keep a copy of a file as the value, as `write` keeps a value.

        :param file: one that has the form of this storage type
        :raises DataNodeReadingError: where it has not
        """
        raise NotImplementedError(f"{self.storage_type!r} has no files of its own")

    def file_of(self, kept: StoredValue) -> str | bytes | None:  # noqa: ARG002
        """Return the file that a value is in, in a form that others read, or its content.

        None where there is none.
        """
        return None

    def preview(self, kept: StoredValue, rows: int) -> Preview:
        """Return the first rows of a value, to be shown."""
        from asyncflow.selection import preview

        return preview(self.read(kept), rows)

    def describe(self) -> dict[str, object]:
        """Say what it is, to be shown: passwords are masked."""
        return {
            "storage_type": self.storage_type,
            "place": self.place,
            "is_durable": self.is_durable,
            "keeps_versions": self.keeps_versions,
            "appends": self.appends,
        }

    def fingerprint(self) -> str | None:
        """Return what changes whenever a place of the user's is written, by anybody.

        None where nobody can tell, or it has no value. Blocks.
        """
        return None

    def exists(self) -> bool:
        """Tell whether a place that only the driver knows has a value already."""
        return False

    def changed_ns(self) -> int | None:
        """Return when that place was last changed, in nanoseconds since the epoch.

        None where nobody can tell, or it has no value. It is no less than the time of a
        change by anybody.
        """
        return None

    def staging_path(self, path: str) -> str:
        """Return the file that `write` may make, to remove it after a killed job."""
        return path

    def staged(self, maker: str) -> Sequence[str]:  # noqa: ARG002
        """List files beside its place that were to be published, and never are.

        Blocks.

        :param maker: the id of the orchestrator that is gone: the names of the paths that
            `write` got from it begin with this and ``-``
        """
        return ()

    def publish(self, kept: StoredValue, path: str) -> StoredValue:  # noqa: ARG002
        """Make a written value visible; called when all outputs of a job are written.

        :param kept: what `write` returned
        :param path: the path that `write` was given
        :return: what `read` is to be given
        """
        return kept

    def discard(self, kept: StoredValue, path: str) -> None:  # noqa: ARG002
        """Forget a written value that is not to be published, as another is not. Never
        raises.

        :param kept: what `write` returned
        :param path: the path that `write` was given
        """
        if isinstance(kept, str):
            with suppress(OSError):
                os.unlink(kept)


class Pinned(Protocol):
    """The user's modules as they were when a run was submitted."""

    @property
    def older(self) -> Collection[str]:
        """Those that this process may have loaded in an older form, by name."""


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
    """How many calls one batch may have."""
    in_processes: ClassVar[bool] = False
    """Whether it calls functions in other processes, and so needs them pickled."""
    runs_all: ClassVar[bool] = False
    """Whether, as that of a mode, it runs all jobs, whatever executors tasks name."""
    max_jobs: ClassVar[int | None] = None
    """How many jobs run at once, as that of a mode; None for ``max_nb_of_workers``."""
    not_killing: ClassVar[str | None] = None
    """Why it cannot end a plain function, for errors; None where it can."""
    not_async: ClassVar[str | None] = None
    """Why an ``async def`` function cannot be for it, for errors; None where it can."""

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


class StoreWatcher(Protocol):
    """Is told when a store cannot be written any more, and when it can again."""

    def store_changed(self) -> None:
        """Take note that `Store.failure` has changed. Called on the event loop."""


class Store(ABC):
    """Where records are kept (`asyncflow.records`).

    An async context manager; a store is used by one event loop at a time, on its thread.
    It can be opened again after it was closed.

    Queries see all that was saved before by this store, and what others have committed.
    Each gives a page (None for all there is), see `asyncflow.options.Page`. Scenarios come
    by their creation date, versions by their number, all others, and scenarios of one
    date, in the order in which they were first saved; `newest_first` turns the order
    round. A filter that is None lets everything pass. What cannot be
    loaded is left out, with a warning. Properties that were pickled are unpickled when
    they are first read.

    Where the store cannot be written for a reason that may pass, it is tried again until
    it can; where it cannot be read, for some seconds.

    :raises StoreFailed: by every coroutine, where the store cannot be read or written,
        saying what to do; `StoreUnavailable` by queries where that may pass
    """

    variable: str = ""
    """The environment variable that named it, or ""."""

    @classmethod
    def at(cls, address: str) -> Self:
        """Make the store of an address, not open yet.

        It is registered in `asyncflow.stores`, by `asyncflow.alternatives.STORES.register`
        or as an entry point ``asyncflow.stores``: by the scheme of its addresses.
        """
        return cls(address)  # type: ignore[call-arg]  # as most take it

    @property
    def values_folder(self) -> str | None:
        """The folder for the files of large values; None for a temporary one.

        Where it is None, records do not outlive the store, and nobody shares them.
        """
        return None

    @property
    def is_far(self) -> bool:
        """Whether orchestrators of other hosts may use it.

        Those of one host tell each other that they are there. Where this is True, each
        has to look in the store whenever it reads or writes a value.
        """
        return False

    @property
    def commits(self) -> int:
        """How many transactions it has written since it was opened."""
        return 0

    @property
    def failure(self) -> StoreFailed | None:
        """Why it cannot be written; None where it can, as far as is known.

        It is `StoreUnavailable` where it is tried again: what is saved meanwhile waits
        in memory, in its order. With any other error nothing is written any more.
        """
        return None

    def watch(self, watcher: StoreWatcher | None) -> None:  # noqa: ARG002
        """Tell somebody whenever `failure` has changed.

        :param watcher: None for nobody any more; leaving the store does that, too
        """
        return None

    def close_soon(self, *, now: bool = False) -> None:  # noqa: ARG002
        """Take note that the store is about to be closed.

        Where it cannot be written for now it is tried for some seconds only; then what
        was saved is lost, and `flush` tells.

        :param now: not even for these seconds
        """
        return None

    @abstractmethod
    async def __aenter__(self) -> Self:
        """Open the store."""

    @abstractmethod
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write what is still to be written, then close the store.

        It is closed on failure and on cancel, too.
        """

    @abstractmethod
    def save(self, *records: Record) -> None:
        """Take records to be written: all of one call, or none of them.

        Returns at once; calls are written in their order. A record replaces the one
        with its kind and id, but some things stay what they were: the graph and the
        properties of a submission, lock and directory of a data node, and of a version
        all but whether its value is kept, and its holder. Once a write has failed
        for good, what is saved is dropped: `flush` tells.

        :raises NotPicklable: where a property cannot be kept, naming the part
        """

    @abstractmethod
    async def flush(self) -> None:
        """Return when all that was saved before is durable.

        It waits while the store is tried again. On cancel only the waiting ends.

        :raises StoreFailed: where it could not be written; from then on, always
        """

    @abstractmethod
    async def register(
        self, record: OrchestratorRecord, *, lease: float | None = None
    ) -> None:
        """Save the orchestrator that uses this store; return when that is durable.

        A lease is renewed as long as the store is open, whatever holds the event loop
        up, until a record without one (0) is saved.

        From here on every write checks first, in its transaction, that this record is
        still there: others may have taken its owner for dead. Then nothing is written.
        Nothing is tried again until `watch` is called: an orchestrator opens, or does not.

        :param lease: how long its lease is from now on, by `now`, in seconds; None for
            that of the record
        :raises StoreFailed: by `flush` and all others, once it has gone
        """

    @abstractmethod
    async def now(self) -> float:
        """Return the time by the clock of the leases, in seconds since the epoch.

        All who share the store share this clock.
        """

    @abstractmethod
    async def adopt(
        self,
        dead_id: str,
        heir_id: str,
        *,
        lease_until: float | None = None,
        run_ids: Collection[str] | None = None,
        is_crash: bool = True,
    ) -> dict[str, int]:
        """Give what a dead orchestrator had to another, in one transaction.

        These are its submissions that have not finished and the versions that it holds;
        it is forgotten itself, once it has no such submission. Nothing changes where it
        is unknown: another was faster.

        :param lease_until: do it only if its lease has not been renewed: ends by then
        :param run_ids: the submissions to give; None for all
        :param is_crash: whether it died, and was not closed
        :return: the submissions of the heir that have not finished, by id: how many
            orchestrators of it have died since a job of it last ended
        """

    @abstractmethod
    def submit(self, record: SubmissionRecord) -> Callable[[], Awaitable[None]]:
        """Save a new submission, unless its scenario is not there any more.

        Returns at once, as `save` does.

        :return: returns in its turn when that is durable, and raises `NotFound` where
            nothing was saved
        """

    @abstractmethod
    async def claim(self, record: SubmissionRecord) -> SubmissionRecord:
        """Save a submission, unless there is one with its id; return the one that is.

        Of several that claim one id at a time, one has its own returned.

        :raises NotFound: where its scenario is not there any more
        """

    @abstractmethod
    async def lock(
        self, record: DataNodeRecord, *, now: float
    ) -> DataNodeRecord | None:
        """Lock a data node, or unlock it, as a record says.

        The editor of the record gets the lock where nobody else has it, or only one
        that ended before `now`. A record without an editor takes the lock away.

        :return: what is kept then; None where the data node is unknown
        """

    @abstractmethod
    async def delete(self, *record_ids: str) -> list[str]:
        """Forget records, all of them or none; return when that is durable.

        With a scenario go its data nodes, its submissions and its bases; with a
        submission its jobs, with a job its log, with a data node its versions; with an
        orchestrator the values that it holds. Unknown ids change nothing. On cancel only the waiting
        ends.

        :return: the names of the files that the versions had
        """

    @abstractmethod
    async def delete_ended(
        self, record_id: str, lost: Collection[SubmissionRecord] = ()
    ) -> list[str] | None:
        """Do what `delete` does, for a scenario or a submission that has ended.

        :param lost: the submissions that are forgotten though they have not finished, as
            long as they have the same orchestrator
        :return: None where another has not finished: then nothing has changed
        """

    @abstractmethod
    def pin(self, submission_id: str, versions: Mapping[str, int | None]) -> None:
        """Have the values of data nodes stay until a submission is unpinned.

        Returns at once, as `save` does. What is dropped meanwhile is not kept any more, but
        its record goes on having its value, or the name of its file. Nothing is pinned for
        a submission that is not there, or has finished.

        :param versions: by the ids of the data nodes the number of a version that is kept;
            None for the current one
        """

    @abstractmethod
    async def unpin(self, submission_id: str) -> list[str]:
        """Let the values go that were pinned for a submission, of those not kept.

        :return: the names of the files that no record has any more
        """

    @abstractmethod
    async def pinned_for_ended(self) -> list[str]:
        """List for which submissions values are pinned that are not there, or have
        finished: who should have unpinned them was killed.
        """

    @abstractmethod
    async def pinned(self, submission_id: str) -> set[tuple[str, int]]:
        """Return what is pinned for a submission: data nodes' ids, versions' numbers."""

    @abstractmethod
    async def prunable(
        self,
        *,
        finished_before: float | None = None,
        keep: int | None = None,
        has_log: bool = False,
        limit: int | None = None,
    ) -> list[str]:
        """List the ids of submissions that have finished, the oldest first.

        :param finished_before: those that ended before this, in seconds since the epoch
        :param keep: without the last ones, so many
        :param has_log: those of which it is known what a job printed
        """

    @abstractmethod
    async def prune(self, *submission_ids: str, logs_only: bool = False) -> Pruned:
        """Forget submissions that have finished, with their jobs and logs.

        All of them in one transaction; return when that is durable. On cancel only the
        waiting ends.

        :param logs_only: forget only what their jobs printed
        """

    async def shrink(self) -> int:
        """Give back the disk space of what was deleted, where that takes no long time.

        :return: how many bytes
        """
        return 0

    @abstractmethod
    async def get(self, record_id: str) -> Record | None:
        """Return the record with this id, or None.

        Not of a version, a basis or a log.

        :raises RecordDamaged: where it cannot be loaded
        """

    @abstractmethod
    async def scenarios(
        self,
        *,
        config_id: str | None = None,
        name: str | None = None,
        created_from: float | None = None,
        created_to: float | None = None,
        page: Page | None = None,
    ) -> list[ScenarioRecord]:
        """List scenarios.

        :param created_from: the first creation date, in seconds since the epoch
        :param created_to: the creation date, in the same unit, before which they were
            made
        """

    @abstractmethod
    async def data_nodes(
        self,
        *,
        owner_id: str | None = None,
        page: Page | None = None,
    ) -> list[DataNodeRecord]:
        """List data nodes."""

    @abstractmethod
    async def versions(
        self,
        *,
        node_id: str | None = None,
        node_ids: Collection[str] | None = None,
        owner_id: str | None = None,
        is_kept: bool | None = None,
        page: Page | None = None,
    ) -> list[VersionRecord]:
        """List versions, in the order in which they were saved first.

        Of two writers who save versions of shared data nodes at a time, one comes first
        in all of these nodes.

        :param node_ids: of any of these data nodes, as they are at one moment
        :param owner_id: of the data nodes of this scenario
        """

    @abstractmethod
    async def kept_names(self) -> set[str]:
        """Return the names of all files that versions have."""

    @abstractmethod
    async def makers(self) -> set[str]:
        """Return whose files of values may be here: also orchestrators that are gone."""

    @abstractmethod
    async def submissions(
        self,
        *,
        entity_id: str | None = None,
        scenario_id: str | None = None,
        orchestrator_id: str | None = None,
        status: str | None = None,
        is_finished: bool | None = None,
        page: Page | None = None,
    ) -> list[SubmissionRecord]:
        """List submissions."""

    @abstractmethod
    async def jobs(
        self,
        *,
        submission_id: str | None = None,
        submission_ids: Collection[str] | None = None,
        task_id: str | None = None,
        status: str | None = None,
        page: Page | None = None,
    ) -> list[JobRecord]:
        """List jobs.

        :param submission_ids: of any of these submissions
        """

    @abstractmethod
    async def log(self, job_id: str) -> LogRecord | None:
        """Return what a job printed, or None."""

    @abstractmethod
    async def bases(self, scenario_id: str) -> list[BasisRecord]:
        """List what the outputs of a scenario's skippable tasks follow from."""

    @abstractmethod
    async def orchestrators(self) -> list[OrchestratorRecord]:
        """List the orchestrators that are open, or were killed."""
