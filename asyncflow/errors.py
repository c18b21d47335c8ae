"""Everything asyncflow raises.

::

    AsyncflowError
    ├── ConfigError            what is declared is wrong: every problem at once
    ├── UsageError             a verb was called where or when it cannot work
    │   ├── NotOpen            the orchestrator is not open (or no longer)
    │   ├── BlockingCall       a blocking verb was called on the event loop's thread
    │   ├── DeletingPrimaryScenario  others of its cycle are there
    │   ├── DoesNotBelongToACycle    a scenario has none
    │   ├── UnauthorizedTag    a scenario config does not allow a tag
    │   ├── NotCopied          what data nodes of a scenario have cannot be copied
    │   ├── InsideWorker       an orchestrator was started inside a worker process
    │   └── UnsupportedLoop    the event loop is not asyncio's
    ├── NotFound               no entity has this id
    ├── NotDeclared            the configuration lacks what an entity was made from
    ├── NoData                 a data node was read before its first write
    ├── MigrationFailed        a migration function raised, or returned what is none
    ├── ArchiveRefused         a file is no archive of a scenario, or not whole
    ├── DataNodeIsBeingEdited  somebody else has locked a data node
    ├── NotPicklable           a value or a function cannot travel to a worker
    ├── DataNodeReadingError   what is in the place of a data node cannot be read
    │   └── ValueMissing       the file of a value is not there
    ├── DataNodeWritingError   a result does not fit the outputs of its task
    │   └── ValueInvalid       its validator refuses it
    ├── PackageMissing         a package is not installed that a data node needs
    ├── JobFailed              one job that failed; its cause is the user's error
    ├── SubmissionFailed       an ExceptionGroup of the JobFailed of one submission
    ├── ComparisonFailed       a comparator of scenarios has raised
    ├── SubmissionCanceled     the awaited submission was cancelled
    │   └── SubmissionInterrupted  it ended in this process alone: the next goes on
    ├── OrchestratorFailed     the engine of an orchestrator cannot go on
    ├── EventsLost             who read events took longer than they came
    ├── ClusterFailed          a cluster cannot run jobs
    ├── ModuleDiffers          a host has another module than the submitter, or none
    ├── StoreFailed            records cannot be read or written
    │   ├── StoreUnavailable   not for now: it is tried again
    │   └── TakenOver          another orchestrator took this one for dead
    ├── RecordDamaged          one record, or its properties, cannot be loaded
    └── RemoteTraceback        the traceback of a worker, as the cause of its error

Each error carries its facts as attributes, and survives pickling.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import attrs

from asyncflow.facts import Facts
from asyncflow.worker.errors import AsyncflowError as AsyncflowError
from asyncflow.worker.errors import DataNodeReadingError as DataNodeReadingError
from asyncflow.worker.errors import DataNodeWritingError as DataNodeWritingError
from asyncflow.worker.errors import NoData as NoData
from asyncflow.worker.errors import NotPicklable as NotPicklable
from asyncflow.worker.errors import PackageMissing as PackageMissing
from asyncflow.worker.errors import ValueInvalid as ValueInvalid
from asyncflow.worker.errors import ValueMissing as ValueMissing


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Problem(Facts):
    """One thing that is wrong with a configuration."""

    section: str
    """The section, as TOML names it: ``TASK.double``."""

    field: str
    """The field of the section, or ``""`` for the section as a whole."""

    message: str
    """What is wrong."""

    remedy: str
    """What to do about it."""

    file: str | None = None
    """The TOML file it was read from, or None."""

    line: int | None = None
    """The line in that file, from 1, or None."""

    level: str = "ERROR"
    """``WARNING`` where an orchestrator opens all the same."""

    def __str__(self) -> str:
        name = f"{self.section}.{self.field}" if self.field else self.section
        where = f"{self.file}:{self.line or 1}: " if self.file else ""
        return f"{where}[{name}] {self.message}; {self.remedy}"


class ConfigError(AsyncflowError):
    """The configuration has problems: all of them, in `problems`."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        count = len(self.problems)
        head = f"the configuration has {count} problem{'s' if count != 1 else ''}:"
        super().__init__("\n  - ".join([head, *map(str, self.problems)]))


class UsageError(AsyncflowError):
    """A verb was called where or when it cannot work; the message says what to do."""


class NotOpen(UsageError):
    """The orchestrator is not open: enter it with ``async with`` first."""


class BlockingCall(UsageError):
    """A blocking verb was called on the thread of the orchestrator's event loop."""


class DeletingPrimaryScenario(UsageError):
    """A primary scenario was to be deleted, and its cycle has others."""

    def __init__(self, scenario_id: str, cycle_id: str) -> None:
        self.scenario_id = scenario_id
        self.cycle_id = cycle_id
        super().__init__(
            f"{scenario_id} is the primary scenario of {cycle_id}, which has others: make "
            "another one primary, `await other.set_primary()`, or delete the cycle"
        )


