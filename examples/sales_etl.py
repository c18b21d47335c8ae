# ci: run
"""A small ETL: a CSV file, cleaned, summed up, and written to SQLite.

Run it twice: the second start finds the scenario of the first one, and skips what would
give the same again. Then change a line of ``sales.csv``.
"""

import csv
import sqlite3
from collections import Counter
from pathlib import Path

import anyio

from asyncflow import Config, Orchestrator

SOURCE = Path("sales.csv")


def extract(path: str) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def clean(rows: list[dict[str, str]]) -> list[tuple[str, int]]:
    return [(row["region"], int(row["amount"])) for row in rows if row["amount"]]


def summarize(sales: list[tuple[str, int]]) -> Counter[str]:
    print(f"{len(sales)} sales")
    totals: Counter[str] = Counter()

    for region, amount in sales:
        totals[region] += amount

    return totals


def load(totals: Counter[str], target: str) -> int:
    with sqlite3.connect(target) as database:
        database.execute("DROP TABLE IF EXISTS totals")
        database.execute("CREATE TABLE totals (region TEXT, amount INTEGER)")
        database.executemany("INSERT INTO totals VALUES (?, ?)", totals.items())

    database.close()
    return len(totals)


source = Config.configure_data_node("source", default_data=str(SOURCE))
target = Config.configure_data_node("target", default_data="totals.db")
raw = Config.configure_data_node("raw")
sales = Config.configure_data_node("sales")
totals = Config.configure_data_node("totals")
written = Config.configure_data_node("written")
scenario_cfg = Config.configure_scenario(
    "etl",
    [
        # The path stays the same where the file has changed: this one runs always.
        Config.configure_task("extract", extract, source, raw),
        # These run where the rows are others than last time.
        Config.configure_task("clean", clean, raw, sales, skippable=True),
        Config.configure_task("summarize", summarize, sales, totals, skippable=True),
        Config.configure_task("load", load, [totals, target], written, skippable=True),
    ],
)
Config.configure_job_executions(mode="standalone", max_nb_of_workers=2)


def make_sales() -> None:
    with open(SOURCE, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["region", "amount"])
        writer.writerows(("NESW"[day % 4], day or "") for day in range(365))


async def main() -> None:
    async with Orchestrator() as orchestrator:
        known = await orchestrator.scenarios(name="daily")

        if known:
            scenario = await orchestrator.get_scenario(known[0].id)
        else:
            scenario = await orchestrator.create_scenario(scenario_cfg, name="daily")

        submission = await scenario.submit()

        for job in submission.jobs:
            print(f"{job.task.config_id:10}{job.status:10}{job.reason}")

        print(dict(sorted((await scenario.totals.read()).items())))


if not SOURCE.exists():
    make_sales()

anyio.run(main)
