"""The blocking data node."""

from __future__ import annotations

import pytest

import asyncflow.sync as tp
from asyncflow import Configuration, DataNodeIsBeingEdited
from tests.support import flows
from tests.support.sync import orchestrator as orchestrator


@pytest.mark.smoke
@pytest.mark.usefixtures("orchestrator")
def test_it_has_the_verbs_of_the_async_one(config: Configuration) -> None:
    node = tp.create_scenario(flows.single(config, flows.double, 5)).source
    assert isinstance(node, tp.DataNode)
    assert node.read() == 5
    node.lock_edit("ann")

    with pytest.raises(DataNodeIsBeingEdited):
        node.write(6, editor_id="bob")

    node.write(6, editor_id="ann", comment="more")
    node.unlock_edit("ann")
    assert (node.read(), node.editor_id) == (6, None)
    first, last = node.edits()
    assert (last.editor_id, last.comment) == ("ann", "more")
    assert node.read(version=last.version) == 6
    assert node.last_edit_date == last.at > first.at
