"""The user's code, for commands that run something: ``MODULE`` or ``MODULE:SCENARIO``."""

from __future__ import annotations

import os
import re
import shlex
import sys
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, TypeVar

import attrs
import click

from asyncflow.config import Config, Configuration, JobConfig, ScenarioConfig
from asyncflow.config.section import names_of

VARIABLE = "ASYNCFLOW_MODULE"
DEPTHS = ("", "*/", "*/*/")
MOST = 1000
"""How many files are looked at for the name of a config."""
SHOWN = 4
"""How many of them are named."""

F = TypeVar("F", bound=Callable[..., object])


def complete_module(
    ctx: click.Context,  # as click calls it
    param: click.Parameter,  # the same
    incomplete: str,
) -> list[str]:
    """Give the modules of this folder, as a shell completes them. Nothing is imported."""
    names = [path.stem for path in sorted(Path().glob("*.py"))]
    return [name for name in names if name.startswith(incomplete)]


def module_option(command: F) -> F:
    """Add ``--module`` to a command that cannot do without: see `declaring`."""
    add = click.option(
        "-m",
        "--module",
        envvar=VARIABLE,
        metavar="MODULE",
        shell_complete=complete_module,
        help=f"The module (or file) that declares the scenario.  [default: ${VARIABLE}]",
    )
    return add(command)


TARGET = """MODULE is a module (flows, package.flows) or a file (flows.py), seen from the
current folder; SCENARIO the id of a scenario that it declares, or the name that it has
there. With one scenario MODULE alone says it."""


@attrs.frozen(kw_only=True, eq=False)
class Code:
    """A module of the user's, and what it declares."""

    module: ModuleType
    config: Configuration

    def scenario(self, name: str) -> ScenarioConfig:
        """Return the scenario that is meant.

        :param name: its id, what the module calls it, or "" for the only one
        :raises click.UsageError: where there is none, or another one may be meant
        """
        known = self.config.scenarios
        held = getattr(self.module, name, None) if name else None

        if isinstance(held, ScenarioConfig):
            return held

        if name in known:
            return known[name]

        if not name and len(known) == 1:
            return next(iter(known.values()))

        where = self.module.__name__

        if not known:
            raise click.UsageError(
                f"{where} declares no scenario: call Config.configure_scenario(...) in it"
            )

        ids = ", ".join(known)

        if not name:
            raise click.UsageError(
                f"{where} declares several scenarios: write {where}:NAME, with one of {ids}"
            )

        near = get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise click.UsageError(
            f"{where} declares no scenario {name!r}: {hint}it has {ids}"
        )


def load(target: str) -> tuple[Code, str]:
    """Import what ``MODULE:SCENARIO`` names; return what it declares, and the scenario.

    :raises click.UsageError: where there is no such module, or it cannot be imported
    """
    name, _, scenario = target.partition(":")
    module = _imported(name)
    return Code(module=module, config=_config(module, scenario)), scenario


def declaring(config_ids: Collection[str]) -> NoReturn:
    """Refuse to import what was not named; name the files that may be meant.

    :param config_ids: of scenarios or tasks
    :raises click.UsageError: always; it has the line that is to be typed
    """
    given = shlex.join(
        ["asyncflow", *(click.get_current_context().find_root().obj or ())]
    )
    near = [module for path in _files() if (module := _declaring(path, config_ids))]
    lines = "".join(f"\n  {given} -m {module}" for module in near[:SHOWN])
    wanted = ", ".join(repr(config_id) for config_id in dict.fromkeys(config_ids))
    raise click.UsageError(
        f"this needs the code that declares {wanted}, and imports none that was not "
        f"named: give -m MODULE, or set {VARIABLE}"
        + (f". It may be:{lines}" if near else "; no file here names it")
    )


def _files() -> Iterator[Path]:
    """Give the files of Python here, and in folders here."""
    found = (path for depth in DEPTHS for path in sorted(Path().glob(f"{depth}*.py")))
    shown = (path for path in found if not path.parts[0].startswith("."))
    return islice(shown, MOST)


def _declaring(path: Path, config_ids: Collection[str]) -> str:
    """Return the module of a file that has the names of some configs; else "". Nothing
    is imported.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""

    if not all(
        re.search(_NAMED.format(re.escape(config_id)), text) for config_id in config_ids
    ):
        return ""

    folders = path.parents[:-1]
    is_package = folders and all(
        (folder / "__init__.py").exists() for folder in folders
    )
    return ".".join(path.with_suffix("").parts) if is_package else str(path)


_NAMED = r"""(["']){0}\1|\bdef {0}\b"""
"""A name in quotation marks, or that of a function, which `@task` takes."""


def overridden(config: Configuration, changes: Mapping[str, Any]) -> None:
    """Have jobs executed otherwise than the module declares.

    :param changes: arguments of `Configuration.configure_job_executions`; None for none
    """
    given = {name: value for name, value in changes.items() if value is not None}

    if not given:
        return

    jobs = config.job_config
    kept = {name: getattr(jobs, name) for name in names_of(JobConfig)}
    config.configure_job_executions(**{**kept, **jobs.properties, **given})


def _imported(name: str) -> ModuleType:
    if name.endswith(".py"):
        path = os.path.abspath(name)

        if not os.path.exists(path):
            raise click.UsageError(f"there is no file {name}")

        folder, name = os.path.dirname(path), os.path.basename(path)[:-3]
    else:
        folder = os.getcwd()

    if "" in name.split("."):
        raise click.UsageError(f"{name!r} names no module: {_FORMS}")

    if folder not in sys.path:
        sys.path.insert(0, folder)

    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise click.UsageError(
                f"there is no module {name!r}, seen from {folder}: {_FORMS}"
            ) from None

        raise click.UsageError(
            f"{name} cannot be imported: {error}: install what it needs"
        ) from error
    except Exception as error:
        lines = "".join(traceback.format_exception(error))
        raise click.UsageError(
            f"{name} cannot be imported: it raises\n\n{lines}"
        ) from error


_FORMS = "give MODULE:SCENARIO, such as flows:sales, or flows.py:sales"


def _config(module: ModuleType, scenario: str) -> Configuration:
    """Return the configuration that has a scenario; of several the first."""
    found = [Config, *_own(module)]

    for config in found:
        held = getattr(module, scenario, None) if scenario else None

        if scenario in config.scenarios or held in config.scenarios.values():
            return config

    return next((config for config in found if config.scenarios), Config)


def _own(module: ModuleType) -> Iterator[Configuration]:
    for value in vars(module).values():
        if isinstance(value, Configuration) and value is not Config:
            yield value
