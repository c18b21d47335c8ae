"""``asyncflow resume``."""

from __future__ import annotations

from typing import Any

import click

from asyncflow.cli.ids import completion
from asyncflow.cli.output import json_option
from asyncflow.cli.pause_command import change
from asyncflow.cli.records import store_option
from asyncflow.cli.selecting import RUNS, selection


@click.command(short_help="Have runs go on that were paused.")
@click.argument("names", metavar="[ID]...", nargs=-1, shell_complete=completion(*RUNS))
@selection
@json_option
@store_option
def command(names: tuple[str, ...], **given: Any) -> None:
    """Start jobs again of runs that were paused; nothing happens to others.

    \b
      asyncflow resume last
      asyncflow resume --config sales --yes
    """
    change(names, given, is_paused=False)
