"""The errors that arise in workers travel, whatever their __init__ takes."""

from __future__ import annotations

import pickle

import pytest

from asyncflow.errors import ValueDamaged, ValueMissing


@pytest.mark.parametrize(
    "error",
    [
        ValueDamaged("/tmp/größe.value", "is damaged (its checksum is wrong)"),
        ValueMissing("/tmp/größe.value"),
    ],
    ids=["damaged", "missing"],
)
def test_the_errors_of_damaged_files_travel(error: ValueDamaged) -> None:
    error.add_note("while reading input 'a'")
    again = pickle.loads(pickle.dumps(error))

    assert type(again) is type(error)
    assert (again.file, again.why, str(again)) == (error.file, error.why, str(error))
    assert again.__notes__ == ["while reading input 'a'"]
