"""The store that keeps records in an SQLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from asyncflow.facts import Shown
from asyncflow.stores._address import file_of
from asyncflow.stores._store import DatabaseStore

if TYPE_CHECKING:
    from asyncflow.abc.changes import ChangeFeed
    from asyncflow.abc.sizes import StoreSizes
    from asyncflow.stores._sqlite import SqliteDatabase


@attrs.define(eq=False, repr=False)
class SqliteStore(DatabaseStore, Shown):
    """Keep records in an SQLite file. Several processes may use one file at a time.

    Those of one host see at once what others write. Where processes cannot reach each
    other's sockets, as in different containers, one that was alone may read old values
    for ten seconds after another has opened the file.

    What was flushed survives the end of the process, by `kill -9` too. After a power
    failure the file is whole, but the last seconds may be missing: the write-ahead log
    reaches the disk when SQLite merges it (``synchronous=NORMAL``). The file must be on
    a local disk.

    Large values are in files, in a folder beside it: ``runs.values`` for ``runs.db``. It
    belongs to this store, and what other programs put there stays. To copy or to move a
    store, close it and take both: values in files cannot be read without their folder.

    Only this user may read them: the file has the mode 0600, and the folders that are
    made for it 0700, whatever the umask. What is there with wider modes is narrowed when
    it is opened. What another user owns is refused, for root too.

    Values are pickled, as are properties where JSON does not give the same value back.
    A pickle can run any code when it is loaded, which happens when somebody reads it, or
    a job that needs it runs: open files only that you trust.

    :param path: the file; it is made, with its folder, where it is missing; ``~`` is the
        user's home
    :param busy_timeout: how long to wait while other processes write, in seconds; then
        opening it fails, and a store that is open is unavailable for now
    :param trust_owner: open it also if another user owns it, and leave all modes as they
        are: for a file that several users share
    :raises UsageError: where the path is the address of something else
    """

    path: str = attrs.field(converter=file_of)
    busy_timeout: float = 30.0
    trust_owner: bool = attrs.field(default=False, kw_only=True)

    def changes(self, listener_id: str) -> ChangeFeed:
        """Make what tells what others commit; see `asyncflow.abc.Store.changes`."""
        from asyncflow.stores._sqlite_changes import SqliteChanges

        return SqliteChanges(self, listener_id)

    async def sizes(self) -> StoreSizes:
        """Measure the database; see `asyncflow.abc.sizes.MeasuredStore`."""
        from asyncflow.stores._sizes import sizes_of

        return await sizes_of(self._now_open(), self.patience)

    @property
    def _name(self) -> str:
        return self.path

    def _connect(self) -> SqliteDatabase:
        from asyncflow.stores._sqlite import SqliteDatabase

        return SqliteDatabase.open(
            self.path, self.busy_timeout, trust_owner=self.trust_owner
        )
