"""Digests of values, and the files that are named after them."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

from asyncflow.worker.digests import (
    compared,
    digest,
    digest_in,
    mark,
    named_after,
    read_mark,
    remove_named,
)
from asyncflow.worker.values import fetch, keep


def test_the_file_of_a_killed_job_is_found_by_its_first_name(tmp_path: Path) -> None:
    path = str(tmp_path / "1.value")
    kept = keep(bytes(100_000), compared(path), "value", sync=False)
    assert isinstance(kept, str)
    assert kept.startswith(str(tmp_path / "1-"))
    assert digest_in(kept) == digest(pickle.dumps(bytes(100_000), 5)) != ""
    assert fetch(kept) == bytes(100_000)
    remove_named(compared(path))
    assert os.listdir(tmp_path) == []


def test_a_digest_is_of_the_content() -> None:
    assert digest(b"one") == digest(b"one") != digest(b"two")
    assert len(digest(b"")) == 32


def test_buffers_count_with_where_each_ends() -> None:
    def of(*parts: bytes) -> str:
        return digest(b"head", map(pickle.PickleBuffer, parts))

    assert of(b"ab", b"c") == of(b"ab", b"c")
    assert len({of(b"ab", b"c"), of(b"a", b"bc"), of(b"abc"), of()}) == 4


def test_what_tells_the_classes_of_two_starts_apart_does_not_count() -> None:
    first, second = mark("0" * 32, 17), mark("f" * 32, 1800)
    assert read_mark(first) == ("0" * 32, 17)
    assert digest(f"a{first}b".encode()) == digest(f"a{second}b".encode())
    assert digest(b"<asyncflow:1:2>") != digest(b"<asyncflow:1:3>")  # no mark


def test_a_file_is_named_after_its_digest_where_that_is_asked_for() -> None:
    name = named_after(compared("/v/J-1.value"), b"data", [])
    assert name == f"/v/J-1-{digest(b'data')}.value"
    assert digest_in(name) == digest(b"data")
    assert named_after("/v/J-1.value", b"data", []) == "/v/J-1.value"
    assert digest_in("/v/J-1.value") == ""


def test_only_what_was_made_for_a_name_is_removed(tmp_path: Path) -> None:
    for name in ("[1]-aa.value", "[1]-bb.value", "1-cc.value", "[1].value"):
        (tmp_path / name).touch()

    remove_named(str(tmp_path / "[1].value"))  # it asked for no digest
    assert len(os.listdir(tmp_path)) == 4
    remove_named(compared(str(tmp_path / "[1].value")))
    assert sorted(os.listdir(tmp_path)) == ["1-cc.value", "[1].value"]
