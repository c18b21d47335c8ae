# ci: run
"""Two tasks in a scenario, run in worker processes and awaited.

    my_input (21)  ->  double  ->  intermediate  ->  add  ->  my_output

No `if __name__ == "__main__":` is needed: a worker does not run this script again.
"""

import time

import anyio

from asyncflow import Config, Orchestrator


def double(nb: int) -> int:
    return nb * 2


def add(nb: int) -> int:
    print("    add works for half a second")  # shown here when the job has ended
    time.sleep(0.5)
    return nb + 10


# What there is to run. Nothing runs yet.
Config.configure_job_executions(mode="standalone", max_nb_of_workers=2)

my_input = Config.configure_data_node("my_input", default_data=21)
intermediate = Config.configure_data_node("intermediate")
my_output = Config.configure_data_node("my_output")

first = Config.configure_task("double", double, my_input, intermediate)
second = Config.configure_task("add", add, intermediate, my_output)
scenario_cfg = Config.configure_scenario("my_scenario", [first, second])


async def main() -> None:
    async with Orchestrator() as orchestrator:
        print("Two scenarios at once; nobody waits for them yet.")
        scenario_1 = await orchestrator.create_scenario(scenario_cfg)
        scenario_2 = await orchestrator.create_scenario(scenario_cfg)
        submissions = [scenario_1.submit(), scenario_2.submit()]

        print("A third, awaited: it takes its turn on the two workers.")
        scenario_3 = await orchestrator.create_scenario(scenario_cfg)
        print(await scenario_3.submit())
        print("my_output of the third:", await scenario_3.my_output.read())

        print("Once more, with another input, and patience for 0.2 s only.")
        await scenario_3.my_input.write(100)
        again = scenario_3.submit(timeout=0.2)

        try:
            await again
        except TimeoutError:
            print("The time is up; the run goes on:", again)

        print("Wait for everything that still runs.")
        await orchestrator.drain()
        print(again)

        for submission in submissions:
            await submission  # has ended; would raise if it had failed

        for scenario in (scenario_1, scenario_2, scenario_3):
            print("my_output:", await scenario.my_output.read())


anyio.run(main)
