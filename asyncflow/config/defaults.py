"""What is set for all sections of a kind: `Configuration.set_default_task_configuration`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OF_ANY_STORAGE = frozenset({"scope", "validity_period"})
"""What data nodes are given also where theirs is another storage type."""

_STORAGE, _PLAIN = "storage_type", "pickle"


def completed(
    default: Mapping[str, Any], given: Mapping[str, Any], kind: str, storage: str = ""
) -> dict[str, Any]:
    """Return what is given for a section, and what was set for all and is not given.

    :param storage: the storage type that the verb declares; none for any
    """
    if kind != "DATA_NODE":
        return {**default, **given}

    of_default = default.get(_STORAGE, _PLAIN)

    if (storage or given.get(_STORAGE, of_default)) != of_default:
        default = {name: default[name] for name in OF_ANY_STORAGE & default.keys()}

    found = {**default, **given}

    if storage:
        found.pop(_STORAGE, None)

    return found
