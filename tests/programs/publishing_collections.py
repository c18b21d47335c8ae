"""The collections of `publishing_program`, in a file: its programs come one after the other."""

from __future__ import annotations

import fcntl
import os
import pickle
from pathlib import Path
from typing import Any

import mongomock


class Client(mongomock.MongoClient):  # type: ignore[misc]  # it has no types
    def __init__(self) -> None:
        super().__init__()
        self._turn = open("mongo.lock", "w")  # noqa: SIM115  # until it is closed
        fcntl.flock(self._turn, fcntl.LOCK_EX)

        for name, documents in collections().items():
            collection = self["d"].create_collection(name)

            if documents:
                collection.insert_many(documents)

    def close(self) -> None:
        database = self["d"]
        names = database.list_collection_names()
        found = {name: list(database[name].find()) for name in names}
        Path("mongo.tmp").write_bytes(pickle.dumps(found))
        os.replace("mongo.tmp", "mongo")
        self._turn.close()
        super().close()


def collections() -> dict[str, Any]:
    try:
        found: dict[str, Any] = pickle.loads(Path("mongo").read_bytes())
    except FileNotFoundError:
        return {}
    else:
        return found
