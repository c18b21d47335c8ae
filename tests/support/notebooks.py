"""Notebooks that tests run in a kernel of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import nbformat

from tests.support import programs

EXECUTE = """
import sys
import nbclient, nbformat

notebook = nbformat.read("notebook.ipynb", as_version=4)
client = nbclient.NotebookClient(notebook, timeout=40, kernel_name="python3")
client.execute(cwd=".")
nbformat.write(notebook, "executed.ipynb")
"""

FOLDERS = (
    "IPYTHONDIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
)


def run(
    cells: Iterable[str], folder: Path, *, raising: Collection[str] = ()
) -> list[list[str]]:
    """Run a notebook; return the lines that each of its cells has printed.

    :param raising: the cells that raise
    """
    made = list(map(nbformat.v4.new_code_cell, cells))

    for cell in made:
        if cell["source"] in raising:
            cell["metadata"]["tags"] = ["raises-exception"]

    notebook = nbformat.v4.new_notebook(cells=made)
    nbformat.write(notebook, folder / "notebook.ipynb")
    folders = {name: str(folder / name.lower()) for name in FOLDERS}
    # nbclient's own deprecations are no matter of ours.
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE],
        cwd=folder,
        env=programs.environment(**folders),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [
        "".join("".join(output.get("text", ())) for output in outputs).splitlines()
        for outputs in _outputs(folder)
    ]


def pages(folder: Path) -> list[str]:
    """Return the HTML that each cell of the notebook that was run shows in the end."""
    return [
        "".join("".join(output.get("data", {}).get("text/html", ())) for output in some)
        for some in _outputs(folder)
    ]


def _outputs(folder: Path) -> list[list[dict[str, Any]]]:
    ended = json.loads((folder / "executed.ipynb").read_text())
    return [cell["outputs"] for cell in ended["cells"]]
