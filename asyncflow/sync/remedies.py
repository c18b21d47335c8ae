"""What is said of names of Taipy that are not here: how the thing is done.

It is loaded once somebody asks for a name that is not there.
"""

from __future__ import annotations

from collections.abc import Mapping

_REMEDIES: Mapping[str, str] = {
    "`asyncflow.web` has it": "Rest",
    "`EventProcessor` or `Notifier`, or `orchestrator.events(...)` of the async face": (
        "CoreEventConsumerBase"
    ),
}


def of_taipy(name: str) -> str:
    """Return what is done in place of a name of Taipy's; ``""`` for no name of it."""
    for remedy, names in _REMEDIES.items():
        if name in names.split():
            return remedy

    return ""
