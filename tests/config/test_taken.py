"""What Taipy's options without effect were given can be read."""

from __future__ import annotations

from asyncflow import Configuration
from asyncflow.config.checks.taipy_keys import KEYS


def test_they_tell_what_they_were_given() -> None:
    config = Configuration()
    core = config.core
    assert [getattr(core, name) for name in KEYS["CORE"]] == [None] * 7
    given = {"storage_folder": "data/", "read_entity_retry": 3}
    core = config.configure_core(repository_type="filesystem", **given)  # type: ignore[arg-type]
    assert (core.storage_folder, core.read_entity_retry) == ("data/", 3)
    assert (core.repository_type, core.root_folder) == ("filesystem", None)
