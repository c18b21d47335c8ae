"""What is set for all sections of a kind, and what is declared after another one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from asyncflow import Configuration, Frequency, Scope
from asyncflow.config.sections import NOT_GIVEN
from tests.support.declaring import double

DAY = timedelta(days=1)


def test_data_nodes_follow_what_is_set(config: Configuration) -> None:
    before = config.configure_data_node("before")
    default = config.set_default_data_node_configuration(
        "csv", Scope.GLOBAL, DAY, has_header=False, owner="bob"
    )
    assert default.id == "default"
    assert (default.storage_type, default.scope) == ("csv", Scope.GLOBAL)

    follows = config.configure_data_node("a")
    own = config.configure_csv_data_node("b", has_header=True, scope=Scope.SCENARIO)
    other = config.configure_pickle_data_node("c", default_data=1)
    third = config.configure_data_node("d", "json", Scope.CYCLE)

    assert (follows.storage_type, follows.scope) == ("csv", Scope.GLOBAL)
    assert (follows.validity_period, follows.options["has_header"]) == (DAY, False)
    assert follows.properties == own.properties == {"owner": "bob"}
    assert (own.options["has_header"], own.scope) == (True, Scope.SCENARIO)
    assert (other.storage_type, other.scope) == ("pickle", Scope.GLOBAL)
    assert (other.validity_period, other.properties) == (DAY, {})
    assert (third.scope, third.validity_period) == (Scope.CYCLE, DAY)
    assert (before.storage_type, before.scope) == ("pickle", Scope.SCENARIO)
    assert list(config.data_nodes) == ["before", "a", "b", "c", "d"]


def test_the_default_of_an_option_yields_to_what_is_set(config: Configuration) -> None:
    config.set_default_data_node_configuration("csv", encoding="latin-1")
    assert config.configure_csv_data_node("a").options["encoding"] == "latin-1"
    named = config.configure_csv_data_node("b", encoding="utf-8")
    assert named.options["encoding"] == "utf-8"


def test_tasks_follow_what_is_set(config: Configuration) -> None:
    node = config.configure_data_node("n")
    default = config.set_default_task_configuration(
        double, node, skippable=True, run_timeout=5.0, owner="bob"
    )
    assert (default.function, default.skippable) == (double, True)
    follows = config.configure_task("t", double)
    own = config.configure_task("u", double, [], [], False, owner="eve")
    assert (follows.input, follows.skippable, follows.run_timeout) == ((node,), True, 5)
    assert (own.input, own.skippable, own.run_timeout) == ((), False, 5.0)
    assert (follows.properties, own.properties) == ({"owner": "bob"}, {"owner": "eve"})


def test_decorated_tasks_follow_it_as_well(config: Configuration) -> None:
    config.set_default_task_configuration(skippable=True)

    @config.task
    def half(nb: float) -> float:
        return nb / 2

    @config.task(skippable=False)
    def third(nb: float) -> float:
        return nb / 3

    assert (half.skippable, third.skippable) == (True, False)


def test_scenarios_follow_what_is_set(config: Configuration) -> None:
    task = config.configure_task("t", double)
    config.set_default_scenario_configuration(
        [task], [], Frequency.DAILY, authorized_tags=["a"], owner=1
    )
    follows = config.configure_scenario("s")
    own = config.configure_scenario("u", [], owner=2)
    assert (follows.task_configs, follows.frequency) == ((task,), Frequency.DAILY)
    assert (own.task_configs, own.authorized_tags) == ((), ("a",))
    assert (follows.properties, own.properties) == ({"owner": 1}, {"owner": 2})


def test_what_is_set_can_be_read(config: Configuration) -> None:
    assert config.defaults == {}
    config.set_default_task_configuration(skippable=True)
    config.set_default_data_node_configuration("json")
    assert set(config.defaults) == {"TASK", "DATA_NODE"}
    assert config.defaults["DATA_NODE"].id == "default"
    assert not config.data_nodes
    assert not config.tasks
    config.set_default_data_node_configuration(scope=Scope.GLOBAL)  # the latest counts
    assert config.configure_data_node("a").storage_type == "pickle"
    config.clear()
    assert config.defaults == {}


def test_a_data_node_from_another(config: Configuration) -> None:
    source = config.configure_csv_data_node(
        "a", Path("a.csv"), has_header=False, scope=Scope.GLOBAL, note="x"
    )
    twin = config.configure_data_node_from(source, "b")
    other = config.configure_data_node_from(
        source, "c", default_path=Path("c.csv"), has_header=True, more=1
    )
    assert twin is config.data_nodes["b"]
    assert twin.differing(source) == ("id",)
    assert (other.default_path, other.scope) == ("c.csv", Scope.GLOBAL)
    assert other.options["has_header"] is True
    assert other.properties == {"note": "x", "more": 1}
    assert source.options["has_header"] is False
    assert twin.default_data is NOT_GIVEN
    assert config.problems() == ()
