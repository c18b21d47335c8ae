"""Values are loaded; an error says of which data node."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from asyncflow.abc import Driver, StoredValue
from asyncflow.errors import DataNodeReadingError
from asyncflow.runs.node import NodeState

if TYPE_CHECKING:
    from asyncflow.entities.parts import Ask


def load(
    node: NodeState, driver: Driver, kept: StoredValue, ask: Ask | None = None
) -> Any:
    return named(node, lambda: driver.read(kept) if ask is None else ask(driver, kept))


def named(node: NodeState, load: Callable[[], Any]) -> Any:
    """Load a value; say which data node has one of which the code is not here."""
    try:
        return load()
    except DataNodeReadingError as error:
        error.node = node.config_id
        raise
    except (ModuleNotFoundError, AttributeError) as error:
        problem = (
            f"the value of data node {node.config_id!r} cannot be loaded: {error}; have "
            "what defines its class where this program can import it"
        )

        if isinstance(error, ModuleNotFoundError):
            raise ModuleNotFoundError(problem, name=error.name) from error

        raise AttributeError(problem) from error
