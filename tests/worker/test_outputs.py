"""The outputs of a job: split, written, published."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import attrs
import pytest

from asyncflow.drivers.in_memory import MemoryDriver
from asyncflow.worker.errors import DataNodeWritingError, NotPicklable
from asyncflow.worker.outputs import keep_result, split_result, write_all
from asyncflow.worker.values import INLINE


@attrs.frozen
class Ports:
    """Outputs of a task, which are kept in files of a folder."""

    folder: Path
    driver: MemoryDriver = attrs.field(factory=MemoryDriver)

    def named(self, *names: str) -> list[tuple[str, MemoryDriver, str]]:
        return [(name, self.driver, str(self.folder / name)) for name in names]


@pytest.fixture
def ports(tmp_path: Path) -> Ports:
    return Ports(tmp_path)


def test_a_result_has_one_value_for_each_output(ports: Ports) -> None:
    read = ports.driver.read
    assert keep_result("work", [], "dropped") == ()
    (kept,) = keep_result("work", ports.named("a"), (1, 2))
    assert read(kept) == (1, 2)
    first, second = keep_result("work", ports.named("a", "b"), [1, (2, 3)])
    assert (read(first), read(second)) == (1, (2, 3))


@pytest.mark.parametrize(
    ("result", "what"), [((1, 2, 3), "3 values"), (1, "a int"), ("ab", "a str")]
)
def test_a_result_that_does_not_fit_is_told(result: object, what: str) -> None:
    with pytest.raises(DataNodeWritingError) as found:
        split_result("work", ["a", "b"], result)

    assert str(found.value) == (
        "task 'work' has 2 outputs (a, b), so its function must return a tuple of 2; "
        f"it returned {what}"
    )


def test_of_outputs_that_cannot_all_be_kept_none_is(ports: Ports) -> None:
    large = bytes(2 * INLINE)

    with pytest.raises(NotPicklable, match="b"):
        write_all(ports.named("a", "b"), [large, threading.Lock()])

    assert os.listdir(ports.folder) == []
    kept = write_all(ports.named("a", "b"), [large, 1])
    assert kept[0] == str(ports.folder / "a")