class DoesNotBelongToACycle(UsageError):
    """A scenario without a cycle was to become primary."""

    def __init__(self, scenario_id: str, config_id: str) -> None:
        self.scenario_id = scenario_id
        self.config_id = config_id
        super().__init__(
            f"{scenario_id} belongs to no cycle: give configure_scenario({config_id!r}) a "
            "frequency, then create a scenario"
        )


class UnauthorizedTag(UsageError):
    """A scenario config has `authorized_tags`, and this is none of them."""

    def __init__(self, tag: str, config_id: str, allowed: Iterable[str]) -> None:
        self.tag = tag
        self.config_id = config_id
        self.allowed: tuple[str, ...] = tuple(allowed)
        super().__init__(
            f"the tag {tag!r} is none of those that scenario config {config_id!r} allows: "
            f"{', '.join(map(repr, self.allowed))}"
        )


class NotCopied(UsageError):
    """What some data nodes of a scenario have cannot be copied; nothing was made."""

    def __init__(self, entity: str, reasons: Mapping[str, str]) -> None:
        self.entity = entity
        """The scenario, or the archive."""
        self.reasons: dict[str, str] = dict(reasons)
        """By the config ids of the data nodes: why, and what to do."""
        lines = [f"  {name}: {why}" for name, why in self.reasons.items()]
        super().__init__("\n".join([f"{entity} is not copied:", *lines]))


class InsideWorker(UsageError):
    """An orchestrator was started inside a job's worker process."""

    ends_import: bool = False
    """Whether a module did that while it was imported: the rest of it is the program's."""


class UnsupportedLoop(UsageError):
    """The running event loop is not asyncio's (stock or uvloop)."""


class NotFound(AsyncflowError):
    """No entity has this id."""

    def __init__(self, entity_id: str) -> None:
        self.entity_id = entity_id
        super().__init__(f"nothing is known under the id {entity_id!r}")


class NotDeclared(AsyncflowError):
    """The configuration lacks what an entity was made from, or has it otherwise."""

    def __init__(self, entity_id: str, config_id: str, why: str) -> None:
        self.entity_id = entity_id
        self.config_id = config_id
        self.why = why
        super().__init__(
            f"{entity_id} was made from the scenario config {config_id!r}, {why}: "
            "import the module that declares it, or load its TOML file, before"
        )


class MigrationFailed(AsyncflowError):
    """An entity of an older version could not be brought up to date; it stays as it was."""

    def __init__(self, entity_id: str, target: str, why: str) -> None:
        self.entity_id = entity_id
        self.target = target
        self.why = why
        super().__init__(
            f"{entity_id} could not be migrated to version {target!r}: {why}: mend the "
            "function that was given to Config.add_migration_function"
        )


class ArchiveRefused(AsyncflowError):
    """A file is no archive of a scenario, or not whole; nothing was made of it."""

    def __init__(self, path: str, why: str) -> None:
        self.path = path
        self.why = why
        super().__init__(
            f"{path} cannot be imported: {why}: give a file that `scenario.export` wrote, "
            "as it was written"
        )


class DataNodeIsBeingEdited(AsyncflowError):
    """Somebody else has locked a data node."""

    def __init__(self, node: str, editor_id: str) -> None:
        self.node = node
        self.editor_id = editor_id
        super().__init__(
            f"data node {node!r} is locked by {editor_id!r}: wait for the end of the "
            "lock, or take it away with `await node.unlock_edit()`"
        )


