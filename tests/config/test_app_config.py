"""What an application keeps in a configuration of its own."""

from __future__ import annotations

from typing import Any

import pytest

from asyncflow import Configuration
from asyncflow.config.app_config import AppConfig


def test_properties_are_attributes() -> None:
    app: Any = AppConfig(properties={"title": "Shop", "size": 3})
    assert (app.title, app.size) == ("Shop", 3)
    assert app.properties == {"title": "Shop", "size": 3}

    with pytest.raises(AttributeError, match="nothing"):
        _ = app.nothing


def test_a_new_configuration_keeps_nothing() -> None:
    assert Configuration().global_config.properties == {}
