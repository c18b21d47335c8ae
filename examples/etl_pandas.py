# ci: run
"""An ETL with pandas: a CSV file, cleaned to Parquet, summed up in a table of SQLite.

Needs ``pip install ".[pandas,parquet,sql]"``. The files and the table are yours: look at them
with other programs, or run it again with another ``orders.csv``.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pandas as pd

from asyncflow import Config, Orchestrator


def clean(orders: pd.DataFrame) -> pd.DataFrame:
    return orders.dropna().astype({"amount": "int64"})


def total(orders: pd.DataFrame) -> pd.DataFrame:
    return orders.groupby("region", as_index=False)["amount"].sum()


def check(orders: pd.DataFrame) -> None:
    if (wrong := orders[orders["amount"] < 0]).size:
        raise ValueError(f"less than nothing:\n{wrong}")


raw = Config.configure_csv_data_node("raw", "orders.csv")
orders = Config.configure_parquet_data_node("orders", "orders.parquet", validator=check)
totals = Config.configure_sql_table_data_node(
    "totals", db_engine="sqlite", db_name="shop", table_name="totals"
)
etl = Config.configure_scenario(
    "etl",
    [
        Config.configure_task("clean", clean, raw, orders),
        Config.configure_task("total", total, orders, totals),
    ],
)
Config.configure_job_executions(mode="standalone", max_nb_of_workers=1)


def make_places() -> None:
    """Make the file, with a hole in it, and the table."""
    lines = [f"{'NESW'[day % 4]},{day or ''}\n" for day in range(365)]
    Path("orders.csv").write_text("".join(["region,amount\n", *lines]))

    with closing(sqlite3.connect("shop.db")) as database, database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS totals (region TEXT, amount INTEGER)"
        )


async def main() -> None:
    async with Orchestrator() as orchestrator:
        scenario = await orchestrator.create_scenario(etl)
        await scenario.submit()
        print(await scenario.totals.read())
        # Of the Parquet file, these rows alone are read.
        print(await scenario.orders.filter(("amount", 362, ">")))


make_places()
anyio.run(main)
