"""Large pickles in steps: what comes back, and how much is done at once."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

from asyncflow.worker import steps
from asyncflow.worker.codec import dumps
from asyncflow.worker.steps import dump, load
from asyncflow.worker.values import LARGE, fetch, keep

ROWS = [{"id": at, "name": f"é {at}", "parts": [at, None]} for at in range(50_000)]
FRAME = 64 << 10


@pytest.mark.parametrize("protocol", range(6))
def test_all_pickles_are_loaded(protocol: int) -> None:
    shared = ["shared"]
    value = [
        ROWS[:100],
        shared,
        shared,
        OrderedDict(a=1),
        b"x" * 300_000,
        "é\n" * 99_999,
    ]
    data = pickle.dumps(value, protocol)
    found: Any = load(memoryview(data))
    assert found == value
    assert found[1] is found[2]


def test_a_value_is_pickled_in_small_parts() -> None:
    parts = dump(ROWS, None)
    assert len(parts) > 20
    assert max(map(len, parts)) < 2 * FRAME
    assert pickle.loads(b"".join(parts)) == ROWS


def test_a_pickle_is_read_in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pickle.dumps(ROWS, 5)
    sizes: list[int] = []

    class Counted(steps._Readable):
        def read(self, size: int) -> bytes:
            sizes.append(size)
            return super().read(size)

    monkeypatch.setattr(steps, "_Readable", Counted)
    assert load(memoryview(data)) == ROWS
    assert len(sizes) > len(data) / FRAME / 2
    assert max(sizes) < 2 * FRAME


def test_buffers_stay_out() -> None:
    buffers: list[pickle.PickleBuffer] = []
    data = dumps([np.arange(9999), ROWS], buffers, in_steps=True)
    assert len(buffers) == 1
    found: Any = load(memoryview(data), [buffer.raw() for buffer in buffers])
    assert found[1] == ROWS
    assert found[0].sum() == np.arange(9999).sum()


class Local:
    """Is of the main script."""


Local.__module__ = "__main__"


def test_names_of_the_main_script_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    import __main__

    monkeypatch.setattr(__main__, "Local", Local, raising=False)
    data = dumps([ROWS, Local()], in_steps=True)
    assert b"by_value" in data or b"cloudpickle" in data


def test_large_values_come_back(tmp_path: Any) -> None:
    kept = keep(ROWS, str(tmp_path / "A-1.value"), "node", sync=False)
    assert isinstance(kept, str)
    assert (tmp_path / "A-1.value").stat().st_size > LARGE
    assert fetch(kept) == ROWS
