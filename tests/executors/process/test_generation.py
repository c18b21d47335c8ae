"""The texts of a generation, as workers find them."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from anyio import Event, create_task_group, fail_after, move_on_after, to_thread

from asyncflow.executors.process.generation import Generation
from asyncflow.worker.pinned import TEXTS

pytestmark = pytest.mark.anyio


class Texts(dict[str, bytes]):
    """Texts that take as long to write as a test wants."""

    def __init__(self) -> None:
        super().__init__({"module.py": b"SAID = 1"})
        self.reached, self.passed = threading.Event(), threading.Event()

    def __reduce__(self) -> tuple[type, tuple[dict[str, bytes]]]:
        self.reached.set()
        assert self.passed.wait(30)
        return dict, ({**self},)


@pytest.fixture
def texts() -> Iterator[Texts]:
    made = Texts()
    yield made
    made.passed.set()


def found_in(told: bytes) -> Mapping[str, bytes]:
    """Return what a worker that was told finds."""
    folder, _ = pickle.loads(told)
    loaded: Mapping[str, bytes] = pickle.loads(Path(folder, TEXTS).read_bytes())
    return loaded


async def test_nobody_is_told_before_all_is_written(
    texts: Texts, tmp_path: Path
) -> None:
    """Two workers start for one generation, as two runs begin at once."""
    place = str(tmp_path)
    generation = Generation(1, 0, {}, {}, texts, (), (), [])
    is_told = Event()

    async def second() -> None:
        await generation.put(place)
        is_told.set()
        assert found_in(generation.told(place)) == {"module.py": b"SAID = 1"}

    with fail_after(30):
        async with create_task_group() as group:
            group.start_soon(generation.put, place)
            await to_thread.run_sync(texts.reached.wait)
            group.start_soon(second)

            with move_on_after(0.2):
                await is_told.wait()

            assert not generation.is_in(place)
            texts.passed.set()

    assert is_told.is_set()
