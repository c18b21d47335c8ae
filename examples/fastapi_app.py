"""The app of `starlette_app.py` with FastAPI: the orchestrator is a dependency.

    uvicorn fastapi_app:app --app-dir examples

The functions that jobs run are plain ones: they know nothing of the web.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import attrs
from fastapi import Body, Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse

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
async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    async with Orchestrator(config) as orchestrator:
        yield {"orchestrator": orchestrator}  # becomes `request.state`


app = FastAPI(lifespan=lifespan)


async def opened(request: Request) -> Orchestrator:
    orchestrator: Orchestrator = request.state.orchestrator
    return orchestrator


Opened = Annotated[Orchestrator, Depends(opened)]


async def found(id: str, orchestrator: Opened) -> Submission:
    try:
        submission = await orchestrator.get(id)
    except NotFound as error:
        raise HTTPException(404, str(error)) from error

    if not isinstance(submission, Submission):
        raise HTTPException(404, f"{id} is not a run")

    return submission


Found = Annotated[Submission, Depends(found)]


@app.post("/runs", status_code=202)
async def start(
    number: Annotated[int, Body(embed=True)], orchestrator: Opened
) -> dict[str, str]:
    scenario = await orchestrator.create_scenario(scenario_cfg)
    await scenario.number.write(number)
    submission = scenario.submit()
    await submission.accepted()  # from here on the run is not forgotten
    return {"id": submission.id}


@app.get("/runs/{id}")
async def status(submission: Found) -> dict[str, Any]:
    return facts(submission)


@app.get("/runs/{id}/result")
async def result(submission: Found) -> JSONResponse:
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


@app.get("/runs/{id}/events")
async def events(submission: Found) -> StreamingResponse:
    async def stream() -> AsyncIterator[str]:
        # A client that goes away ends the watching, not the run.
        async for event in submission:
            data = json.dumps(attrs.asdict(event), default=str)
            yield f"event: {type(event).__name__}\ndata: {data}\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")


@app.delete("/runs/{id}")
async def cancel(submission: Found) -> dict[str, Any]:
    submission.cancel("cancelled over HTTP")
    await submission.wait()
    return facts(submission)


def facts(submission: Submission) -> dict[str, Any]:
    counts = submission.counts()
    return {"id": submission.id, "status": submission.status, "jobs": counts}
