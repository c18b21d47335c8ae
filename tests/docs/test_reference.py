"""The reference has every public name."""

from __future__ import annotations

import pkgutil
import re
from types import ModuleType

import pytest

import asyncflow
import asyncflow.sync
import asyncflow.testing
from tests.docs.pages import ROOT

TEXT = (ROOT / "docs/api.md").read_text("utf-8")
NAMED = {*re.findall(r"^\.\. auto\w+:: (asyncflow[\w.]*)", TEXT, re.MULTILINE)}
MODULES = {
    module: re.findall(r"\w+", excluded)
    for module, excluded in re.findall(
        r"^\.\. automodule:: (asyncflow[\w.]*)\n   :members:\n"
        r"(?:   :imported-members:\n   :exclude-members:((?:.*,\n)*.*)\n)?",
        TEXT,
        re.MULTILINE,
    )
}
"""The modules of which all members are there, with those that are left out."""
ALIASES = {*re.findall(r"`(\w+Id)`", TEXT)}


def is_there(module: ModuleType, name: str) -> bool:
    """Tell whether a name of a module is on the page, by itself or with its module."""
    if f"{module.__name__}.{name}" in NAMED:
        return True

    if module.__name__ in MODULES:
        return name not in MODULES[module.__name__]

    home = getattr(getattr(module, name), "__module__", None)
    return home in MODULES


@pytest.mark.parametrize("name", asyncflow.__all__)
def test_a_public_name_is_on_the_page(name: str) -> None:
    if name == "Config":
        assert "`asyncflow.Config`" in TEXT
    elif name in ALIASES:
        assert getattr(asyncflow, name) is str
    else:
        assert is_there(asyncflow, name)


def test_what_each_face_has_is_on_the_page() -> None:
    for module in (asyncflow.sync, asyncflow.testing):
        left_out = {name for name in module.__all__ if not is_there(module, name)}
        assert left_out <= {*asyncflow.__all__}
        assert all(
            getattr(module, name) is getattr(asyncflow, name) for name in left_out
        )


def test_what_is_on_the_page_is_there() -> None:
    for name in NAMED:
        assert pkgutil.resolve_name(name) is not None
