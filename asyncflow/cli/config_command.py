"""``asyncflow config``."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import click

from asyncflow.cli.code import VARIABLE, complete_module, load, module_option
from asyncflow.cli.group import FAILED
from asyncflow.cli.output import (
    json_option,
    note,
    print_json,
    print_table,
    unwritten,
)
from asyncflow.config import Configuration
from asyncflow.config.section import Section
from asyncflow.secret import concealed

LONGEST = 60
"""How many characters of a value are shown in a table."""


def _module(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command its MODULE, also by the option that other commands have for it."""

    @functools.wraps(command)
    def resolved(given: str | None, module: str | None, **others: Any) -> None:
        if (named := given or module) is None:
            raise click.UsageError(f"give MODULE, or set {VARIABLE}")

        command(module=named, **others)

    add = click.argument(
        "given", metavar="MODULE", required=False, shell_complete=complete_module
    )
    return add(module_option(resolved))


@click.group(short_help="Check, export and show what a module declares.")
def command() -> None:
    """Look at the configuration of a module: what it declares in code, and TOML files."""


@command.command(short_help="Check all that a module declares.")
@_module
@json_option
def check(module: str, as_json: bool) -> None:
    """Check everything that a module declares; each problem names its remedy.

    Exits with 1 where something is wrong.
    """
    config = load(module)[0].config
    problems = config.problems()

    if as_json:
        print_json([attrs.asdict(problem) for problem in problems])
    else:
        for problem in problems:
            click.echo(str(problem))

        if not problems:
            click.echo(f"nothing is wrong: {_counted(config)}")

    if any(problem.level == "ERROR" for problem in problems):
        raise click.exceptions.Exit(FAILED)


@command.command(short_help="Write it to a TOML file.")
@_module
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="The TOML file; comments in one that is there stay.",
)
@click.option("--effective", is_flag=True, help="With the files over the code, too.")
@click.option("--secrets", is_flag=True, help="Write passwords and keys as well.")
@json_option
def export(
    module: str, output: str, effective: bool, secrets: bool, as_json: bool
) -> None:
    """Write what a module declares to a TOML file, which `Config.load` reads."""
    config = load(module)[0].config
    write = config.backup if effective else config.export

    try:
        write(output, secrets=secrets)
    except OSError as error:
        raise unwritten(output, error) from None

    if as_json:
        print_json({"file": os.path.abspath(output)})
    else:
        note(f"{output} is written: {_counted(config)}")


@command.command(short_help="Show each value, and where it comes from.")
@_module
@click.option("--section", metavar="NAME", help="Only this one: TASK.double, or TASK.")
@click.option("--set-only", is_flag=True, help="Without what is so by default.")
@json_option
def show(module: str, section: str | None, set_only: bool, as_json: bool) -> None:
    """Show each value of a configuration, and where it comes from.

    That is the default, the code, a file with the line, or the environment. Secrets are
    not shown.
    """
    config = load(module)[0].config
    rows = [
        (name, value, origin)
        for name, value, origin in _values(config)
        if section is None or name == section or name.startswith(f"{section}.")
        if not (set_only and origin["layer"] == "default")
    ]

    if section is not None and not rows:
        known = ", ".join(
            dict.fromkeys(name.rpartition(".")[0] for name in _names(config))
        )
        raise click.UsageError(f"there is no section {section!r}: there are {known}")

    if as_json:
        print_json(
            [
                {"name": name, "value": value, "origin": origin}
                for name, value, origin in rows
            ]
        )
        return

    print_table(
        ("NAME", "VALUE", "ORIGIN"),
        [(name, _short(value), _where(origin)) for name, value, origin in rows],
    )


def _names(config: Configuration) -> Iterator[str]:
    yield from config.origins()


def _values(config: Configuration) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give the name, the value as a text, and the origin of each value."""
    sections: dict[str, Any] = {
        **config.unique_sections,
        **{
            f"{kind}.{name}": section
            for kind, named in config.sections.items()
            for name, section in named.items()
        },
        "APP": config.global_config,
    }

    for name, origin in config.origins().items():
        label, _, field = name.rpartition(".")
        held = sections.get(label)
        value = getattr(held, field, None) if held is not None else None
        yield name, _text(concealed(field, value)), attrs.asdict(origin)


def _text(value: object) -> str:
    """Return a value as people read it: sections by their ids, functions by names."""
    if isinstance(value, Section):
        return value.id

    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_text, value)) + "]"

    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"

    return repr(value)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _where(origin: dict[str, Any]) -> str:
    if not origin["file"]:
        return str(origin["layer"])

    path = os.path.relpath(origin["file"])
    shown = path if not path.startswith("..") else origin["file"]
    return f"{origin['layer']} ({shown}:{origin['line'] or 1})"


def _counted(config: Configuration) -> str:
    counts = (
        (len(config.scenarios), "scenario"),
        (len(config.tasks), "task"),
        (len(config.data_nodes), "data node"),
    )
    return ", ".join(
        f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts
    )
