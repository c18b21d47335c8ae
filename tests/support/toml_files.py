"""A configuration and its TOML file, for tests of what is written and read."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from asyncflow.config import Configuration, Scope
from asyncflow.config.section import Section
from asyncflow.errors import ConfigError, Problem
from tests.support import declaring
from tests.support.declaring import add, double

HERE = declaring.__name__


def declare(config: Configuration) -> None:
    first = config.configure_data_node("my_input", default_data=21)
    middle = config.configure_data_node("intermediate")
    last = config.configure_in_memory_data_node("my_output", scope=Scope.GLOBAL)
    more = config.configure_pickle_data_node("more", Path("more.p"), note="größer")
    tasks = [
        config.configure_task("double", double, first, middle),
        config.configure_task("add", add, [middle], [last], True, executor="thread"),
    ]
    config.configure_scenario("my_scenario", tasks, more, sequences={"one": tasks[:1]})
    config.configure_job_executions("standalone", 2, echo=False, owner={"id": 1})


TEXT = f"""\
# What asyncflow runs; written by Config.export, read by Config.load.

[JOB]
mode = "standalone"
max_nb_of_workers = 2
echo = false
owner = {{id = 1}}

[DATA_NODE.my_input]
default_data = 21

[DATA_NODE.intermediate]

[DATA_NODE.my_output]
storage_type = "in_memory"
scope = "GLOBAL"

[DATA_NODE.more]
default_path = "more.p"
note = "größer"

[TASK.double]
function = "{HERE}:double"
inputs = ["my_input"]
outputs = ["intermediate"]

[TASK.add]
function = "{HERE}:add"
inputs = ["intermediate"]
outputs = ["my_output"]
skippable = true
executor = "thread"

[SCENARIO.my_scenario]
tasks = ["double", "add"]
additional_data_nodes = ["more"]

[SCENARIO.my_scenario.sequences]
one = ["double"]
"""


def same(one: Configuration, other: Configuration) -> bool:
    """Tell whether two configurations say the same."""
    sections = [
        [*each.data_nodes.values(), *each.tasks.values(), *each.scenarios.values()]
        for each in (one, other)
    ]
    alike: Callable[[Section, Section], bool] = Section.same_content
    return (
        len(sections[0]) == len(sections[1])
        and all(map(alike, *sections))
        and one.job_config.same_content(other.job_config)
    )


def loaded(file: Path, into: Configuration | None = None) -> Configuration:
    config = into or Configuration()
    config.load(file)
    return config


def refused(call: Callable[[], object]) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        call()

    return list(caught.value.problems)


def write(file: Path, text: str) -> None:
    file.write_text(textwrap.dedent(text).replace("HERE", HERE), encoding="utf-8")


class Math:
    @staticmethod
    def half(nb: int) -> float:
        return nb / 2

    def third(self, nb: int) -> float:
        return nb / 3
