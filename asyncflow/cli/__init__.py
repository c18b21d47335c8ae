"""The command ``asyncflow``: a face of the orchestrator, and of the store.

`group` has the list of commands, one file each. Those that only look read the store by
`records`, without the user's code; those that run something load it by `code`.
"""

from __future__ import annotations

import os
import sys

STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def main() -> None:
    """Run the command, with the arguments of this process; exit with its status."""
    try:
        import click  # noqa: F401
    except ModuleNotFoundError:
        sys.stderr.write("asyncflow: the command line needs pip install '.[cli]'\n")
        sys.exit(2)

    _open_closed()
    from asyncflow.cli.group import cli

    cli(prog_name="asyncflow")


def _open_closed() -> None:
    """Have standard streams that are closed lead nowhere: else the first files that are
    opened, such as the store's, get their numbers, and what is printed.
    """
    for number, (name, mode) in enumerate(STREAMS):
        if getattr(sys, name) is None:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
            stream = os.fdopen(number, mode, encoding="utf-8", closefd=False)
            setattr(sys, name, stream)
