"""The names of values that stay on the hosts where they were made."""

from __future__ import annotations

from asyncflow.worker.digests import compared, digest_in, named_after
from asyncflow.worker.values import held_name, place_of

PLACE = "0f" * 16


def test_a_name_says_where_the_value_is() -> None:
    assert place_of(held_name("/values/O_1-7.value", PLACE)) == PLACE
    assert place_of("/values/O_1-7.value") is None


def test_a_name_has_its_digest_as_well() -> None:
    path = held_name(compared("/values/O_1-7.value"), PLACE)
    found = named_after(path, b"data", [])
    assert place_of(found) == PLACE
    assert len(digest_in(found)) == 32
    assert found.partition("-")[0] == "O_1"
