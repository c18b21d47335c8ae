"""All commands: each is loaded when it is called."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from typing import Any

import click

from asyncflow.cli.output import is_of_output
from asyncflow.errors import (
    AsyncflowError,
    ConfigError,
    NotDeclared,
    NotFound,
    StoreFailed,
    UsageError,
)

COMMANDS = {
    "run": "Run a scenario, and show how it goes.",
    "list": "List submissions, scenarios or jobs.",
    "show": "Show all that is known of something.",
    "logs": "Print what jobs have printed.",
    "plan": "Say what a run would do, and why.",
    "graph": "Draw the graph of a scenario, or of a run.",
    "cancel": "End runs, wherever they run.",
    "pause": "Start no more jobs of runs until `resume`.",
    "resume": "Have runs go on that were paused.",
    "retry": "Run again what did not complete.",
    "delete": "Delete scenarios, runs or jobs.",
    "diff": "Say what two scenarios have otherwise.",
    "compare": "Compare scenarios by the comparators of their config.",
    "replay": "Call a job's function again, with its stored inputs, here.",
    "report": "Write a run as one page of HTML.",
    "ui": "Serve pages that show the runs of a store.",
    "config": "Check, export and show what a module declares.",
    "gc": "Remove old runs, what they printed, and lost files.",
    "store": "Check, back up and migrate the store.",
    "completion": "Complete commands, options and ids in your shell.",
}
"""Each is in the module of its name; what it does, in a line."""

FAILED, USAGE, UNPRINTED, INTERRUPTED = 1, 2, 3, 130
"""Exit codes besides 0."""

_USAGE = (ConfigError, NotDeclared, NotFound, StoreFailed, UsageError)


class Failure(click.ClickException):
    """An error that is told in a few lines, and ends the command.

    :param exit_code: that of the process
    """

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # as click does it itself

    def show(self, file: Any = None) -> None:
        word = click.style("Error:", fg="red", bold=True)
        click.echo(f"{word} {self.message}", file=file or sys.stderr)


class Commands(click.Group):
    """The commands, without their modules until they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None

        module = import_module(f"asyncflow.cli.{cmd_name}_command")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not ctx.resilient_parsing:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, 1)
            hint = f"did you mean {near[0]!r}?" if near else "see asyncflow --help"
            ctx.fail(f"there is no command {args[0]!r}: {hint}")

        return super().resolve_command(ctx, args)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.obj = [*args]  # as they were given, for messages that say what to type
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        if os.environ.get("NO_COLOR"):
            ctx.color = False

        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):  # the latter at a question
            raise Failure("interrupted", INTERRUPTED) from None
        except _USAGE as error:
            raise Failure(str(error), USAGE) from error
        except AsyncflowError as error:
            raise Failure(str(error)) from error
        except OSError as error:
            raise _told(error) from None


def _told(error: OSError) -> BaseException:
    """Return the end of a command whose output cannot be written, or whose folder has
    gone, in place of an error that says so; any other error as it is.
    """
    if isinstance(error, FileNotFoundError) and _is_nowhere():
        return Failure("the current folder was removed: go to another one", USAGE)

    if not is_of_output(error):
        return error

    if error.errno == errno.EPIPE:  # as after `| head`: nobody wants to know
        return click.exceptions.Exit(UNPRINTED)

    return Failure(
        f"what the command prints cannot be written ({error.strerror or error}); what it "
        "does is done: `asyncflow list` and `asyncflow show` tell it",
        UNPRINTED,
    )


def _is_nowhere() -> bool:
    """Tell whether the current folder was removed."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True

    return False


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="asyncflow")
def cli() -> None:
    """Run scenarios, and look after their runs.

    \b
      asyncflow run flows:sales        run the scenario `sales` of flows.py
      asyncflow list                   the last runs
      asyncflow show last              the newest run: its jobs, errors, times
      asyncflow logs last -f           what its jobs print, as it comes

    An id may be shortened, as long as only one begins so; `last` is the newest.

    Records are in .asyncflow/asyncflow.db in the current folder, unless --store or the
    environment variable ASYNCFLOW_STORE names another store.
    """
