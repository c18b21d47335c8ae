"""Outcomes of calls, and the slices of logs that are kept with them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncflow.worker.outcome import Log, cut, read_slice
from asyncflow.worker.streams import decoded

# A fixture's folder serves all examples: each writes its file anew.
one_folder = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@one_folder
@given(
    data=st.binary(max_size=300) | st.text(max_size=100).map(str.encode),
    ends=st.tuples(st.integers(0, 300), st.integers(0, 300)),
    most=st.integers(2, 120),
)
def test_a_slice_of_a_log_is_kept_up_to_its_cap(
    tmp_path: Path, data: bytes, ends: tuple[int, int], most: int
) -> None:
    path = tmp_path / "log"
    path.write_bytes(data)
    start, end = sorted(min(one, len(data)) for one in ends)

    printed = Log(str(path), start, end).read(most)

    if start == end:
        assert printed is None
        return

    assert printed is not None
    whole = data[start:end]
    printed.text.encode()  # valid text

    if len(whole) <= most:
        assert (printed.text, printed.left_out) == (
            whole.decode("utf-8", "backslashreplace"),
            0,
        )
        return

    half = most // 2
    assert printed.left_out == len(whole) - 2 * half
    first, last = printed.text.split(f"\n... {printed.left_out} bytes left out ...\n")
    assert first == decoded(whole[:half], is_cut=True)
    assert last == decoded(whole[len(whole) - half :], is_cut=True)
    # What is no text counts as four characters for each byte at most.
    assert len(first) <= 4 * half
    assert len(last) <= 4 * half


@given(text=st.text(max_size=200), most=st.integers(2, 100))
def test_a_text_is_kept_up_to_its_cap(text: str, most: int) -> None:
    printed = cut(text, most)

    if not text:
        assert printed is None
        return

    assert printed is not None

    if len(text) <= most:
        assert (printed.text, printed.left_out) == (text, 0)
        return

    half = most // 2
    assert printed.left_out == len(text) - 2 * half
    note = f"\n... {printed.left_out} bytes left out ...\n"
    assert printed.text == text[:half] + note + text[-half:]


def test_a_log_that_was_emptied_meanwhile_is_cut_short(tmp_path: Path) -> None:
    """Its worker begins it anew once it is large."""
    path = tmp_path / "log"
    path.write_bytes(b"abc")

    with open(path, "rb") as file:
        printed = read_slice(file.fileno(), 1, 10, 100)

    assert printed is not None
    assert printed.text == "bc"
