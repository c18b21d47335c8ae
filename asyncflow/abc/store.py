"""The seam of stores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypeAlias

if TYPE_CHECKING:
    from asyncflow.abc.changes import ChangeFeed
    from asyncflow.errors import StoreFailed
    from asyncflow.options import Page, SubmissionFilter
    from asyncflow.records import (
        BasisRecord,
        Changeable,
        CycleRecord,
        DataNodeRecord,
        InputRecord,
        JobRecord,
        LabelRecord,
        LogRecord,
        OrchestratorRecord,
        Pruned,
        Record,
        ScenarioRecord,
        SubmissionRecord,
        VersionRecord,
    )


Readers: TypeAlias = Mapping[str, bool] | None
"""Submissions, by id: whether each goes on reading what a write replaces."""


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

    def changes(self, listener_id: str) -> ChangeFeed | None:  # noqa: ARG002
        """Make what tells who listens what others commit; None where there are none.

        :param listener_id: the orchestrator that listens, which is registered
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
        with its kind and id, but some things stay what they were: cycles, the graph and the
        properties of a submission, lock, directory and attributes of a data node, and of a
        version all but whether its value is kept, and its holder. A `FirstVersionRecord` is
        left out where a version of its data node is kept already. Once a write has failed
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
    async def create(self, record: ScenarioRecord, *records: Record) -> str:
        """Save a scenario and what goes with it, unless there is one of its config that
        has its name, in its version, if it has one.

        Of several that create one name at a time, one has its own saved. Returns when
        that is durable. On cancel only the waiting ends.

        :param records: what is saved with it, or not at all
        :return: the id of the scenario with this name: of several, the oldest
        """

    @abstractmethod
    def submit(
        self, record: SubmissionRecord, inputs: Sequence[InputRecord] = ()
    ) -> Callable[[], Awaitable[None]]:
        """Save a new submission, unless its scenario is not there any more.

        Returns at once, as `save` does.

        :param inputs: what it was given, which is saved with it
        :return: returns in its turn when that is durable, and raises `NotFound` where
            nothing was saved
        """

    @abstractmethod
    async def claim(
        self, record: SubmissionRecord, inputs: Sequence[InputRecord] = ()
    ) -> SubmissionRecord:
        """Save a submission, unless there is one with its id; return the one that is.

        Of several that claim one id at a time, one has its own returned.

        :param inputs: what it was given, which is saved with it, or not at all
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
    async def update(self, record: Changeable, *, before: int) -> bool:
        """Save what was changed, unless somebody else has changed it meanwhile.

        Of a scenario that is its name, its properties, tags and sequences, of a data node
        or a cycle its attributes. Returns when that is durable. On cancel it is saved or not, as a whole.

        :param record: with a revision that it never had
        :param before: the revision of what was changed
        :return: whether it was saved; False also where it is not there any more
        """

    @abstractmethod
    async def promote(self, scenario_id: str) -> CycleRecord | None:
        """Make a scenario the primary one of its cycle; return that as it is then.

        None where the scenario is not there, or has no cycle. On cancel only the waiting
        ends.
        """

    @abstractmethod
    async def label(self, record: LabelRecord) -> LabelRecord:
        """Save a version of the application, unless there is one with its name; return
        the one that is. It is in production once a record says so.
        """

    @abstractmethod
    async def relabel(self, record: LabelRecord, *, before: str) -> bool:
        """Save what is declared in a version, unless that is not `before` any more; tell
        whether it was saved.
        """

    @abstractmethod
    async def labels(self) -> list[LabelRecord]:
        """List the versions of the application, in the order of their first opening."""

    @abstractmethod
    async def clean(
        self,
        label: str,
        scenario_ids: Collection[str],
        lost: Collection[SubmissionRecord] = (),
    ) -> list[str] | None:
        """Do for several scenarios what `delete_ended` does for one, whether they are
        primary or not, and forget a version with them: all in one transaction.
        """

    @abstractmethod
    async def time_zone(self, name: str) -> str:
        """Return the name of the time zone of the cycles here: the first that was given.

        :param name: the one that is kept, where there is none yet
        """

    @abstractmethod
    async def delete(self, *record_ids: str) -> list[str]:
        """Forget records, all of them or none; return when that is durable.

        With a scenario go its data nodes, its submissions and its bases; with a
        submission its jobs, with a job its log, with a data node its versions; with an
        orchestrator the values that it holds; with the last scenario of a cycle the cycle
        and its data nodes. Unknown ids change nothing. On cancel only the waiting
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
        :raises DeletingPrimaryScenario: where it is the primary scenario of a cycle with
            others: then nothing has changed either
        """

    @abstractmethod
    async def write(
        self, node_id: str, *records: VersionRecord, readers: Readers = None
    ) -> bool | None:
        """Save versions of a data node, unless that is not there (any more).

        Returns when that is durable. On cancel they are saved or not, all of them.

        :param readers: the submissions of its scenario that have not finished, by id:
            whether the version that is current until then is pinned for each of them, if
            none of the data node is; see `pin`. None where nothing is to be pinned
        :return: whether they were saved; None where `readers` lacks a submission, which
            has come meanwhile: then nothing has changed
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
        cycle_id: str | None = None,
        tag: str | None = None,
        is_primary: bool | None = None,
        properties: Mapping[str, object] | None = None,
        value: tuple[str, str, Collection[bytes]] | None = None,
        versions: Collection[str] | None = None,
        sort_key: str = "creation_date",
        after: ScenarioRecord | None = None,
        page: Page | None = None,
    ) -> list[ScenarioRecord]:
        """List scenarios.

        :param properties: those that they have: texts of at most 200 characters, numbers,
            True, False, None
        :param value: the config id of a data node, its scope, and as what its current value
            may be kept: one thing or two
        :param versions: any of these versions of the application
        :param sort_key: ``creation_date``, ``name`` (no name is as an empty one),
            ``config_id``, ``id`` or ``tags``: texts by their code points, the first 200 of
            a name; those that are the same by their dates
        :param created_from: the first creation date, in seconds since the epoch
        :param created_to: the creation date, in the same unit, before which they were
            made
        :param after: the one that comes right before the first of them, in their order; where
            that was deleted, others of its date may come once more
        """

    @abstractmethod
    async def cycles(
        self,
        *,
        frequency: str | None = None,
        page: Page | None = None,
    ) -> list[CycleRecord]:
        """List cycles, by their first instants."""

    @abstractmethod
    async def data_nodes(
        self,
        *,
        owner_id: str | None = None,
        node_ids: Collection[str] | None = None,
        labels: Collection[str] | None = None,
        page: Page | None = None,
    ) -> list[DataNodeRecord]:
        """List data nodes.

        :param node_ids: any of these
        :param labels: the versions of the application that their scenarios belong to; what
            scenarios share belongs to all, and comes first: then those of scenarios, by the
            creation dates of these
        """

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
        where: SubmissionFilter | None = None,
        page: Page | None = None,
    ) -> list[SubmissionRecord]:
        """List submissions.

        :param where: what else is asked of them, and in which order they come
        """

    @abstractmethod
    async def inputs(self, *submission_ids: str) -> list[InputRecord]:
        """Return what submissions were given."""

    @abstractmethod
    async def jobs(
        self,
        *,
        submission_id: str | None = None,
        submission_ids: Collection[str] | None = None,
        task_id: str | None = None,
        status: str | None = None,
        labels: Collection[str] | None = None,
        page: Page | None = None,
    ) -> list[JobRecord]:
        """List jobs.

        :param submission_ids: of any of these submissions
        :param labels: the versions of the application that their scenarios belong to
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
