"""The command ``asyncflow``: a face of the orchestrator, and of the store.

`group` has the list of commands, one file each. Those that only look read the store by
`records`, without the user's code; those that run something load it by `code`.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command, with the arguments of this process; exit with its status."""
    try:
        import click  # noqa: F401
    except ModuleNotFoundError:
        sys.stderr.write("asyncflow: the command line needs pip install '.[cli]'\n")
        sys.exit(2)

    from asyncflow.cli.group import cli

    cli(prog_name="asyncflow")