class RemoteTraceback(AsyncflowError):
    """The traceback of an error in a worker process, as text."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f'\n"""\n{text.rstrip()}\n"""')


class JobFailed(AsyncflowError):
    """A job failed. Its ``__cause__`` is the user's error, or its `RemoteTraceback`.

    `reason` says how: it raised, its worker process ended (exit code or signal), ...
    """

    def __init__(self, job_id: str, task: str, reason: str) -> None:
        self.job_id = job_id
        self.task = task
        self.reason = reason
        super().__init__(f"job {job_id} of task {task!r} failed: {reason}")


class SubmissionFailed(AsyncflowError, ExceptionGroup[JobFailed]):
    """Jobs of a submission failed: one `JobFailed` each."""

    submission_id: str

    def __new__(cls, message: str, failures: Sequence[JobFailed]) -> SubmissionFailed:
        return super().__new__(cls, message, failures)

    @classmethod
    def of(cls, submission_id: str, failures: Sequence[JobFailed]) -> SubmissionFailed:
        """Make the error of a submission; its message names each job and its error."""
        named = "; ".join(f"{error.task}: {error.reason}" for error in failures[:10])
        more = f"; and {len(failures) - 10} more" if len(failures) > 10 else ""
        count = f"{len(failures)} job{'s' if len(failures) != 1 else ''}"
        error = cls(
            f"submission {submission_id}: {count} failed: {named}{more}", failures
        )
        error.submission_id = submission_id
        return error

    @property
    def failures(self) -> tuple[JobFailed, ...]:
        """The jobs that failed."""
        return tuple(error for error in self.exceptions if isinstance(error, JobFailed))

    def derive(self, excs: Sequence[JobFailed]) -> SubmissionFailed:  # type: ignore[override]  # a group of JobFailed stays one
        """Make the group that ``except*`` and `split` hand on."""
        error = type(self)(self.message, excs)
        error.submission_id = self.submission_id
        return error


class ComparisonFailed(AsyncflowError):
    """A comparator has raised, or a value that it needs could not be read.

    `data_node` is the id of the data node's config, `comparator` the name of the function,
    or ``""`` where it did not come to that, and `scenario_ids` are the scenarios: of a
    value that could not be read, the one. Its ``__cause__`` is what was raised.
    """

    def __init__(
        self, data_node: str, comparator: str, scenario_ids: tuple[str, ...], why: str
    ) -> None:
        self.data_node = data_node
        self.comparator = comparator
        self.scenario_ids = scenario_ids
        self.why = why
        what = f"comparator {comparator!r} failed for" if comparator else "cannot read"
        super().__init__(f"{what} {data_node!r} of {', '.join(scenario_ids)}: {why}")


class SubmissionCanceled(AsyncflowError):
    """The awaited submission was cancelled. `reason` is what the canceller gave."""

    _message: ClassVar[str] = "submission {} was cancelled: {}"

    def __init__(self, submission_id: str, reason: str) -> None:
        self.submission_id = submission_id
        self.reason = reason
        super().__init__(self._message.format(submission_id, reason))


class SubmissionInterrupted(SubmissionCanceled):
    """The awaited submission has ended in this process alone, as that is ending.

    The next orchestrator on the same store goes on with it.
    """

    _message: ClassVar[str] = (
        "submission {} has not ended: {}; the next start on the same store goes on with it"
    )


class OrchestratorFailed(AsyncflowError):
    """The engine of an orchestrator cannot go on, after an error of its own.

    Its ``__cause__`` is that error; `reason` names it.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"the orchestrator cannot go on: {reason}; leave it, and open another one"
        )

    @classmethod
    def of(cls, error: BaseException) -> OrchestratorFailed:
        """Make the error that tells of another one."""
        failed = cls(f"{type(error).__name__}: {error}")
        failed.__cause__ = error
        return failed


class EventsLost(AsyncflowError):
    """Who read the events of an orchestrator took longer than they came.

    `lost` is how many there was no room for; `buffer` is how many were held.
    """

    def __init__(self, lost: int, buffer: int) -> None:
        self.lost = lost
        self.buffer = buffer
        super().__init__(
            f"{lost} event{'s were' if lost != 1 else ' was'} lost, as their reader was "
            f"too slow and only {buffer} are held for it: do the work in another task, "
            "ask for fewer kinds, use events(..., buffer=...), or follow each run with "
            "`async for event in submission`, which loses nothing"
        )


class StoreFailed(AsyncflowError):
    """Records cannot be read or written.

    `file` is where they are, `problem` says what happened, `remedy` what to do.
    """

    def __init__(self, file: str, problem: str, remedy: str) -> None:
        self.file = file
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"the store {file} failed: {problem}; {remedy}")


class ClusterFailed(AsyncflowError):
    """A cluster cannot run jobs.

    `address` is where it is, `problem` says what happened, `remedy` what to do.
    """

    def __init__(self, address: str, problem: str, remedy: str) -> None:
        self.address = address
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"the cluster {address} failed: {problem}; {remedy}")

    def __reduce__(self) -> tuple[type[ClusterFailed], tuple[str, str, str]]:
        return ClusterFailed, (self.address, self.problem, self.remedy)


class ModuleDiffers(AsyncflowError):
    """A module of a job is another one on the host that was to run it, or is not there.

    `module` is its name, `file` its file where the job was submitted, `host` the host and
    `found` the file there; None where there is none.
    """

    def __init__(
        self, module: str, file: str, host: str, found: str | None = None
    ) -> None:
        self.module = module
        self.file = file
        self.host = host
        self.found = found
        problem = (
            "is not there: install it, or give its folder to the Dask workers as PYTHONPATH"
            if found is None
            else f"has another text there, in {found}: bring the same file there"
        )
        by_value = f"asyncflow.register_by_value({module.partition('.')[0]!r})"
        super().__init__(
            f"module {module!r} ({file}) on host {host!r} {problem}, or call {by_value}"
        )

    def __reduce__(
        self,
    ) -> tuple[type[ModuleDiffers], tuple[str, str, str, str | None]]:
        return ModuleDiffers, (self.module, self.file, self.host, self.found)


class StoreUnavailable(StoreFailed):
    """Records cannot be read or written for now: the store is tried again.

    A full disk, a lock of another process, a database server that is restarted.
    """


class TakenOver(StoreFailed):
    """Another orchestrator took this one for dead, and has its runs now.

    This one writes nothing any more, and has ended what it ran.
    """


class RecordDamaged(AsyncflowError):
    """One record of a store, or its pickled properties, cannot be loaded: whose it is, and
    why. Lists leave it out, with a warning; it can be deleted by its id.
    """

    def __init__(self, entity_id: str, why: str) -> None:
        self.entity_id = entity_id
        self.why = why
        super().__init__(
            f"{entity_id} cannot be loaded ({why}): make its classes importable, or delete "
            f"it with `await orchestrator.delete({entity_id!r})`"
        )
