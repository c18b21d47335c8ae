"""Notebooks that tests run in a kernel of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

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
    ended = json.loads((folder / "executed.ipynb").read_text())
    return [
        "".join(
            "".join(output.get("text", ())) for output in cell["outputs"]
        ).splitlines()
        for cell in ended["cells"]
    ]
