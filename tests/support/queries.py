"""Queries of data nodes, for programs that are killed: they import this alone."""

from __future__ import annotations

from typing import Any


def replaced(name: str, rows: Any) -> list[Any]:
    return [f"DELETE FROM {name}", *added(name, rows)]


def added(name: str, rows: Any) -> list[Any]:
    query = f"INSERT INTO {name} (id, name, price) VALUES (:id, :name, :price)"
    return [(query, rows)]
