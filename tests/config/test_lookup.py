"""What ``ENV[...]`` means, in texts and in what holds them."""

from __future__ import annotations

import pytest

from asyncflow.config.lookup import Unresolved, found, looked_up, value_of
from asyncflow.secret import Secret


@pytest.fixture(autouse=True)
def _variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNT", "3")
    monkeypatch.setenv("FLAG", " True ")
    monkeypatch.delenv("NOWHERE", raising=False)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ENV[COUNT]", "3"),
        ("ENV[COUNT]:int", 3),
        ("ENV[COUNT]:float", 3.0),
        ("ENV[FLAG]:bool", True),
        ("ENV[NOWHERE:a:b]", "a:b"),
        ("ENV[NOWHERE:7]:int", 7),
    ],
)
def test_a_text(text: str, value: object) -> None:
    assert looked_up(text) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ENV[NOWHERE]", "variable NOWHERE is not set; set it, or write"),
        ("ENV[FLAG]:int", "FLAG is no int; set it to a text of int"),
        ("ENV[COUNT]:bool", "COUNT is no bool; set it to true or false"),
        ("ENV[COUNT]:list", "to be a 'list', which is no kind"),
        ("ENV[1]", "is no value of the environment"),
    ],
)
def test_what_is_not_to_be_had(text: str, words: str) -> None:
    with pytest.raises(Unresolved, match=words):
        looked_up(text)


def test_a_password_that_is_no_reference_is_not_shown() -> None:
    with pytest.raises(Unresolved) as caught:
        looked_up("ENV[hunter2", "password")

    assert "hunter2" not in str(caught.value)


def test_what_is_found_is_shown_as_it_was_written() -> None:
    assert isinstance(looked_up("ENV[COUNT]"), Secret)
    assert repr(looked_up("ENV[COUNT]")) == "'ENV[COUNT]'"


def test_inside_of_lists_and_tables() -> None:
    assert found({"a": ["ENV[COUNT]:int", 1], "b": "text"}) == {
        "a": [3, 1],
        "b": "text",
    }


def test_all_that_is_missing_is_told_at_once() -> None:
    errors: list[tuple[str, Unresolved]] = []
    given = ["ENV[NOWHERE]", "ENV[COUNT]:int", "ENV[FLAG]:int"]
    assert value_of("x", given, errors) == [None, 3, None]
    assert [text for text, _ in errors] == ["ENV[NOWHERE]", "ENV[FLAG]:int"]
