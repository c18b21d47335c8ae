# ci: run
"""Map and reduce: log files, counted beside each other, and summed up.

The classes of this script are the same in its workers and in values of an earlier start.
Run it twice: the second start counts the files that have changed, here one, and no other.
"""

import enum
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import anyio

from asyncflow import Config, DataNode, Orchestrator, Scenario

FILES = 4
FOLDER = Path("logs")


class Level(enum.Enum):
    INFO = "INFO"
    ERROR = "ERROR"


def count(text: str) -> Counter[Level]:
    print(f"counting {len(text.splitlines())} lines")
    return Counter(Level(line.split()[0]) for line in text.splitlines())


def total(*counts: Counter[Level]) -> Counter[Level]:
    return sum(counts, Counter())


texts = [Config.configure_data_node(f"text_{number}") for number in range(FILES)]
counts = [Config.configure_data_node(f"count_{number}") for number in range(FILES)]
report = Config.configure_data_node("report")
tasks = [
    Config.configure_task(f"read_{number}", count, text, counted, skippable=True)
    for number, (text, counted) in enumerate(zip(texts, counts, strict=True))
]
tasks.append(Config.configure_task("total", total, counts, report, skippable=True))
scenario_cfg = Config.configure_scenario("logs", tasks)
Config.configure_job_executions(mode="standalone", max_nb_of_workers=2)


async def scenario_of(orchestrator: Orchestrator) -> Scenario:
    """Find the scenario of an earlier start, or make it."""
    known = await orchestrator.scenarios(name="report")

    if known:
        return await orchestrator.get_scenario(known[0].id)

    return await orchestrator.create_scenario(scenario_cfg, name="report")


async def read_files(nodes: Mapping[str, DataNode]) -> None:
    for number in range(FILES):
        text = await anyio.Path(FOLDER / f"{number}.log").read_text()
        # An equal value makes no task run again.
        await nodes[f"text_{number}"].write(text)


async def main() -> None:
    async with Orchestrator() as orchestrator:
        scenario = await scenario_of(orchestrator)
        await read_files(scenario.data_nodes)
        submission = await scenario.submit()

        for job in submission.jobs:
            print(f"{job.task.config_id:8}{job.status:10}{job.reason}")

        found = await scenario.report.read()
        print(f"{found[Level.ERROR]} errors of {found.total()} lines")


def write_logs() -> None:
    FOLDER.mkdir(exist_ok=True)

    for number in range(FILES):
        lines = ["ERROR disk full\n"] * number + ["INFO fine\n"] * 100
        (FOLDER / f"{number}.log").write_text("".join(lines))


if FOLDER.exists():  # the second start
    with open(FOLDER / "0.log", "a") as file:
        file.write("ERROR disk full\n")
else:
    write_logs()

anyio.run(main)
