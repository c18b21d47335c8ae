"""MongoDB for tests: mongomock, or the server that ASYNCFLOW_TEST_MONGO names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import mongomock
import pytest

from asyncflow.drivers.mongo_collection import MongoDriver, MongoOptions

SERVER = os.environ.get("ASYNCFLOW_TEST_MONGO", "")


class MockedDriver(MongoDriver):
    """Asks a server in memory, which lives as long as its tests."""

    server: Any = None

    def client(self, patience: int = 0) -> Any:
        return mongomock.MongoClient(_store=self.server)


@pytest.fixture
def driver() -> Iterator[MongoDriver]:
    name = f"asyncflow_{uuid4().hex}"

    if SERVER:
        at = urlsplit(SERVER)
        options = MongoOptions(
            db_name=name,
            collection_name="items",
            db_host=at.hostname or "localhost",
            db_port=at.port or 27017,
        )
        found = MongoDriver(None, options)
    else:
        options = MongoOptions(db_name=name, collection_name="items")
        found = MockedDriver(None, options)
        MockedDriver.server = mongomock.store.ServerStore()

    yield found

    if SERVER:
        client = found.client()
        client.drop_database(name)
        client.close()
