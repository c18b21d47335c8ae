"""Where the relative paths of data nodes begin."""

from __future__ import annotations

import pytest

from asyncflow.entities.directory import Directory


@pytest.mark.parametrize(
    ("path", "anchor", "told"),
    [
        ("/work/project", "/work/project", "."),
        ("/work/project", "/work/project/store", ".."),
        ("/work/project/a/b", "/work/project", "a/b"),
        ("/home/me", "/work/store", "../../home/me"),
    ],
)
def test_what_records_have_is_seen_from_the_store(
    path: str, anchor: str, told: str
) -> None:
    directory = Directory.of(path, anchor)
    assert (directory.path, directory.anchor, directory.recorded) == (
        path,
        anchor,
        told,
    )
    assert directory.found(told) == path


def test_a_directory_moves_with_the_store() -> None:
    told = Directory.of("/work/project", "/work/project/store").recorded
    moved = Directory.of("/somewhere", "/elsewhere/project/store")
    assert moved.found(told) == "/elsewhere/project"


def test_a_directory_on_another_root_is_found_as_it_is() -> None:
    assert Directory.of("/a", "/b").found("/c/d") == "/c/d"
