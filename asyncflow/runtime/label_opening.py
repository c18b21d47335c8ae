"""What an orchestrator opens besides, where it has a version of the application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncflow.runtime.labels import Labels, name_of_label
from asyncflow.runtime.migrating import Migrating

if TYPE_CHECKING:
    from asyncflow.runtime.engine import Engine


async def open_labels(engine: Engine, version: str | None) -> None:
    """Have an engine work for a version of the application, if it has one.

    :param version: what the orchestrator was given itself
    :raises ConfigError: where that version was declared otherwise
    """
    config = engine.loader.config
    name = name_of_label(version, config.core_config)

    if name is None:
        return

    labels = Labels(engine.store, config, name)
    await labels.open()
    engine.labels = labels
    engine.identity_map.version = name

    if labels.is_production:
        engine.loader.migrated = Migrating(engine.store, labels, config).migrated
