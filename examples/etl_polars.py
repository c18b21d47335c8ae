# ci: run
"""The ETL of etl_pandas.py with Polars.

Needs ``pip install ".[polars,parquet,sql]"``. What reads a value says what it is: what this one
writes as a frame of Polars, another program may read as one of pandas.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import polars as pl

from asyncflow import Config, Orchestrator


def clean(orders: pl.DataFrame) -> pl.DataFrame:
    return orders.drop_nulls()


def total(orders: pl.DataFrame) -> pl.DataFrame:
    return orders.group_by("region").agg(pl.col("amount").sum()).sort("region")


raw = Config.configure_csv_data_node("raw", "orders.csv", exposed_type="polars")
orders = Config.configure_parquet_data_node(
    "orders", "orders.parquet", exposed_type="polars"
)
totals = Config.configure_sql_table_data_node(
    "totals",
    db_engine="sqlite",
    db_name="shop",
    table_name="totals",
    exposed_type="polars",
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
        print((await scenario.totals.read()).rows())
        # Of the Parquet file, these rows alone are read.
        print((await scenario.orders.filter(("amount", 362, ">"))).rows())


make_places()
anyio.run(main)
