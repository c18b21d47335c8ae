# ci: run
"""Pages in a Starlette app: mounted in one line, opened to who has a token.

python dashboard_starlette.py    -> serves it, asks for some pages, and ends
uvicorn dashboard_starlette:app --app-dir examples
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

import asyncflow.web
from asyncflow import Configuration, Orchestrator


def double(number: int) -> int:
    print("doubling", number)
    return number * 2


config = Configuration()
config.configure_job_executions(mode="standalone", max_nb_of_workers=2)
number_cfg = config.configure_data_node("number", default_data=21)
doubled_cfg = config.configure_data_node("doubled")
double_cfg = config.configure_task("double", double, number_cfg, doubled_cfg)
scenario_cfg = config.configure_scenario("doubling", [double_cfg])
orchestrator = Orchestrator(config)


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[None]:
    async with orchestrator:
        await orchestrator.create_scenario(scenario_cfg, name="first", exist_ok=True)
        yield


# A real app takes the token from its environment.
pages = asyncflow.web.dashboard(orchestrator, token="open sesame", title="Doublings")
app = Starlette(lifespan=lifespan, routes=[Mount("/flows", pages)])


async def try_it(base: str) -> None:
    """Do what scripts do: name the token, start a run, read what it has written."""
    async with httpx.AsyncClient(base_url=f"{base}/flows/api/", timeout=60) as client:
        print("without the token:", (await client.get("scenarios")).status_code)
        client.headers["Authorization"] = "Bearer open sesame"
        found = await client.get("scenarios", params={"config_id": "doubling"})
        scenario = found.json()[0]
        place = f"scenarios/{scenario['id']}/submit"
        run = (await client.post(place, params={"wait": 30}, json={})).json()
        value = await client.get(f"data-nodes/{run['outputs']['doubled']}/value")
        print("with it:", run["status"], value.json()["rows"])


async def main() -> None:
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))

    with socket.create_server(("127.0.0.1", 0)) as taken:
        serving = asyncio.create_task(server.serve([taken]))

        try:
            await try_it(f"http://127.0.0.1:{taken.getsockname()[1]}")
        finally:
            server.should_exit = True
            await serving


if __name__ == "__main__":
    asyncio.run(main())
