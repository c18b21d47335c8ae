"""The state of a data node and its versions, which the engine writes. `DataNode` is the
handle of it.
"""

# No annotations as texts: each would be compiled again, for a field of a NamedTuple.

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from weakref import ReferenceType, WeakSet

import attrs

from asyncflow.abc import Driver, StoredValue
from asyncflow.config.sections import DataNodeConfig
from asyncflow.errors import NoData
from asyncflow.records import DataNodeRecord
from asyncflow.worker.codec import PLAIN
from asyncflow.worker.values import INLINE

UNREAD = object()
"""Stands for a value that somebody has to wait for."""

NOTHING = ""
"""The fingerprint of a place that had no value."""

EVICTED = b""
"""Stands for a small value that only the store has just now. No pickle is empty."""


class Said(NamedTuple):
    """What who writes a data node by hand says of it."""

    editor_id: str | None = None
    """Who it is; None where that is not said."""
    comment: str = ""
    facts: str | None = None
    """What else, as JSON; None for nothing."""
    at: int | None = None
    """When it was written, in nanoseconds since the epoch; None for now."""


NOTHING_SAID = Said()


class Place(NamedTuple):
    """What somebody has seen in a place of the user's."""

    fingerprint: str | None
    """None where nobody can tell, or it has no value."""
    changed_ns: int | None = None
    """When it was changed, in nanoseconds since the epoch; None where nobody can tell."""
    is_missing: bool = False
    problem: str = ""
    """Why nobody can tell, where it was tried."""

    @classmethod
    def of(cls, driver: Driver, *, asks: bool = False) -> "Place":
        """Look at a place. Blocks.

        :param asks: whether to ask if something is there of which nobody tells what
        """
        try:
            if (fingerprint := driver.fingerprint()) is None:
                is_missing = asks and not driver.exists()
                return cls(None, driver.changed_ns(), is_missing)

            return cls(fingerprint, driver.changed_ns())
        except Exception as error:  # who reads it is told
            return cls(None, problem=str(error) or repr(error))

    def differs(self, version: "Version", known: str | None) -> bool:
        """Tell whether it has changed since a version was made.

        :param known: what its fingerprint was; None where nobody has looked then
        """
        if known is not None:
            return self.fingerprint != known

        return (self.changed_ns or 0) > version.number


@attrs.define(eq=False, repr=False, slots=False, auto_attribs=False)
class Version:
    """One value of a data node; it never changes.

    There is one for each job, so what few of them have is the class's until it is set.
    """

    number: int = attrs.field()
    """When it was made, in nanoseconds since the epoch, by the clock of who made it."""
    kept: StoredValue = attrs.field()
    submission_id: str | None = attrs.field(default=None)
    """The run that wrote it; None for a write by hand."""
    fingerprint: str | None = attrs.field(default=None)
    """What was in its place when it was made, where that is the user's, and known."""
    readers: int = 0
    """How many reads are under way; the value is kept at least so long."""
    is_dropped: bool = False
    """Whether nothing but its readers keeps the value."""
    is_missing: bool = False
    """Whether its file was not there when somebody looked."""
    is_outside: bool = False
    """Whether it is what others have put in its place, as was seen here."""
    place: Place | None = None
    """What was in its place when somebody looked last, where that is the user's."""
    reused_by: WeakSet[Any] | None = None
    """The runs that skipped its writer; None for none."""
    content: str | None = None
    """What tells the value from others, where somebody asked; ``""`` if nobody knows."""

    @property
    def at(self) -> datetime:
        """When it was made, in UTC."""
        return datetime.fromtimestamp(self.number / 1e9, UTC)

    @property
    def is_written(self) -> bool:
        """Whether it is a value, and not a place of the user's that has none yet."""
        return self.fingerprint != NOTHING


UNCHANGED: Mapping[str, Any] = {}
"""The attributes of a data node of which nothing was changed."""


@attrs.define(eq=False, repr=False, slots=False)
class Given(Version):
    """A value that a run was given for a data node: the run reads it, whatever is written.

    It is a pickle, whatever the storage type of the data node. It is no version of that,
    and kept as long as the submission is.
    """


