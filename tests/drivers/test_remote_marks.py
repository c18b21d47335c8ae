"""What changes when a file does, as file systems say it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from asyncflow.drivers._remote_marks import mark_of, mark_of_all

DATE = datetime(2026, 1, 2, tzinfo=UTC)


class Files:
    """A file system that says of its files what it is told to."""

    def __init__(self, **infos: dict[str, Any]) -> None:
        self.infos = infos

    def info(self, name: str) -> dict[str, Any]:
        return self.infos[name]

    def find(self, at: str, *, detail: bool) -> dict[str, Any]:
        return self.infos


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"ETag": '"a"'}, {"ETag": '"b"'}),
        ({"Last-Modified": "Mon"}, {"Last-Modified": "Tue"}),
        ({"etag": "a", "mtime": 1}, {"etag": "a", "mtime": 2}),
        ({"LastModified": DATE}, {"LastModified": DATE.replace(day=3)}),
        ({"created": 1.5}, {"created": 2.5}),
        ({"ETag": '"a"', "size": 1}, {"ETag": '"a"', "size": 2}),
    ],
)
def test_a_change_shows(before: dict[str, Any], after: dict[str, Any]) -> None:
    one, same, other = (mark_of(Files(a=info), "a") for info in (before, before, after))
    assert one == same
    assert one is not None
    assert one != other
    assert mark_of_all(Files(a=before), "f") != mark_of_all(Files(a=after), "f")


def test_a_server_that_says_nothing_leaves_it_open() -> None:
    assert mark_of(Files(a={"size": 3, "ETag": None, "url": "http://a"}), "a") is None
    assert mark_of_all(Files(a={"ETag": "x"}, b={"size": 3}), "f") is None
    assert mark_of_all(Files(), "f") is None


def test_a_date_is_one_in_every_form() -> None:
    date, number = {"created": DATE}, {"created": DATE.timestamp()}
    assert mark_of(Files(a=date), "a") == mark_of(Files(a=number), "a")
