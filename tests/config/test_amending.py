"""Amendments of scenario sections."""

from __future__ import annotations

import pytest

from asyncflow import ConfigError, Configuration


def configured() -> Configuration:
    config = Configuration()
    first = config.configure_data_node("first")
    second = config.configure_data_node("second")
    one = config.configure_task("one", abs, first, second)
    two = config.configure_task("two", abs, second)
    config.configure_scenario("plan", [one, two], sequences={"all": [one, two]})
    return config


def test_sequences_are_added_and_removed() -> None:
    config = configured()
    section, (one, two) = config.scenarios["plan"], config.scenarios["plan"].tasks
    section.add_sequences({"begin": one, "end": [two]})
    assert section.sequences == {"all": (one, two), "begin": (one,), "end": (two,)}
    section.remove_sequences(["all", "unknown"])
    section.remove_sequences("end")
    assert config.scenarios["plan"].sequences == {"begin": (one,)}
    assert config.problems() == ()


def test_what_is_in_the_place_of_a_section_is_amended_too() -> None:
    config = configured()
    held = config.scenarios["plan"]
    one = config.tasks["one"]
    config.configure_task("one", abs, one.input, one.output)
    current = config.scenarios["plan"]
    assert current is not held
    held.add_sequences({"begin": one})
    held.add_comparator("second", max)
    held.remove_sequences("all")
    assert current.sequences == {"begin": (config.tasks["one"],)}
    assert current.comparators == held.comparators == {"second": (max,)}
    held.delete_comparator(config.data_nodes["second"])
    assert current.comparators == {}


def test_wrong_amendments_change_nothing() -> None:
    config = configured()
    section = config.scenarios["plan"]
    stranger = config.configure_task("stranger", abs)

    with pytest.raises(
        ConfigError, match=r"TASK\.stranger is not a task of the scenario"
    ):
        section.add_sequences({"begin": stranger})

    with pytest.raises(ConfigError, match="also the name of a task or data node"):
        section.add_sequences({"one": section.tasks[0]})

    with pytest.raises(ConfigError, match="is no data node of the scenario"):
        section.add_comparator("third", max)

    assert list(section.sequences) == ["all"]
    assert section.comparators == {}
