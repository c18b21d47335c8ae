# ci: run
"""Jobs that fail in every way, and what asyncflow tells about each.

A failed job costs what needs its result, and nothing else: all others run, and the
orchestrator goes on.
"""

import os
import sys

import anyio

from asyncflow import Config, Orchestrator, SubmissionFailed


def good() -> str:
    return "fine"


def raises() -> None:
    print("about to divide")
    print(1 / 0)


def exits() -> None:
    sys.exit("no disk left")  # ends the job, not the worker


def dies() -> None:
    os._exit(3)  # as a crash in a C library would


def needs_raises(value: object) -> object:
    return value


Config.configure_job_executions(mode="standalone", max_nb_of_workers=2)
results = [Config.configure_data_node(f"result_{number}") for number in range(5)]
tasks = [
    Config.configure_task("good", good, output=results[0]),
    Config.configure_task("raises", raises, output=results[1]),
    Config.configure_task("exits", exits, output=results[2]),
    # A crash is tried again, once where nothing else is said.
    Config.configure_task("dies", dies, output=results[3], crash_retries=0),
    Config.configure_task("needs_raises", needs_raises, results[1], results[4]),
]
scenario_cfg = Config.configure_scenario("failing", tasks)


async def main() -> None:
    async with Orchestrator() as orchestrator:
        scenario = await orchestrator.create_scenario(scenario_cfg)
        submission = scenario.submit()

        try:
            await submission
        except SubmissionFailed as failed:
            print(failed)

        print("\nEach job:")

        for job in submission.jobs:
            print(f"  {job.task.config_id:13}{job.status:11}{job.reason}")

        raised = next(job for job in submission.jobs if job.task.config_id == "raises")
        print("\nThe traceback of `raises`, from its worker:")
        print(raised.stacktrace)
        print("What it had printed:", await raised.output())

        # All is as before: the workers that died have been replaced.
        await scenario.tasks["good"].submit()
        print("Afterwards:", await scenario.result_0.read())


anyio.run(main)
