# ci: run
"""Pages that show the runs of a FastAPI app, behind its own login.

    python dashboard_app.py                -> serves it, does what follows once, and ends
    uvicorn dashboard_app:app --app-dir examples

    http://localhost:8000/login?user=ada   -> signs in; any other name may only look
    http://localhost:8000/flows/           -> the pages
    http://localhost:8000/flows/api/       -> the same in JSON; see openapi.json there

The app asks who somebody is; the hook says what they may do. What they change carries
their name.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

import asyncflow.web
from asyncflow import Configuration, Orchestrator, progress
from asyncflow.web import Access


def prepare(number: int) -> list[int]:
    return list(range(number))


def work(items: list[int]) -> int:
    total = 0

    for item in progress(items):
        print("item", item, flush=True)
        time.sleep(0.1)
        total += item

    return total


config = Configuration()
config.configure_job_executions(mode="standalone", max_nb_of_workers=2)
number_cfg = config.configure_data_node("number", default_data=50)
items_cfg = config.configure_data_node("items")
total_cfg = config.configure_data_node("total")
prepare_cfg = config.configure_task("prepare", prepare, number_cfg, items_cfg)
work_cfg = config.configure_task("work", work, items_cfg, total_cfg)
scenario_cfg = config.configure_scenario("sum", [prepare_cfg, work_cfg])


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with Orchestrator(config) as orchestrator:
        app.state.orchestrator = orchestrator
        await orchestrator.create_scenario(scenario_cfg, name="first", exist_ok=True)
        yield


def access(request: Request) -> Access:
    # A real app checks a signed session here.
    user = request.cookies.get("user", "")
    request.state.user = user

    if not user:
        return Access.DENY

    return Access.ALL if user == "ada" else Access.READ


app = FastAPI(lifespan=lifespan)


@app.get("/login")
async def login(user: str) -> Response:
    response = RedirectResponse("/flows/", 303)
    response.set_cookie("user", user, httponly=True, samesite="strict")
    return response


app.mount(
    "/flows",
    asyncflow.web.dashboard(
        lambda request: request.app.state.orchestrator, access=access, title="Sums"
    ),
)


async def try_it(base: str) -> None:
    """Do as users do: look without a login, log in, start a run by the API."""
    async with httpx.AsyncClient(
        base_url=base, follow_redirects=True, timeout=60
    ) as client:
        print("nobody:", (await client.get("/flows/")).status_code)
        await client.get("/login", params={"user": "grace"})
        found = await client.get("/flows/api/scenarios", params={"config_id": "sum"})
        scenario = found.json()[0]
        place = f"/flows/api/scenarios/{scenario['id']}/submit"
        print("grace may look, not start:", (await client.post(place)).status_code)
        await client.get("/login", params={"user": "ada"})
        run = (await client.post(place, params={"wait": 30}, json={})).json()
        print("ada's run:", run["status"], "by", run["properties"]["submitted_by"])


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
