"""What tests of the configuration share."""

from __future__ import annotations

from pathlib import Path

import pytest

from asyncflow import Configuration


@pytest.fixture
def config() -> Configuration:
    """Give an empty configuration."""
    return Configuration()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"