@attrs.define(eq=False, repr=False)
class NodeState:
    """What this process knows of a data node, and how its values are kept.

    :param owner_id: the id of its scenario; None where scenarios share it
    :param directory: where its relative path begins, seen from the folder of the store;
        None where it has none
    :param is_shared: whether scenarios share it
    """

    id: str
    config: DataNodeConfig
    owner_id: str | None
    driver: Driver
    directory: str | None
    is_shared: bool
    version: Version | None = attrs.field(init=False, default=None)
    """The current version; None before the first write."""
    older: Sequence[Version] = attrs.field(init=False, default=())
    """The versions before it that are kept, the oldest first."""
    learnt: int = attrs.field(init=False, default=0)
    """At which look into the store versions of others were found last."""
    editor_id: str | None = attrs.field(init=False, default=None)
    """Who has locked it."""
    editor_expires: float | None = attrs.field(init=False, default=None)
    """When the lock ends by itself, in seconds since the epoch; None for never."""
    attributes: Mapping[str, Any] = attrs.field(init=False, default=UNCHANGED)
    """What was changed of it since it was made, as its record has it."""
    initial: str = attrs.field(init=False, default="")
    """What it was made with beside its config, in the same form."""
    label: str | None = attrs.field(init=False, default=None)
    """The version of the application that its scenario belongs to; None for none, and
    where scenarios share it."""
    max_older: int = attrs.field(init=False)
    """How many versions are kept beside the current one."""
    is_compared: bool = attrs.field(init=False, default=False)
    """Whether skippable tasks read it, so that what its values are is of interest."""
    handle: ReferenceType[Any] | None = attrs.field(init=False, default=None)
    """The handle that users have; None, or dead, where nobody has one."""

    def __attrs_post_init__(self) -> None:
        self.max_older = self.config.keep_versions if self.driver.keeps_versions else 0

    @property
    def config_id(self) -> str:
        """The id of its config."""
        return self.config.id

    @property
    def written(self) -> datetime | None:
        """When its value was written, in UTC; None where it has none."""
        version = self.version
        return version.at if version is not None and version.is_written else None

    @property
    def versions(self) -> tuple[Version, ...]:
        """All versions that are kept, the oldest first."""
        return (*self.older, self.version) if self.version else ()

    def found(self, number: int | None) -> Version:
        """Return a version that is kept; None for the current one.

        :raises NoData: where there is none
        """
        if number is not None and not hasattr(number, "__index__"):
            raise TypeError(
                f"version is a number, of `await node.edits()`, or None; got {number!r}: "
                "columns are given as columns=..."
            )

        if number is None and self.version is not None:
            return self.version

        for version in self.versions:
            if version.number == number:
                return version

        raise NoData(self.config_id, number)

    @property
    def key(self) -> str:
        """What its readers and writers take turns by: its file, if it is the user's."""
        return self.driver.place or self.id

    @property
    def name(self) -> str | None:
        """What people call it; None where it was given no name."""
        name: str | None = self.attributes.get("name")
        return name

    @property
    def path(self) -> str | None:
        """Where its file is, as it was given; None where asyncflow chooses that."""
        path: str | None = self.attributes.get("path", self.config.default_path)
        return path

    @property
    def validity_period(self) -> timedelta | None:
        """How long its value is valid; None for ever."""
        if "validity_period" not in self.attributes:
            return self.config.validity_period

        seconds: float | None = self.attributes["validity_period"]
        return None if seconds is None else timedelta(seconds=seconds)

    @property
    def expiration_date(self) -> datetime | None:
        """When its value stops being valid, in UTC; None for never, or without one."""
        period = self.validity_period

        if period is None or self.written is None:
            return None

        try:
            return self.written + period
        except OverflowError:  # beyond the calendar
            return None

    @property
    def is_valid(self) -> bool:
        """Whether it has a value whose validity period has not ended."""
        date = self.expiration_date
        return self.written is not None and (date is None or datetime.now(UTC) < date)

    @property
    def is_locked(self) -> bool:
        """Whether somebody has locked it, as far as is known here."""
        if self.editor_id is None:
            return False

        return self.editor_expires is None or time.time() < self.editor_expires

    def keeps_at_once(self, value: object) -> bool:
        """Tell whether to write a value blocks nobody: no file is touched, and nothing of
        the user's is called.
        """
        driver = self.driver
        return (
            driver.keeps_plain_at_once
            and driver.path is None
            and driver.validator is None
            and type(value) in PLAIN
            and (not isinstance(value, str | bytes) or len(value) <= INLINE)
        )

    def take_lock(self, record: DataNodeRecord) -> None:
        """Take over who has locked it."""
        self.editor_id, self.editor_expires = record.editor_id, record.editor_expires

    def take_attributes(self, text: str) -> bool:
        """Take over what was changed of it; tell whether its path was.

        :param text: as its record has it
        """
        before = self.path
        self.attributes = json.loads(text) if text else UNCHANGED
        return self.path != before

    def record(self) -> DataNodeRecord:
        """Return its facts, but for what was changed since it was made."""
        return DataNodeRecord(
            self.id,
            self.config.id,
            self.owner_id,
            self.editor_id,
            self.editor_expires,
            self.directory,
            self.initial,
        )

    def __repr__(self) -> str:
        date = self.written
        state = f"written {date:%F %T}" if date else "never written"
        return f"<DataNode {self.config.id} ({self.config.storage_type}, {state})>"
