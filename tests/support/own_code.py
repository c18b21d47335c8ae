"""Modules of the user's, for tests of what a function does."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import TypeAlias

Load: TypeAlias = Callable[..., types.ModuleType]
"""Writes modules to a folder of the user's, and imports one of them anew."""
