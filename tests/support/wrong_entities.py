"""What verbs may be given by mistake in the place of an entity, and which they take."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

from asyncflow import Configuration, Frequency, ScenarioConfig
from tests.support.jobs import double

ENTITY = re.compile(
    r"\b(Scenario|Sequence|Task|DataNode|Job|Submission|Cycle|Entity|Submittable)\b"
)
"""What the annotation of a parameter has that takes one."""


def declared() -> tuple[Configuration, ScenarioConfig]:
    config = Configuration()
    config.configure_job_executions("development", echo=False)
    number = config.configure_data_node("number", default_data=1)
    twice = config.configure_data_node("twice")
    task = config.configure_task("double", double, number, twice)
    cfg = config.configure_scenario(
        "flow",
        [task],
        frequency=Frequency.DAILY,
        comparators={twice: max},
        sequences={"part": [task]},
    )
    return config, cfg


def parameters(verb: Callable[..., Any]) -> Iterator[str]:
    """Give the names of the parameters that take an entity, or the id of one."""
    for name, parameter in inspect.signature(verb).parameters.items():
        annotation = str(parameter.annotation).replace("str | os.PathLike[str]", "")

        if name.endswith("_id") or ENTITY.search(annotation):
            yield name


def is_optional(verb: Callable[..., Any], name: str) -> bool:
    """Tell whether a parameter may be None."""
    return inspect.signature(verb).parameters[name].default is None


def given(verb: Callable[..., Any], name: str, value: object, good: object) -> Any:
    """Call a verb with something in one place, and what is good in others that need it."""
    args: list[object] = []
    keywords: dict[str, object] = {}
    each = inspect.signature(verb).parameters

    for other, parameter in each.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            args += [value, good] if other == name else [good, good]
        elif other == name and parameter.kind is parameter.KEYWORD_ONLY:
            keywords[other] = value
        elif other == name:
            args.append(value)
        elif parameter.default is parameter.empty and (
            parameter.kind is not parameter.VAR_KEYWORD
        ):
            args.append(print if other == "callback" else good)
        elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            args.append(parameter.default)

    return verb(*args, **keywords)


def wrong_ones(scenario: Any, deleted: Any, cfg: ScenarioConfig) -> dict[str, object]:
    """Return what no verb on a scenario takes, by what it is."""
    return {
        "nothing": None,
        "number": 5,
        "bytes": b"x",
        "list": [scenario],
        "config": cfg,
        "text": "nothing",
        "data node": scenario.number,
        "id of a data node": scenario.number.id,
        "deleted": deleted,
        "id of a deleted one": deleted.id,
    }
