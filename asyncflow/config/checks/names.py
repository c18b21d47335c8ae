"""Which names sections and their properties may have, and which they may not."""

from __future__ import annotations

import keyword
from collections.abc import Mapping

MISNAMED: Mapping[str, Mapping[str, str]] = {
    "TASK": {"inputs": "input", "outputs": "output"},
    "SCENARIO": {
        "tasks": "task_configs",
        "additional_data_nodes": "additional_data_node_configs",
    },
}
"""Keys of the TOML file, and the parameters that they are in Python."""


def is_name(value: object) -> bool:
    """Tell whether a value can be an id: an attribute that Python can spell."""
    return (
        isinstance(value, str)
        and value.isidentifier()
        and not keyword.iskeyword(value)
        and not value.startswith("_")
        and spelled(value) == value
    )


def spelled(name: str) -> str:
    """Return how Python spells a name: it writes some characters as others."""
    if name.isascii():
        return name

    import unicodedata

    return unicodedata.normalize("NFKC", name)
