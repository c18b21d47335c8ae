"""Jobs that wait for files, and such that leave one."""

from __future__ import annotations

import time
from pathlib import Path

from asyncflow import Configuration, ScenarioConfig


def touch(path: str) -> None:
    Path(path).touch()


def wait_for(path: str) -> None:
    if Path(f"{path}.bad").exists():
        raise ValueError(path)

    while not Path(path).exists():
        time.sleep(0.002)


def waiters(config: Configuration, folder: Path, count: int) -> ScenarioConfig:
    """Declare independent tasks; each waits for a file, which is there."""
    tasks = []

    for index in range(count):
        path = folder / f"t{index}"
        path.touch()
        node = config.configure_data_node(f"path{index}", default_data=str(path))
        found = config.configure_data_node(f"found{index}")
        tasks.append(config.configure_task(f"t{index}", wait_for, node, found))

    return config.configure_scenario("waiters", tasks)
