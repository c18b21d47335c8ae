"""A report on objects of a bucket, on Amazon's S3 or any server like it.

Needs ``pip install ".[s3]"``, the bucket, and the environment: BUCKET, AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY; S3_ENDPOINT for another server than Amazon's. What ``ENV[...]``
stands for is looked up where it is used, and is in no store, log or error.
"""

import csv
import io
import json
from typing import Any

import anyio

from asyncflow import Config, Orchestrator

BUCKET: dict[str, Any] = {
    "aws_access_key": "ENV[AWS_ACCESS_KEY_ID]",
    "aws_secret_access_key": "ENV[AWS_SECRET_ACCESS_KEY]",
    "aws_s3_bucket_name": "ENV[BUCKET]",
    "aws_s3_endpoint_url": "ENV[S3_ENDPOINT:https://s3.amazonaws.com]",
    "aws_region": "ENV[AWS_REGION:us-east-1]",
}


def report(orders: bytes) -> str:
    rows = csv.DictReader(io.StringIO(orders.decode()))
    totals: dict[str, int] = {}

    for row in rows:
        totals[row["region"]] = totals.get(row["region"], 0) + int(row["amount"])

    return json.dumps(totals)


orders = Config.configure_s3_object_data_node(
    "orders", aws_s3_object_key="orders.csv", **BUCKET
)
summary = Config.configure_s3_object_data_node(
    "summary", aws_s3_object_key="summary.json", **BUCKET
)
# Its reader runs again where the object has another ETag, by whomever it was written.
task = Config.configure_task("report", report, orders, summary, skippable=True)
scenario_cfg = Config.configure_scenario("reporting", task)
Config.configure_job_executions(mode="standalone", max_nb_of_workers=1)


async def main() -> None:
    async with Orchestrator() as orchestrator:
        scenario = await orchestrator.create_scenario(scenario_cfg)
        await scenario.orders.write("region,amount\nN,3\nS,5\nN,4\n")

        for _ in range(2):
            (job,) = (await scenario.submit()).jobs
            print(job.status, await scenario.summary.read())


anyio.run(main)
