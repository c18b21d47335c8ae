"""Operations of the API: what each is called, takes and answers, and what it does."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any, Literal, TypeAlias

import attrs
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from asyncflow.web.answers import Json
from asyncflow.web.forms import in_json, moment

Schema: TypeAlias = Mapping[str, Any]
"""A JSON Schema."""

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
ANY: Schema = {}
DATE: Schema = {"type": "string", "format": "date-time"}
OBJECT: Schema = {"type": "object"}

LONGEST_WAIT = 60.0
"""How many seconds an answer may be waited for."""

MOST = 1000
"""How many entities a page of a list may have."""


def maybe(schema: Schema) -> Schema:
    """Return the schema of something that may be missing."""
    return {"anyOf": [schema, {"type": "null"}]}


def listed(schema: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": schema}


def facts(**parts: Schema) -> Schema:
    """Return the schema of an object that has all of some parts."""
    return {"type": "object", "properties": parts, "required": [*parts]}


@attrs.frozen
class Parameter:
    """A part of the query, or a header.

    :param is_needed: whether it must be given
    """

    name: str
    schema: Schema
    what: str
    place: Literal["query", "header"] = "query"
    is_needed: bool = False


@attrs.frozen(kw_only=True)
class Operation:
    """One thing that can be asked for.

    :param name: its ``operationId``
    :param what: what it does, in one sentence
    :param takes: the fields of the body, with their schemas; None for no body
    :param takes_file: whether the body is a file
    :param answers: by the status codes, what the bodies are like; None for no body
    :param media: of the answers that are no errors
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    name: str
    what: str
    parameters: tuple[Parameter, ...] = ()
    takes: Mapping[str, Schema] | None = None
    needs: tuple[str, ...] = ()
    takes_file: bool = False
    answers: Mapping[int, Schema | None]
    media: str = "application/json"


@attrs.frozen
class Asked:
    """What a request asks for: checked, by its names."""

    query: Mapping[str, Any]
    body: Mapping[str, Any]

    @classmethod
    async def of(cls, operation: Operation, request: Request) -> Asked:
        """Read a request.

        :raises HTTPException: where it is not as the operation says
        """
        query = {
            parameter.name: _parsed(parameter, text)
            for parameter in operation.parameters
            if (text := _given(parameter, request)) is not None
        }
        known = {
            parameter.name
            for parameter in operation.parameters
            if parameter.place == "query"
        }
        names = [name for name, _ in request.query_params.multi_items()]

        for name in names:
            if name not in known:
                raise refused(f"there is no {name!r} to be asked for", known)

            if names.count(name) > 1:
                raise refused(f"{name!r} is asked for more than once")

        for parameter in operation.parameters:
            if parameter.is_needed and parameter.name not in query:
                raise refused(f"the query lacks {parameter.name!r}", known)

        body: Mapping[str, Any] = {}

        if operation.method != "GET" and not operation.takes_file:
            body = _body(operation, await in_json(request))

        return cls(query, body)

    def moment(self, name: str) -> datetime | None:
        """Return a time of the query, in UTC unless it says another zone.

        :raises HTTPException: where it is none
        """
        return moment_of(name, self.query.get(name) or "")

    @property
    def page(self) -> dict[str, Any]:
        """Which part of a list is wanted."""
        return {
            "limit": self.query.get("limit", 100),
            "offset": self.query.get("offset", 0),
            "newest_first": self.query.get("newest_first", True),
        }


Answered: TypeAlias = tuple[Operation, Callable[[Request, Asked], Awaitable[Response]]]
"""An operation, and what does it."""

PAGE = (
    Parameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MOST, "default": 100},
        "how many at most",
    ),
    Parameter(
        "offset",
        {"type": "integer", "minimum": 0, "maximum": 10**9, "default": 0},
        "how many to leave out",
    ),
    Parameter("newest_first", {"type": "boolean", "default": True}, "the order"),
)


def tag_of(content: Any, of: object = "") -> str:
    """Return the ETag of what is answered in JSON.

    :param of: what tells it from others that look like it
    """
    return _tagged(bytes(Json(content).body), of)


