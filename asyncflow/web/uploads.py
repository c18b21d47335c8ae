"""Files that are uploaded: written to a temporary folder, then taken by a data node."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterable
from pathlib import Path
from typing import Any

from anyio import CancelScope, open_file, to_thread
from starlette.exceptions import HTTPException

from asyncflow.abc import Driver
from asyncflow.alternatives import DRIVERS
from asyncflow.entities.data_node import DataNode


def takes_files(node: DataNode[Any]) -> bool:
    """Tell whether a data node takes files from the web: of a kind without code in it."""
    driver = DRIVERS.find(node.storage_type)
    return (
        driver is not None
        and driver.upload is not Driver.upload
        and not driver.runs_code
    )


async def upload(
    node: DataNode[Any], data: AsyncIterable[bytes], *, editor_id: str, comment: str
) -> None:
    """Write what is sent as the value of a data node.

    :raises HTTPException: where it takes no files
    """
    if not takes_files(node):
        raise HTTPException(
            409,
            f"a {node.storage_type!r} data node takes no file from the web: it has none, or "
            "there can be code in it, which would run in this process",
        )

    folder = Path(await to_thread.run_sync(tempfile.mkdtemp))

    try:
        async with await open_file(folder / "value", "wb") as file:
            async for chunk in data:
                await file.write(chunk)

        await node.upload(folder / "value", editor_id=editor_id, comment=comment)
    finally:
        with CancelScope(shield=True):
            await to_thread.run_sync(shutil.rmtree, folder)
