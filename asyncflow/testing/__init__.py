"""What users need to test their flows: a pytest plugin, faults to order, a contract.

The plugin (`asyncflow.testing.plugin`) has these fixtures::

    asyncflow_config                a fresh `Configuration`; override it with your own
    asyncflow_orchestrator          open: jobs run in this process, records in memory
    asyncflow_process_orchestrator  open: two worker processes, an SQLite file
    asyncflow_faults                `Faults`, active while the test runs

`driver_contract` puts a storage type of your own to what asyncflow promises of all.

The names below are loaded when they are first asked for: pytest imports this package
when it starts, in every project of whoever has installed asyncflow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncflow.testing._driver import driver_contract as driver_contract
    from asyncflow.testing.faults import Faults as Faults
    from asyncflow.testing.program import run_program as run_program

_HOMES = {
    "Faults": "faults",
    "driver_contract": "_driver",
    "run_program": "program",
}

__all__ = ["Faults", "driver_contract", "run_program"]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)

    if home is None:
        raise AttributeError(f"module 'asyncflow.testing' has no attribute {name!r}")

    value = getattr(import_module(f"asyncflow.testing.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
