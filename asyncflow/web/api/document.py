"""The OpenAPI document: made of the operations, so that it is true."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from asyncflow.web.api.operation import Operation, Schema
from asyncflow.web.api.schemas import ERROR

_REFUSALS: Mapping[int, str] = {
    400: "the body is no JSON, or only a part of it came",
    401: "a token is asked for",
    403: "who asks may not do this",
    404: "there is none with this id",
    408: "the body came too slowly",
    405: "nothing of this kind is done here",
    409: "it cannot be done as things are",
    412: "it has been changed meanwhile",
    413: "the body is too large",
    422: "it is not as this document says",
}


def document(operations: Iterable[Operation], title: str) -> dict[str, Any]:
    """Return the document of some operations."""
    paths: dict[str, dict[str, Any]] = {}

    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _told(
            operation
        )

    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1"},
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {"schemas": {"Error": ERROR}},
    }


def _form(schema: Schema) -> Schema:
    """Return how a parameter is given: lists as JSON."""
    if schema.get("type") == "array":
        return {"content": {"application/json": {"schema": schema}}}

    return {"schema": schema}


def _told(operation: Operation) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {
            "name": parameter.name,
            "in": parameter.place,
            **({"required": True} if parameter.is_needed else {}),
            **_form(parameter.schema),
            "description": parameter.what,
        }
        for parameter in operation.parameters
    ]

    if "{id}" in operation.path:
        parameters.append(
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
        )

    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.what,
        "parameters": parameters,
        "responses": _answers(operation),
    }

    if operation.takes is not None:
        schema = {
            "type": "object",
            "properties": operation.takes,
            "required": [*operation.needs],
            "additionalProperties": False,
        }
        described["requestBody"] = {
            "required": bool(operation.needs),
            "content": {"application/json": {"schema": schema}},
        }

    if operation.takes_file:
        described["requestBody"] = {
            "required": True,
            "content": {"application/octet-stream": {"schema": {}}},
        }

    return described


def _answers(operation: Operation) -> dict[str, Any]:
    answers: dict[str, Any] = {}

    for status, schema in operation.answers.items():
        answers[str(status)] = {"description": "done"}

        if schema is not None:
            answers[str(status)]["content"] = {operation.media: {"schema": schema}}

    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}

    for status, what in _REFUSALS.items():
        answers[str(status)] = {"description": what, "content": error}

    return answers
