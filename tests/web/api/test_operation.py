"""What requests have to be like."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from asyncflow.web.api.operation import (
    FLAG,
    NUMBER,
    OBJECT,
    PAGE,
    TEXT,
    Asked,
    Operation,
    Parameter,
    answer,
    listed,
    maybe,
)

pytestmark = pytest.mark.anyio


OPERATION = Operation(
    method="POST",
    path="/toys",
    name="make_toy",
    what="Make a toy.",
    parameters=(
        *(*PAGE, Parameter("x-key", TEXT, "a key", "header")),
        Parameter("for", TEXT, "whose it is", is_needed=True),
    ),
    takes={
        "name": {"type": "string", "minLength": 1},
        "size": maybe(NUMBER),
        "age": {"type": "number", "exclusiveMinimum": 0},
        "is_new": FLAG,
        "tags": listed(TEXT),
        "more": OBJECT,
        "kind": {"type": "string", "enum": ["car", "doll"]},
    },
    needs=("name",),
    answers={200: None},
)


def sent(body: bytes, query: str = "", **headers: str) -> Request:
    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    named = [(name.encode(), text.encode()) for name, text in headers.items()]
    scope = {"type": "http", "method": "GET", "headers": named}
    return Request({**scope, "query_string": query.encode()}, receive)


async def test_what_is_right_is_taken() -> None:
    body = b'{"name": "a", "size": null, "is_new": true, "tags": ["x"], "kind": "car"}'
    query = "limit=5&newest_first=false&for=me"
    asked = await Asked.of(OPERATION, sent(body, query, **{"x-key": "k"}))
    assert asked.page == {"limit": 5, "offset": 0, "newest_first": False}
    assert asked.query["x-key"] == "k"
    assert asked.body["tags"] == ["x"]


@pytest.mark.parametrize(
    ("body", "query", "words"),
    [
        ("{}", "", "lacks 'name'"),
        ("[]", "", "is an object"),
        ('{"name": 1}', "", "'name' is string (minLength 1); got 1"),
        ('{"name": "a", "nmae": 1}', "", "no 'nmae'; there are: age, is_new, kind"),
        ('{"name": "a", "age": 0}', "", "'age' is number (exclusiveMinimum 0); got 0"),
        ('{"name": "a", "size": "5"}', "", "'size' is number or null"),
        ('{"name": "a", "is_new": 1}', "", "'is_new' is boolean"),
        ('{"name": "a", "tags": ["x", 1]}', "", "'tags' is array"),
        ('{"name": "a", "more": []}', "", "'more' is object"),
        ('{"name": "a", "kind": "ship"}', "", "one of car, doll"),
        ('{"name": "a"}', "limit=0", "minimum 1, maximum 1000"),
        ('{"name": "a"}', "limit=1001", "minimum 1, maximum 1000"),
        ('{"name": "a"}', "limit=true", "'limit' is integer"),
        ('{"name": "a"}', "newest_first=1", "'newest_first' is boolean"),
        ('{"name": "a"}', "limits=1", "there are: for, limit, newest_first, offset"),
        ('{"name": "a"}', "limit=1&limit=2", "'limit' is asked for more than once"),
        ('{"name": ""}', "", "'name' is string (minLength 1); got ''"),
    ],
)
async def test_what_is_wrong_is_named(body: str, query: str, words: str) -> None:
    with pytest.raises(HTTPException) as caught:
        await Asked.of(OPERATION, sent(body.encode(), f"for=me&{query}"))

    assert caught.value.status_code == 422
    assert words in caught.value.detail


async def test_what_must_be_asked_for_is_named() -> None:
    with pytest.raises(HTTPException) as caught:
        await Asked.of(OPERATION, sent(b'{"name": "a"}'))

    assert caught.value.status_code == 422
    assert "the query lacks 'for'; there are: for, limit" in caught.value.detail


WITHOUT_BODY = Operation(
    method="POST",
    path="/toys/{id}/wind",
    name="wind_toy",
    what="Wind a toy.",
    answers={200: None},
)


@pytest.mark.parametrize("body", ["", "{}"])
async def test_what_takes_no_body_takes_an_empty_one(body: str) -> None:
    assert (await Asked.of(WITHOUT_BODY, sent(body.encode()))).body == {}


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ('{"foo": 1}', 422, "takes no body; got {'foo': 1}"),
        ("[]", 422, "takes no body; got []"),
        ("{garbage", 400, "the body is no JSON"),
    ],
)
async def test_what_takes_no_body_refuses_one(
    body: str, status: int, words: str
) -> None:
    with pytest.raises(HTTPException) as caught:
        await Asked.of(WITHOUT_BODY, sent(body.encode()))

    assert caught.value.status_code == status
    assert words in caught.value.detail


def test_who_has_an_answer_gets_it_not_again() -> None:
    first = answer(sent(b""), {"a": 1})
    tag = first.headers["etag"]
    assert answer(sent(b"", **{"if-none-match": tag}), {"a": 1}).status_code == 304
    assert answer(sent(b"", **{"if-none-match": tag}), {"a": 2}).status_code == 200


@pytest.mark.parametrize(
    ("known", "status"),
    [
        ("*", 304),
        ('"a", W/{tag}', 304),
        *(("", 200), ('"', 200), ('""', 200), ("W/", 200), ("a" * 8_000, 200)),
        ("{tag:.12}", 200),
    ],
)
def test_tags_may_be_any_text(known: str, status: int) -> None:
    tag = answer(sent(b""), {"a": 1}).headers["etag"]
    given = {"if-none-match": known.format(tag=tag)}
    assert answer(sent(b"", **given), {"a": 1}).status_code == status
