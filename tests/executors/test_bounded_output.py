"""What a job of this process prints: of much, the beginning and the end."""

from __future__ import annotations

import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncflow.executors import _bounded_output
from asyncflow.executors._bounded_output import BoundedOutput
from asyncflow.worker.outcome import read_slice


@given(
    most=st.integers(0, 60),
    texts=st.lists(st.text(max_size=30), max_size=20),
    slack=st.sampled_from([0, 10, 65_536]),
)
def test_the_head_and_the_tail_are_those_of_the_whole(
    most: int, texts: list[str], slack: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_bounded_output, "SLACK", slack)
        kept = BoundedOutput(most)

        for text in texts:
            kept.write(text)
            assert len(kept._head) + len(kept._tail) <= 2 * most + slack

    whole = "".join(texts).encode("utf-8", "backslashreplace")

    with tempfile.TemporaryFile() as file:
        file.write(whole)
        file.flush()
        expected = read_slice(file.fileno(), 0, len(whole), most)

    assert kept.printed() == (expected and expected._replace(size=None))
