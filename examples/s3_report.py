"""A report on files of a bucket, ``s3://`` of Amazon or of any server like it.

Needs ``pip install ".[s3]"``, the bucket, and the environment: BUCKET, AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY; S3_ENDPOINT for another server than Amazon's. What ``ENV[...]``
stands for is looked up where it is used, and is in no store, log or error.
"""

import os

import anyio

from asyncflow import Config, Orchestrator

BUCKET = f"s3://{os.environ['BUCKET']}"
ACCESS = {
    "key": "ENV[AWS_ACCESS_KEY_ID]",
    "secret": "ENV[AWS_SECRET_ACCESS_KEY]",
    "endpoint_url": "ENV[S3_ENDPOINT:https://s3.amazonaws.com]",
}


def report(orders: list[dict[str, str]]) -> dict[str, int]:
    totals: dict[str, int] = {}

    for order in orders:
        totals[order["region"]] = totals.get(order["region"], 0) + int(order["amount"])

    return totals


orders = Config.configure_csv_data_node(
    "orders", f"{BUCKET}/orders.csv", exposed_type="list[dict]", storage_options=ACCESS
)
summary = Config.configure_json_data_node(
    "summary", f"{BUCKET}/summary.json", storage_options=ACCESS
)
# It runs again where the file is another one, by whomever it was written.
task = Config.configure_task("report", report, orders, summary, skippable=True)
scenario_cfg = Config.configure_scenario("reporting", task)
Config.configure_job_executions(mode="standalone", max_nb_of_workers=1)
SALES = [("N", 3), ("S", 5), ("N", 4)]


async def main() -> None:
    async with Orchestrator() as orchestrator:
        scenario = await orchestrator.create_scenario(scenario_cfg)
        rows = [{"region": region, "amount": amount} for region, amount in SALES]
        await scenario.orders.write(rows)

        for _ in range(2):
            (job,) = (await scenario.submit()).jobs
            print(job.status, await scenario.summary.read())


anyio.run(main)
