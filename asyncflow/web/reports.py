"""Runs as files of HTML, made for who asks."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from anyio import CancelScope, to_thread
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from asyncflow.entities.submission import Submission


async def report(run: Submission) -> Response:
    """Send the report of a run, to be kept; see `Submission.report`."""
    folder = await to_thread.run_sync(tempfile.mkdtemp)

    try:
        file = await run.report(Path(folder, "run.html"))
    except BaseException:
        with CancelScope(shield=True):
            await to_thread.run_sync(shutil.rmtree, folder)

        raise

    return FileResponse(
        file,
        media_type="text/html",
        filename=f"{run.id}.html",
        background=BackgroundTask(shutil.rmtree, folder),
    )
