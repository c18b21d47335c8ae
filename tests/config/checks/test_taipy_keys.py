"""Keys of Taipy that say nothing here: a line for those that are of one kind."""

from __future__ import annotations

from asyncflow.config.checks.taipy_keys import KEYS, notes


def test_those_of_one_kind_share_a_line() -> None:
    told = [*notes("CORE", ["root_folder", "core_version", "mine", "storage_folder"])]
    assert len(told) == 2
    assert told[0].startswith(
        "[CORE] root_folder, storage_folder: taken, without effect;"
    )
    assert told[1].startswith("[CORE] core_version: taken, without effect;")


def test_there_are_none_of_other_sections() -> None:
    assert [*notes("JOB", KEYS["CORE"])] == []
    assert [*notes("TASK", KEYS["CORE"])] == []
