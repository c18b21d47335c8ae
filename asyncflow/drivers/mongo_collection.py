"""The ``mongo_collection`` storage type: the documents of a collection."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
from attrs import validators

from asyncflow.comparing import midnight
from asyncflow.drivers import _options
from asyncflow.drivers._objects import objects_of
from asyncflow.drivers._server import ServerDriver, Told, same_host
from asyncflow.filters import (
    Condition,
    JoinOperator,
    Operator,
    Where,
    is_missing,
)
from asyncflow.selection import preview
from asyncflow.worker import current

if TYPE_CHECKING:
    from asyncflow.abc import StoredValue
    from asyncflow.selection import Preview

TEXT = validators.instance_of(str)
PATIENCE = 10_000
"""How many milliseconds a server is waited for."""

IMPATIENCE = 2_000
"""The same, where something is only tidied up."""

STAGED = "asyncflow_staged_"
"""How the names of the collections begin that are not published yet."""

APPENDED = "asyncflow_appended_"
"""The same, of what is to be added to what is there."""

THREADS_FOR = 1.0
"""For how many seconds a worker waits for the threads of a client."""

AT_ONCE = 1000
"""How many documents are added by one call."""

_OPERATORS: Mapping[Operator, str] = {
    Operator.EQUAL: "$eq",
    Operator.NOT_EQUAL: "$ne",
    Operator.LESS_THAN: "$lt",
    Operator.LESS_OR_EQUAL: "$lte",
    Operator.GREATER_THAN: "$gt",
    Operator.GREATER_OR_EQUAL: "$gte",
}


class DuplicateId(ValueError):
    """What is to be added is there, or something else with its id."""


class MongoDefaultDocument:
    """A document whose fields are attributes: for ``custom_document``."""

    def __init__(self, **fields: Any) -> None:
        vars(self).update(fields)


@attrs.frozen(kw_only=True)
class MongoOptions:
    """What a data node of this storage type takes. Taipy's names."""

    db_name: str = attrs.field(validator=TEXT)
    collection_name: str = attrs.field(validator=TEXT)
    custom_document: Any = attrs.field(
        default=None,
        converter=_options.imported,
        validator=validators.optional(validators.instance_of(type)),
        metadata={"remedy": "give a class (in TOML: 'module:Class'), or leave it out"},
    )
    """The class of documents; None for dicts."""
    db_username: str = attrs.field(default="", validator=TEXT)
    db_password: str = attrs.field(default="", validator=TEXT)
    db_host: str = attrs.field(default="localhost", validator=TEXT)
    db_port: int = _options.port(27017)
    db_driver: str = attrs.field(default="", validator=TEXT)
    db_extra_args: dict[str, Any] | None = attrs.field(
        default=None, validator=validators.optional(validators.instance_of(dict))
    )
    fingerprint: Callable[[Any], Any] | None = _options.function()
    """Called with the collection: what it returns changes when the documents do."""


