"""A Starlette app that runs scenarios in its own process: no daemon, no queue to set up.

    uvicorn starlette_app:app --app-dir examples

    curl -X POST localhost:8000/runs -d '{"number": 21}'   -> 202 {"id": "SUBMISSION_..."}
    curl localhost:8000/runs/SUBMISSION_...                -> its status
    curl localhost:8000/runs/SUBMISSION_.../result         -> waits for its end
    curl -N localhost:8000/runs/SUBMISSION_.../events      -> its events, as they come
    curl -X DELETE localhost:8000/runs/SUBMISSION_...      -> cancels it

Submitting, awaiting and watching never block the server's event loop.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from asyncflow import (
    Configuration,
    NotFound,
    Orchestrator,
    Status,
    Submission,
    SubmissionCanceled,
    SubmissionFailed,
)


def double(number: int) -> int:
    return number * 2


def add(number: int) -> int:
    if number < 0:
        raise ValueError(f"{number} is negative")

    print("adding")
    return number + 10


config = Configuration()
config.configure_job_executions(mode="standalone", max_nb_of_workers=2)
number_cfg = config.configure_data_node("number")
doubled_cfg = config.configure_data_node("doubled")
result_cfg = config.configure_data_node("result")
double_cfg = config.configure_task("double", double, number_cfg, doubled_cfg)
add_cfg = config.configure_task("add", add, doubled_cfg, result_cfg)
scenario_cfg = config.configure_scenario("calculation", [double_cfg, add_cfg])


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, Any]]:
    async with Orchestrator(config) as orchestrator:
        yield {"orchestrator": orchestrator}  # becomes `request.state`


async def start(request: Request) -> Response:
    scenario = await request.state.orchestrator.create_scenario(scenario_cfg)
    await scenario.number.write((await request.json())["number"])
    submission = scenario.submit()
    await submission.accepted()  # from here on the run is not forgotten
    return JSONResponse({"id": submission.id}, status_code=202)


async def status(request: Request) -> Response:
    return JSONResponse(facts(await find(request)))


async def result(request: Request) -> Response:
    submission = await find(request)

    try:
        await submission
    except SubmissionFailed:
        failed = [job for job in submission.jobs if job.status is Status.FAILED]
        errors = [{"task": job.task.config_id, "reason": job.reason} for job in failed]
        return JSONResponse({**facts(submission), "errors": errors}, status_code=500)
    except SubmissionCanceled as canceled:
        return JSONResponse(
            {**facts(submission), "reason": canceled.reason}, status_code=409
        )

    value = await submission.entity.data_nodes["result"].read()
    return JSONResponse({**facts(submission), "result": value})


async def events(request: Request) -> Response:
    submission = await find(request)

    async def stream() -> AsyncIterator[str]:
        # A client that goes away ends the watching, not the run.
        async for event in submission:
            data = json.dumps(attrs.asdict(event), default=str)
            yield f"event: {type(event).__name__}\ndata: {data}\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")


async def cancel(request: Request) -> Response:
    submission = await find(request)
    submission.cancel("cancelled over HTTP")
    await submission.wait()
    return JSONResponse(facts(submission))


async def find(request: Request) -> Submission:
    found = await request.state.orchestrator.get(request.path_params["id"])

    if not isinstance(found, Submission):
        raise NotFound(found.id)

    return found


def facts(submission: Submission) -> dict[str, Any]:
    counts = submission.counts()
    return {"id": submission.id, "status": submission.status, "jobs": counts}


async def not_found(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=404)


app = Starlette(
    lifespan=lifespan,
    exception_handlers={NotFound: not_found},
    routes=[
        Route("/runs", start, methods=["POST"]),
        Route("/runs/{id}", status),
        Route("/runs/{id}", cancel, methods=["DELETE"]),
        Route("/runs/{id}/result", result),
        Route("/runs/{id}/events", events),
    ],
)
