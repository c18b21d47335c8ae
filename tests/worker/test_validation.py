"""A value that is not valid is not written, whoever writes it."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
import polars as pl
import pytest
from anyio import fail_after
from pydantic import BaseModel

from asyncflow import Configuration, Orchestrator, ValueInvalid
from asyncflow.worker.validation import validated
from tests.support import flows

SCHEMA = pa.DataFrameSchema(
    {"a": pa.Column(int, pa.Check.gt(0)), "b": pa.Column(float, coerce=True)},
    name="amounts",
)


class Item(BaseModel):
    a: int


def is_small(value: int) -> bool:
    return value < 10


def check_small(value: int) -> None:
    if value >= 10:
        raise ValueError(f"{value} is not small")


def test_a_function_says_no_or_raises() -> None:
    assert validated(is_small, 3, "node") == 3
    assert validated(check_small, 3, "node") == 3

    with pytest.raises(ValueInvalid, match=r"'node': its validator is_small .* False"):
        validated(is_small, 30, "node")

    with pytest.raises(ValueInvalid, match=r"check_small.*ValueError: 30 is not small"):
        validated(check_small, 30, "node")


@pytest.mark.parametrize(
    "answer",
    [
        np.False_,
        pd.Series([True, False]),
        pd.Series([True, False], dtype="boolean"),
        pl.Series([True, False]),
        np.array([[True], [False]]),
    ],
    ids=["scalar", "series", "nullable", "polars", "array"],
)
def test_libraries_say_no_in_their_own_types(answer: object) -> None:
    with pytest.raises(ValueInvalid, match="it returned False"):
        validated(lambda _: answer, 3, "node")


def test_libraries_say_yes_in_their_own_types() -> None:
    for answer in (np.True_, pd.Series([True]), pl.Series([True]), np.array([])):
        assert validated(lambda _, it=answer: it, 3, "node") == 3


def test_a_value_of_booleans_may_be_returned_itself() -> None:
    value = np.array([True, False])
    assert validated(lambda it: it, value, "node") is value
    assert validated(lambda it: it.copy(), value, "node") is value


def test_a_coroutine_is_no_answer() -> None:
    async def check(value: int) -> bool:
        return value < 10

    with pytest.raises(
        ValueInvalid, match="which nobody awaits: give a plain function"
    ):
        validated(check, 3, "node")


def test_a_schema_names_the_rows_and_gives_its_form() -> None:
    frame = pd.DataFrame({"a": [1, 2, 3], "b": [1, 2, 3]})
    assert str(validated(SCHEMA, frame, "node")["b"].dtype) == "float64"

    with pytest.raises(ValueInvalid, match="amounts") as caught:
        validated(SCHEMA, frame.assign(a=[1, -2, -3]), "node")

    with warnings.catch_warnings():  # where Dask is loaded, causes are pickled, too
        warnings.simplefilter("ignore", UserWarning)
        error: ValueInvalid = pickle.loads(pickle.dumps(caught.value))

    assert error.rows == (1, 2)
    assert error.node == "node"
    assert "column 'a' breaks greater_than(0): -2, -3" in error.why


def test_a_model_is_asked_by_its_method() -> None:
    assert validated(Item, {"a": 1}, "node") == {"a": 1}

    with pytest.raises(ValueInvalid, match="Item refuses the value"):
        validated(Item, {"a": "x"}, "node")


def double(value: int) -> int:
    return 2 * value


def both(value: int) -> tuple[int, int]:
    return value, 100


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.parametrize("mode", ["development", "standalone"])
@pytest.mark.parametrize("storage_type", ["pickle", "in_memory", "json"])
async def test_a_wrong_value_fails_the_job_and_the_old_one_stays(
    mode: str, storage_type: str, tmp_path: Path
) -> None:
    config = flows.configuration(mode, 1)
    given = config.configure_data_node("given", default_data=2)
    made = config.configure_data_node("made", storage_type, validator=is_small)
    other = config.configure_data_node("other")
    one = config.configure_task("one", double, given, made)
    two = config.configure_task("two", both, given, [other, made])
    cfg = config.configure_scenario("s", one)
    cfg_two = config.configure_scenario("s2", [two])

    with fail_after(40):
        async with Orchestrator(config, store=str(tmp_path / "s.db")) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            await scenario.submit()
            assert await scenario.made.read() == 4
            await scenario.given.write(8)
            submission = await scenario.submit().wait()
            assert "'made': its validator is_small" in submission.jobs[0].reason
            assert await scenario.made.read() == 4

            with pytest.raises(ValueInvalid, match="is_small"):
                await scenario.made.write(50)

            assert await scenario.made.read() == 4
            pair = await orchestrator.create_scenario(cfg_two)
            submission = await pair.submit().wait()
            assert "validator is_small" in submission.jobs[0].reason
            assert await pair.other.edits() == ()


def test_default_data_is_asked_too(config: Configuration) -> None:
    node = config.configure_data_node("made", default_data=3, validator=is_small)
    assert node.validator is is_small
