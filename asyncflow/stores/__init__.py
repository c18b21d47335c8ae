"""Stores: where records are kept. One file each."""

BUILT_IN = {
    "sqlite": "asyncflow.stores.sqlite:SqliteStore",
    "memory": "asyncflow.stores.memory:MemoryStore",
    "postgresql": "asyncflow.stores.postgres:PostgresStore",
    "postgres": "asyncflow.stores.postgres:PostgresStore",
}
"""The store of each kind of address: ``postgresql`` of ``postgresql://...``."""

READERS = {"sqlite": "asyncflow.stores._reader:SqliteReader"}
"""Of those that can be read without being opened, what does that."""
