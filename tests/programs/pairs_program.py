"""A program of `test_read_together`: its jobs write pairs until a file ``stop`` appears.

``python -m tests.programs.pairs_program FOLDER STORE WORD LENGTH``
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from asyncflow import Configuration, Orchestrator, ScenarioConfig, Scope
from tests.support.flows import configuration


def write_both(text: str) -> tuple[str, str]:
    return text, text


def declare() -> tuple[Configuration, ScenarioConfig]:
    """Declare a task that writes two shared data nodes, ``left`` and ``right``."""
    config = configuration()
    source = config.configure_data_node("source", default_data="")
    both = [
        config.configure_data_node(name, scope=Scope.GLOBAL, default_data="")
        for name in ("left", "right")
    ]
    task = config.configure_task("both", write_both, source, both, executor="thread")
    return config, config.configure_scenario("pairs", task)


async def main(*arguments: str) -> None:
    folder, store, word, length = arguments
    config, cfg = declare()
    count = 0

    async with Orchestrator(config, store) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        print("ready", flush=True)

        while not Path(folder, "stop").exists():  # noqa: ASYNC240
            count += 1
            await scenario.source.write(f"{word}{count} ".ljust(int(length), "."))
            await scenario.submit()


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
