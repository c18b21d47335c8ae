"""What an export has written."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from asyncflow.facts import Facts


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ExportedScenario(Facts):
    """An archive that was written of a scenario."""

    path: str
    scenario_id: str
    data_nodes: tuple[str, ...]
    """The config ids of the data nodes whose values are in it."""
    left_out: Mapping[str, str]
    """What is not in it, and why: the config ids of data nodes whose values are in places
    that no file can have, and secrets among the properties."""