def _tagged(body: bytes, of: object) -> str:
    known = blake2b(body, digest_size=12)
    known.update(str(of).encode())
    return f'"{known.hexdigest()}"'


def answer(
    request: Request,
    content: Any,
    status: int = 200,
    headers: Mapping[str, str] = {},
    of: object = "",
) -> Response:
    """Return an answer in JSON, with a tag: who has it already gets it not again.

    :param of: as for `tag_of`
    """
    response = Json(content, status, headers={**headers})

    if request.method in ("GET", "HEAD"):
        tag = _tagged(bytes(response.body), of)
        known = request.headers.get("if-none-match", "")

        if tag in known or known.strip() == "*":
            return Response(status_code=304, headers={"etag": tag})

        response.headers["etag"] = tag

    return response


def refused(what: str, known: Any = ()) -> HTTPException:
    """Return the error that says what is wrong with a request."""
    names = ", ".join(sorted(known))
    return HTTPException(422, f"{what}; there are: {names}" if names else what)


def moment_of(name: str, text: str) -> datetime | None:
    """Return the time that a text names, in UTC unless it says another zone.

    :raises HTTPException: where it is none
    """
    try:
        return moment(text)
    except ValueError:
        raise refused(f"{name!r} is a time (ISO 8601); got {text!r:.50}") from None


def _given(parameter: Parameter, request: Request) -> str | None:
    if parameter.place == "header":
        return request.headers.get(parameter.name)

    return request.query_params.get(parameter.name)


def _parsed(parameter: Parameter, text: str) -> Any:
    """Return what a text of a query is.

    :raises HTTPException: where it is not what the parameter is
    """
    schema = parameter.schema
    value: Any = text

    if schema.get("type") != "string":
        try:
            value = json.loads(text)
        except ValueError:
            raise refused(
                f"{parameter.name!r} is {_kind(schema)}; got {text!r:.50}"
            ) from None

    _check(parameter.name, value, schema)
    return value


def _body(operation: Operation, body: Any) -> Mapping[str, Any]:
    takes = operation.takes

    if takes is None:
        if body != {}:
            raise refused(f"this takes no body; got {body!r:.50}")

        return {}

    if not isinstance(body, dict):
        raise refused("the body is an object")

    for name, value in body.items():
        if name not in takes:
            raise refused(f"the body has no {name!r:.50}", takes)

        _check(name, value, takes[name])

    for name in operation.needs:
        if name not in body:
            raise refused(f"the body lacks {name!r}", takes)

    return body


_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


def _check(name: str, value: Any, schema: Schema) -> None:
    """Refuse a value that is not as its schema says, as far as schemas here say it.

    :raises HTTPException: where it is not
    """
    if "anyOf" in schema:
        if not any(_is_like(value, part) for part in schema["anyOf"]):
            raise refused(f"{name!r} is {_kind(schema)}; got {value!r:.50}")
    elif not _is_like(value, schema):
        raise refused(f"{name!r} is {_kind(schema)}; got {value!r:.50}")


def _is_like(value: Any, schema: Schema) -> bool:
    if "type" in schema:
        kinds = _TYPES[schema["type"]]

        if type(value) not in kinds:
            return False

    if "enum" in schema and value not in schema["enum"]:
        return False

    if isinstance(value, str) and len(value) < schema.get("minLength", 0):
        return False

    if type(value) in (int, float):
        return bool(
            schema.get("minimum", value) <= value <= schema.get("maximum", value)
            and schema.get("exclusiveMinimum", -math.inf) < value
        )

    if isinstance(value, list) and "items" in schema:
        return all(_is_like(item, schema["items"]) for item in value)

    return True


def _kind(schema: Schema) -> str:
    if "anyOf" in schema:
        return " or ".join(map(_kind, schema["anyOf"]))

    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"

    bounds = [
        f"{name} {schema[name]}"
        for name in ("minimum", "exclusiveMinimum", "maximum", "minLength")
        if name in schema
    ]
    text = str(schema.get("type", "anything"))
    return f"{text} ({', '.join(bounds)})" if bounds else text
