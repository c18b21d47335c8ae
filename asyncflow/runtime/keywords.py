"""What is given to a verb beside its options: values of data nodes, and properties."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs

from asyncflow.config.checks.typos import spelled_like
from asyncflow.config.sections import DataNodeConfig, ScenarioConfig
from asyncflow.errors import UsageError
from asyncflow.options import RunOptions
from asyncflow.runtime.checks import check_dict, check_properties


def of_submit(
    options: RunOptions, own: Collection[str], scenario: ScenarioConfig | None
) -> RunOptions:
    """Return the options of ``submit`` with the keywords sorted out; see `sorted_out`.

    :param own: the config ids of the data nodes of what is submitted
    :param scenario: the config of the scenario that it is part of, if that is known
    """
    of_all = scenario.data_node_configs if scenario else ()
    nodes = {*own, *(node.id for node in of_all)}
    inputs, properties = sorted_out(
        "submit", options.keywords, options.inputs, options.properties, nodes
    )
    return attrs.evolve(options, inputs=inputs, properties=properties, keywords=None)


def sorted_out(
    verb: str,
    keywords: Mapping[str, Any] | None,
    inputs: Mapping[Any, Any] | None,
    properties: Mapping[str, Any] | None,
    nodes: Collection[str],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tell the values of data nodes from properties.

    :param verb: ``create_scenario`` or ``submit``
    :param keywords: what is a value where a data node has its name, else a property
    :param nodes: the config ids of the data nodes
    :return: the values, by config id, and the properties
    """
    check_dict("inputs", inputs)
    check_dict("properties", properties)
    values, own = _values(verb, inputs or {}, nodes), dict(properties or {})
    loose = {
        name: value for name, value in (keywords or {}).items() if name not in nodes
    }
    check_properties(verb, loose, nodes)

    if verb == "create_scenario" and "tags" in loose:
        raise TypeError(
            "create_scenario() takes no tags: `await scenario.add_tag(...)` adds one to what "
            "it returns; a property of this name is given as properties={'tags': ...}"
        )

    for name, value in (keywords or {}).items():
        known = own if name in loose else values

        if name in known:
            raise TypeError(f"{verb}() was given {name!r} twice")

        known[name] = value

    return values, own


def _values(
    verb: str, inputs: Mapping[Any, Any], nodes: Collection[str]
) -> dict[str, Any]:
    values: dict[str, Any] = {}

    for key, value in inputs.items():
        name = key.id if isinstance(key, DataNodeConfig) else key

        if name not in nodes:
            like = spelled_like(name, nodes) if isinstance(name, str) else None
            known = ", ".join(sorted(nodes)) or "none"
            meant = f"did you mean {like!r}?" if like else f"there are {known}"
            raise UsageError(f"{verb}(): no data node is called {name!r}: {meant}")

        values[name] = value

    return values
