# ci: run
"""The pages of a store beside the script that works on it: `asyncflow ui`.

The script knows nothing of the web. Another process has the pages; from there a run of
the script is watched, and cancelled.
"""

import asyncio
import re
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from asyncflow import Configuration, Orchestrator


def count(seconds: int) -> int:
    for second in range(10 * seconds):
        print("step", second, flush=True)
        time.sleep(0.1)

    return seconds


config = Configuration()
config.configure_job_executions(mode="standalone", max_nb_of_workers=2, echo=False)
seconds_cfg = config.configure_data_node("seconds", default_data=60)
counted_cfg = config.configure_data_node("counted")
count_cfg = config.configure_task("count", count, seconds_cfg, counted_cfg)
scenario_cfg = config.configure_scenario("counting", [count_cfg])


async def main(store: Path) -> None:
    async with Orchestrator(config, store=store) as orchestrator:
        scenario = await orchestrator.create_scenario(scenario_cfg)
        submission = await scenario.submit().accepted()

        command = ("-m", "asyncflow", "ui", str(store), "--port", "0")
        ui = await asyncio.create_subprocess_exec(
            sys.executable, *command, stderr=asyncio.subprocess.PIPE
        )

        try:
            assert ui.stderr is not None
            line = (await ui.stderr.readline()).decode()
            (base,) = re.findall(r"http://[^ ]+/", line)
            await cancelled(base, submission.id)
        finally:
            ui.terminate()
            await ui.communicate()

        await submission.wait()
        print("the script sees:", submission.status, submission.jobs[0].reason)


async def cancelled(base: str, run_id: str) -> None:
    """Watch a run from the pages' process, then cancel it there."""
    async with httpx.AsyncClient(base_url=f"{base}api/", timeout=60) as client:
        place = f"submissions/{run_id}"
        print("the pages see:", (await client.get(place)).json()["status"])
        await client.post(f"{place}/cancel", json={"reason": "seen enough"})


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        asyncio.run(main(Path(folder, "runs.db")))