class MongoDriver(ServerDriver):
    """Read the documents of a collection; replace them all at once.

    They are written to a collection beside it, which then takes its name. That has the
    same indexes; other options of the collection, such as validators, are not kept. What
    is appended is added from there by ids, so that it can be done again: none comes twice.
    """

    storage_type: ClassVar[str] = "mongo_collection"
    Options: ClassVar[type[MongoOptions]] = MongoOptions
    extra: ClassVar[str | None] = "mongo"
    requires: ClassVar[tuple[str, ...]] = ("pymongo",)
    appends: ClassVar[bool] = True
    options: MongoOptions

    @property
    def place(self) -> str | None:
        given = self.options
        hosts = ",".join(sorted(map(same_host, str(given.db_host).split(","))))
        server = f"mongodb://{hosts}:{given.db_port}"
        return f"{server}/{given.db_name}.{given.collection_name}"

    @property
    def given_place(self) -> str:
        given = self.options
        server = f"mongodb://{given.db_host}:{given.db_port}"
        return f"{server}/{given.db_name}.{given.collection_name}"

    def client(self, patience: int = PATIENCE) -> Any:
        """Return a client, which is not connected yet.

        :param patience: how many milliseconds it waits for a server
        """
        from pymongo import MongoClient

        given = self.options
        scheme = f"mongodb+{given.db_driver}" if given.db_driver else "mongodb"
        port = "" if given.db_driver == "srv" else f":{given.db_port}"
        further = {"serverSelectionTimeoutMS": patience, **(given.db_extra_args or {})}

        if given.db_username:
            further["username"] = str(given.db_username)
            further["password"] = str(given.db_password)

        return MongoClient(f"{scheme}://{given.db_host}{port}", **further)

    @contextmanager
    def _database(self, patience: int = PATIENCE) -> Iterator[Any]:
        before = {*threading.enumerate()}
        client = self.client(patience)

        try:
            yield client[str(self.options.db_name)]
        finally:
            client.close()

            if current.is_worker:  # one with more threads than it had is replaced
                _await_threads(before)

    def fingerprint(self) -> str | None:
        if (ask := self.options.fingerprint) is None:
            return None

        with self.reading(), self._database() as database:
            return _options.told_by(ask(database[self._name]))

    def read(
        self,
        kept: StoredValue,  # noqa: ARG002
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        with self.reading(), self._database() as database:
            fields = None if columns is None else dict.fromkeys(columns, 1)

            if fields is not None and "_id" not in fields:
                fields["_id"] = 0

            query = {} if where is None else query_of(where)
            found = list(database[self._name].find(query, fields))

            if columns is not None:
                return [
                    {name: document.get(name) for name in columns} for document in found
                ]

            kind = self.options.custom_document
            return found if kind is None else self._objects(kind, found)

    def preview(self, kept: StoredValue, rows: int) -> Preview:  # noqa: ARG002
        """Return the first documents: only they, and how many there are, are asked for."""
        with self.reading(), self._database() as database:
            collection, kind = database[self._name], self.options.custom_document
            found = list(islice(collection.find(limit=max(rows, 1)), rows))
            value = found if kind is None else self._objects(kind, found)
            total = collection.count_documents({})
            return preview(value, rows)._replace(total=total)

    def _objects(self, kind: type[Any], found: list[dict[str, Any]]) -> list[Any]:
        if not callable(getattr(kind, "decode", None)):
            found = [
                {k: v for k, v in document.items() if k != "_id"} for document in found
            ]

        return objects_of(kind, found, are_texts=False)

    @property
    def _name(self) -> str:
        return str(self.options.collection_name)

    def write(self, value: object, path: str, name: str) -> StoredValue:
        self._stage(value, path, name, STAGED)
        return None

    def append(
        self,
        value: object,
        kept: StoredValue,  # noqa: ARG002
        path: str,
        name: str,
    ) -> StoredValue:
        self._stage(value, path, name, APPENDED)
        return None

    def _stage(self, value: object, path: str, name: str, begin: str) -> None:
        with self.writing(name):
            documents = self.rows(value, name)

        with self.staging(path, name), self._database() as database:
            if begin == APPENDED:
                self._check_new(database, documents)

            self._fill(database, self._staged(path, begin), documents)

    def _check_new(self, database: Any, documents: list[dict[str, Any]]) -> None:
        given = [document["_id"] for document in documents if "_id" in document]
        found = given and database[self._name].find_one({"_id": {"$in": given}})

        if found:
            raise DuplicateId(f"it has a document with _id {found['_id']!r} already")

    def _fill(
        self, database: Any, staged: str, documents: list[dict[str, Any]]
    ) -> None:
        database.drop_collection(staged)
        collection = database.create_collection(staged)

        for index, given in database[self._name].index_information().items():
            if index != "_id_":
                further = {
                    k: v for k, v in given.items() if k not in ("key", "v", "ns")
                }
                collection.create_index(given["key"], name=index, **further)

        if documents:
            collection.insert_many(documents)

    def publish(self, kept: StoredValue, path: str) -> StoredValue:  # noqa: ARG002
        with self.publishing(path), self._database() as database:
            appended = self._staged(path, APPENDED)

            if appended in database.list_collection_names():
                _add(database[appended], database[self._name])
                database.drop_collection(appended)
            else:
                staged = database[self._staged(path)]
                staged.rename(self._name, dropTarget=True)

        return None

    def discard(self, kept: StoredValue, path: str) -> None:  # noqa: ARG002
        with suppress(Exception), self._database(IMPATIENCE) as database:
            appended = database[self._staged(path, APPENDED)]

            for documents in _groups(appended.find({}, {"_id": 1})):  # added in part
                ids = [document["_id"] for document in documents]
                database[self._name].delete_many({"_id": {"$in": ids}})

            for begin in (STAGED, APPENDED):
                database.drop_collection(self._staged(path, begin))

            self.end(path)

    def is_published(self, kept: StoredValue, path: str) -> bool:  # noqa: ARG002
        own = {self._staged(path, begin) for begin in (STAGED, APPENDED)}

        with self._database() as database:
            return own.isdisjoint(database.list_collection_names())

    def _staged(self, path: str, begin: str = STAGED) -> str:
        name = path.rpartition("/")[2].partition(".")[0]
        return f"{begin}{self._name}_{name}"

    def tell(self, error: Exception) -> Told:
        from bson.errors import BSONError
        from pymongo import errors

        why = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
        why = _FURTHER.split(why, maxsplit=1)[0][:300]

        if isinstance(error, DuplicateId):
            return Told(str(error), "leave _id out, or write what replaces all")

        if isinstance(error, BSONError | OverflowError):
            return Told(why, "return documents of what BSON holds")

        if isinstance(error, errors.WriteError | errors.BulkWriteError):
            refused = (error.details or {}).get("writeErrors") or [{"errmsg": why}]
            first = str(refused[0].get("errmsg", why)).partition("\n")[0][:300]
            return Told(first, "mend the documents, or the rules of the collection")

        if isinstance(error, errors.ConnectionFailure):
            return Told(
                why, "see that the server runs, and db_host and db_port are right"
            )

        if isinstance(error, errors.ConfigurationError):
            return Told(why, "correct db_extra_args, or what else says where it is")

        if isinstance(error, errors.OperationFailure):
            return Told(
                why,
                "see that user name and password are right, and that this user may do it",
            )

        return Told(why, "mend what it says, or the options of the data node")


_FURTHER = re.compile(r" \(configured timeouts:|, Timeout: |, full error: ")
"""Where an error of pymongo begins to tell what is of no use to who reads it."""


def _await_threads(before: Container[threading.Thread]) -> None:
    """Wait for the threads of clients that are closed: they end by themselves, soon."""
    give_up = time.monotonic() + THREADS_FOR

    for thread in threading.enumerate():
        if thread not in before and thread.name.startswith("pymongo_"):
            thread.join(max(0.0, give_up - time.monotonic()))


def _add(staged: Any, target: Any) -> None:
    """Add the documents of a collection to another: all that are not there, or none."""
    added: list[Any] = []

    try:
        for documents in _groups(staged.find()):
            ids = [document["_id"] for document in documents]
            found = target.find({"_id": {"$in": ids}}, {"_id": 1})
            known = [document["_id"] for document in found]

            if new := [
                document for document in documents if document["_id"] not in known
            ]:
                added += [document["_id"] for document in new]
                target.insert_many(new)
    except BaseException:
        target.delete_many({"_id": {"$in": added}})
        raise


def _groups(documents: Iterable[Any]) -> Iterator[list[Any]]:
    at = iter(documents)

    while group := list(islice(at, AT_ONCE)):
        yield group


def query_of(where: Where) -> dict[str, Any]:
    """Return conditions as a query: values stay values."""
    if not isinstance(where, Condition):
        join = "$and" if where.join is JoinOperator.AND else "$or"
        return {join: [query_of(part) for part in where.parts]}

    if is_missing(where.value):
        is_equal = where.operator is Operator.EQUAL
        return {where.column: {"$in" if is_equal else "$nin": [None, float("nan")]}}

    value = where.value
    value = midnight(value) if isinstance(value, date) else value  # it has no dates
    return {where.column: {_OPERATORS[where.operator]: value}}
