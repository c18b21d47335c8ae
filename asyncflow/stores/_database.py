"""A database of records: what blocks."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from typing import Any, ClassVar, cast

from asyncflow.errors import NotOpen, RecordDamaged, StoreUnavailable
from asyncflow.log import logger as _logger
from asyncflow.records import FirstVersionRecord, VersionRecord
from asyncflow.stores._command import Change, Command, Parameters, taken_over
from asyncflow.stores._rows import FOUND_BY_ID, Cell, Column, Row, columns_by_table
from asyncflow.stores._sql import parts, query, statement

MAX_TOLD = 1000
"""Of how many rows it is told that they cannot be loaded."""


class Database(ABC):
    """Two connections to one database: one that writes, in one thread at a time, and one
    that reads, likewise.

    Every method blocks, and raises `StoreFailed`. `read` and `find` are not called at
    the same time as each other or `close`, nor is `write`.

    :param file: how errors name it
    """

    queries: ClassVar[tuple[str, ...]]
    """The files with its queries."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.values_folder: str
        """The folder for the files of large values."""
        self._is_open = True
        self._own_id: Cell = None
        """The orchestrator that must be there whenever something is written, or None."""
        self._unsure: Sequence[Change] | None = None
        """What was to be written, and may have been."""
        self._lease: float | None = None
        """How long the lease of that orchestrator is, in seconds; None for no lease."""
        self._renewed_at = 0.0
        """When it was renewed, as `time.monotonic` has it."""
        self._heeds = False
        """Whether what is written is told to others, who listen."""
        self._told: set[str] = set()
        """Of what it was told that it cannot be loaded."""

    @abstractmethod
    def close(self) -> None:
        """Close both connections."""

    @abstractmethod
    def interrupt(self) -> None:
        """Have `write` and `read` fail soon, with `StoreUnavailable`, from here on.

        This one does not block; it is called from another thread than they are.
        """

    @abstractmethod
    def _explained(self) -> AbstractContextManager[None]:
        """Raise `StoreFailed` for the errors of the database; `StoreUnavailable` for those
        that may pass.
        """

    @abstractmethod
    def _transact(self, work: Callable[[], None]) -> None:
        """Do some work in one transaction of the writing connection.

        The work may be done once more, where others have made it fail.
        """

    def _take_turns(self, changes: Sequence[Any]) -> None:  # noqa: ARG002
        """Have others wait who write versions of the same data nodes, where they might
        write at the same time.
        """
        return None

    @abstractmethod
    def _save(self, text: str, columns: Sequence[Column]) -> None:
        """Run a statement for each row; the columns of all of them are given."""

    @abstractmethod
    def _run(self, text: str, given: Sequence[Parameters]) -> list[Row]:
        """Run a statement for each set of parameters; return all rows."""

    @abstractmethod
    def _fetch(self, text: str, parameters: Parameters) -> list[Row]:
        """Return what a query finds, on the reading connection."""

    def write(self, changes: Sequence[Change]) -> None:
        """Write changes in one transaction: all of them, or none on failure.

        After `StoreUnavailable` they are to be written again. They may have been written
        before that was raised, so whatever they do can be done twice. The lease is renewed
        with them, where it is time for that.
        """
        own_id, at = self._own_id, time.monotonic()
        renews = self.is_lease_due()

        def work() -> None:
            self._own_id = own_id

            if not self._is_registered():
                self._check_unsure(own_id, changes)
                return

            if renews:
                given = {"id": own_id, "lease": self._lease}
                self._run(self._query("renew"), [given])

            records = [*chain.from_iterable(changes)]
            self._take_turns(records)
            self._write(records)

            if self._heeds:
                self._trim()

        try:
            with self._explained():
                self._transact(work)
        except BaseException as error:
            self._own_id = own_id
            self._unsure = changes if isinstance(error, StoreUnavailable) else None
            raise

        self._unsure = None

        if renews:
            self._renewed_at = at

    def is_lease_due(self) -> bool:
        """Tell whether a third of the lease has gone."""
        if self._own_id is None or self._lease is None:
            return False

        return time.monotonic() - self._renewed_at >= self._lease / 3

    def read(
        self, name: str, parameters: Parameters, load: Callable[[Row], Any]
    ) -> list[Any]:
        """Return what a query finds, but for rows that cannot be loaded.

        :param load: makes something of each row
        """
        return [*self._loaded(load, self._found(name, parameters))]

    def find(self, record_id: str) -> Any:
        """Return the record with an id, of whatever kind, or None.

        :raises RecordDamaged: where it cannot be loaded
        """
        parameters: Parameters = {"id": record_id, "limit": 1, "offset": 0}

        for kind in FOUND_BY_ID.values():
            for row in self._found(kind.table, parameters):
                return self.load(kind.load, row)

        return None

    def shrink(self) -> int:
        """Give back the disk space of what was deleted; return how many bytes."""
        return 0

    def load(self, load: Callable[[Row], Any], row: Row) -> Any:
        """Make something of a row.

        :raises RecordDamaged: where it cannot be loaded, naming it
        """
        try:
            return load(row)
        except Exception as error:  # whatever garbage brings about
            why = f"{type(error).__name__}: {error}"
            raise RecordDamaged(str(row[0]), why) from error

    def _found(self, name: str, parameters: Parameters) -> list[Row]:
        if not self._is_open:
            raise NotOpen(f"the store {self.file} was closed before it was asked")

        with self._explained():
            return self._fetch(self._query(name, parameters), parameters)

    def _loaded(self, load: Callable[[Row], Any], rows: Sequence[Row]) -> Iterator[Any]:
        """Load rows; those that cannot be loaded are told once, and left out."""
        for row in rows:
            try:
                yield self.load(load, row)
            except RecordDamaged as error:
                self._tell(error)

    def _tell(self, error: RecordDamaged) -> None:
        text = str(error)

        if text not in self._told and len(self._told) < MAX_TOLD:
            self._told.add(text)
            _logger.warning("the store %s leaves one out: %s", self.file, text)

    def _write(self, changes: Sequence[Any]) -> None:
        kinds = dict.fromkeys(map(type, changes))
        begin = 0

        if VersionRecord in kinds:  # last: what it belongs to is there then
            kinds[VersionRecord] = kinds.pop(VersionRecord)

        if Command in kinds or FirstVersionRecord in kinds:
            kinds.pop(Command, None)

            for place, change in enumerate(changes):
                if isinstance(change, Command):
                    self._save_all(changes[begin:place], kinds)
                    self._carry_out(change)
                    begin = place + 1
                elif type(change) is FirstVersionRecord:  # what comes before it counts
                    self._save_all(changes[begin:place], kinds)
                    begin = place

        self._save_all(changes[begin:], kinds)

    def _save_all(self, records: Sequence[Any], kinds: Iterable[type[Any]]) -> None:
        groups: dict[type[Any], list[Any]] = {kind: [] for kind in kinds}

        for record in records:
            groups[type(record)].append(record)

        for kind, group in groups.items():
            for table, columns in columns_by_table(kind, group):
                self._save(self._query(f"save_{table}"), columns)

    def _carry_out(self, act: Command) -> None:
        if act.unless is not None:
            first, names = act.unless

            if any(first.answers[name] for name in names):
                return

        if act.records:
            self._save_all(act.records, dict.fromkeys(map(type, act.records)))

        before = act.answers
        act.answers = {
            part: self._run(text, act.given)
            for part, text in parts(self.queries, act.verb).items()
        }

        if act.verb in FOR_GOOD:  # an earlier try may have done it, though it failed
            for part, rows in before.items():
                act.answers[part] += [
                    row for row in rows if row not in act.answers[part]
                ]

        ids = [given.get("id") for given in act.given]

        if act.verb == "register":
            (given,) = act.given
            self._own_id = given["id"]
            self._lease = cast("float | None", given["lease"])
            self._renewed_at = time.monotonic()
        elif act.verb == "delete" and self._own_id in ids:
            self._own_id = None

    def _check_unsure(self, own_id: Cell, changes: Sequence[Change]) -> None:
        """Refuse to write, but where changes have been written though that failed."""
        if changes is not self._unsure or not _is_forgotten(own_id, changes):
            raise taken_over(self.file)

        self._own_id = None

    def _is_registered(self) -> bool:
        """Tell whether others have not taken our orchestrator for dead.

        Where others listen, what is written from here on is told to them.
        """
        if self._own_id is None:
            return True

        found = self._run(self._query("registered"), [{"id": self._own_id}])

        for (is_heard,) in found:
            if is_heard:
                self._carry_out(Command("heed", [{"id": self._own_id}]))
                self._heeds = True
            elif self._heeds:
                self._carry_out(Command("unheed", [{}]))
                self._heeds = False

        return bool(found)

    def _trim(self) -> None:  # noqa: B027  # few keep what is told
        """Forget what has been told long ago."""

    def _query(self, name: str, parameters: Parameters | None = None) -> str:
        if not parameters:
            return statement(self.queries, name)

        return query(self.queries, name).text(parameters)


FOR_GOOD = frozenset({"delete"})
"""The verbs whose answers are of what is gone then."""


def _is_forgotten(record_id: Cell, changes: Sequence[Change]) -> bool:
    """Tell whether some changes forget a record."""
    return any(
        isinstance(change, Command)
        and change.verb == "delete"
        and {"id": record_id} in change.given
        for change in chain.from_iterable(changes)
    )
