"""What pages send."""

from __future__ import annotations

import pytest
from starlette.exceptions import HTTPException

from asyncflow.web import forms
from tests.support.web import sent

pytestmark = pytest.mark.anyio


async def test_a_form_is_read() -> None:
    assert await forms.form(sent(b"a=1&b=", b"%C3%A9&c=")) == {
        "a": "1",
        "b": "é",
        "c": "",
    }


async def test_a_form_of_bytes_that_are_no_text_is_refused() -> None:
    with pytest.raises(HTTPException, match="UTF-8"):
        await forms.form(sent(b"a=\xff"))


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b"nope"])
async def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(HTTPException) as caught:
        await forms.in_json(sent(body))

    assert caught.value.status_code == 400


async def test_an_empty_body_is_an_empty_object() -> None:
    assert await forms.in_json(sent()) == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [("5", 5), ('"5"', "5"), ("five", "five"), ("[1, 2]", [1, 2]), ("null", None)],
)
def test_values_are_typed_as_json_or_text(text: str, value: object) -> None:
    assert forms.value(text) == value


@pytest.mark.parametrize(
    ("text", "place"), [("", 0), ("7", 7), ("-1", 0), ("x", 0), ("9" * 30, 0), ("²", 0)]
)
def test_places_in_lists(text: str, place: int) -> None:
    assert forms.place(text) == place


async def test_a_file_comes_as_it_is() -> None:
    file = b"\r\n--no\r\n\x00\xff\r\n"
    body = (
        b'--b1\r\nContent-Disposition: form-data; name="comment"\r\n\r\nwhy\r\n'
        b'--b1\r\nContent-Disposition: form-data; name="file"; filename="a;b"\r\n'
        b"Content-Type: text/plain\r\n\r\n" + file + b"\r\n--b1--\r\n"
    )
    request = sent(body[:50], body[50:])
    request.scope["headers"] = [
        (b"content-type", b'multipart/form-data; boundary="b1"')
    ]
    assert await forms.form_with_file(request) == ({"comment": "why"}, file)

    with pytest.raises(HTTPException, match="no form with a file"):
        await forms.form_with_file(sent(body))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "None"),
        ("2026-01-02T03:04", "2026-01-02 03:04:00+00:00"),
        ("2026-01-02T03:04+02:00", "2026-01-02 03:04:00+02:00"),
    ],
)
def test_a_time_without_a_zone_is_in_utc(text: str, found: str) -> None:
    assert str(forms.moment(text)) == found
