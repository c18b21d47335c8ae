"""The options of a run are typed once, and every way to submit has them."""

from __future__ import annotations

import inspect

import attrs
import pytest

from asyncflow import Orchestrator, sync
from asyncflow.entities.submittable import Submittable
from asyncflow.options import NAMES, RunOptions
from asyncflow.sync import handles

DEFAULTS = {
    field.name: field.default
    for field in attrs.fields(RunOptions)
    if field.name in NAMES
}


@pytest.mark.parametrize(
    "verb",
    [Submittable.submit, Orchestrator.submit, handles.Runnable.submit],
    ids=["entity", "orchestrator", "sync"],
)
def test_all_submits_take_the_options(verb: object) -> None:
    assert callable(verb)
    parameters = inspect.signature(verb).parameters
    given = {name: one.default for name, one in parameters.items()}
    assert {name: given[name] for name in NAMES} == DEFAULTS
    assert set(given) - set(NAMES) <= {
        "self",
        "entity",
        "wait",
        "properties",
        "keywords",
    }


def test_there_is_a_sync_face_for_it() -> None:
    assert callable(sync.submit)


def test_a_run_keeps_nothing_of_its_caller() -> None:
    given = {"note": 1}
    options = RunOptions(
        idempotency_key="k", callbacks=[print], priority=2.0, properties=given
    )
    kept = options.kept()
    given["note"] = 2
    assert (kept.idempotency_key, kept.callbacks) == (None, ())
    assert (kept.priority, kept.properties) == (2.0, {"note": 1})


def test_a_run_keeps_the_rest_of_its_options() -> None:
    given = {
        "timeout": 1.0,
        "run_timeout": 2.0,
        "priority": 3.0,
        "force": True,
        "on_failure": "stop",
        "progress": True,
        "wait_for_data": True,
    }
    kept = RunOptions(**given).kept()  # type: ignore[arg-type]  # of many types
    assert set(given) == {*NAMES} - {"idempotency_key", "callbacks", "inputs"}
    assert {name: getattr(kept, name) for name in given} == given
