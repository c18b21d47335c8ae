"""The errors that arise in workers travel, whatever their __init__ takes."""

from __future__ import annotations

import pickle

import pytest

from asyncflow.worker.errors import (
    AsyncflowError,
    DataNodeReadingError,
    NotPicklable,
    ValueMissing,
)


@pytest.mark.parametrize(
    "error",
    [
        DataNodeReadingError("/tmp/größe.value", "it is damaged", "write it", "node"),
        ValueMissing("/tmp/größe.value"),
    ],
    ids=["damaged", "missing"],
)
def test_the_errors_of_damaged_files_travel(error: DataNodeReadingError) -> None:
    error.add_note("while reading input 'a'")
    again = pickle.loads(pickle.dumps(error))

    assert type(again) is type(error)
    assert (again.place, again.why, str(again)) == (error.place, error.why, str(error))
    assert again.__notes__ == ["while reading input 'a'"]


class OtherArguments(AsyncflowError):
    """Makes its message of other arguments than it keeps."""

    def __init__(self, *, name: str) -> None:
        self.name = name
        super().__init__(f"no {name}")


def test_an_error_travels_without_its_init() -> None:
    again = pickle.loads(pickle.dumps(OtherArguments(name="rows")))
    assert type(again) is OtherArguments
    assert (again.name, again.args, str(again)) == ("rows", ("no rows",), "no rows")


def test_what_cannot_be_pickled_is_named_with_a_remedy() -> None:
    error = NotPicklable("value.lock", "TypeError: no locks")
    again = pickle.loads(pickle.dumps(error))
    assert (again.path, again.why) == ("value.lock", "TypeError: no locks")
    assert str(again) == (
        "value.lock cannot be pickled (TypeError: no locks): leave it out, or make it "
        "inside the job"
    )


def test_a_missing_file_cannot_be_read() -> None:
    error = ValueMissing("/v/1.value")
    assert isinstance(error, DataNodeReadingError)
    error.node = "n"
    begin = "data node 'n' at /v/1.value cannot be read: it is missing: write the data"
    assert str(error).startswith(begin)
