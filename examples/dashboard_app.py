"""Pages that show the runs of an app, behind its own login.

    uvicorn dashboard_app:app --app-dir examples

    http://localhost:8000/login?user=ada   -> signs in; any other name may only look
    http://localhost:8000/flows/           -> the pages
    http://localhost:8000/flows/api/       -> the same in JSON; see openapi.json there

The app asks who somebody is; the hook says what they may do. What they change carries
their name.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
