"""The program that `test_managing` starts several times on one store.

``python -m tests.programs.manage_program STORE VALUES WHO SEED COUNT`` does so many random
verbs, and prints what it has done, and given to scenarios.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random

import anyio

from asyncflow import Orchestrator
from asyncflow.abc import Store
from asyncflow.stores.postgres import PostgresStore
from asyncflow.stores.sqlite import SqliteStore
from tests.support.managing import Worker, declared


def store_at(address: str, values: str) -> Store:
    if "://" in address:
        return PostgresStore(address, values)

    return SqliteStore(address)


async def main() -> None:
    address, values, who, seed, count = sys.argv[1:]
    config, cfg = declared()

    async with Orchestrator(config, store_at(address, values)) as orchestrator:
        print("open", flush=True)
        folder = Path(values).parent
        worker = Worker(orchestrator, cfg, who, folder, Random(int(seed)))
        await worker.work(int(count))

    updates = {name: sorted(keys) for name, keys in worker.updates.items()}
    print(json.dumps({"done": worker.done, "updates": updates}))


if __name__ == "__main__":
    anyio.run(main)
