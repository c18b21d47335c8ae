"""What an application keeps in a configuration of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from asyncflow.config.section import Attributes
from asyncflow.facts import Shown


@attrs.frozen(kw_only=True, eq=False, repr=False)
class AppConfig(Attributes, Shown):
    """Properties of the application's own: attributes, too."""

    properties: Mapping[str, object]
    """All of them, by name, as they were given."""

    if TYPE_CHECKING:  # properties are attributes, too

        def __getattr__(self, name: str) -> Any: ...
