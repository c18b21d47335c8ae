"""Options of Taipy's that are taken without effect: attributes that tell what was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from asyncflow.config.section import Attributes

T = TypeVar("T")


class Taken(Generic[T]):
    """An option without effect."""

    name: str

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self.name = name

    def __get__(self, section: Any, owner: type[Any]) -> T | None:
        """Return what it was given; None where it was given nothing."""
        if section is None or self.name not in section.properties:
            return None

        found: T = section.__getattr__(self.name)  # as the environment has it now
        return found


class TakenOptions(Attributes):
    """Those of `CoreConfig`."""

    __slots__ = ()

    core_version: Taken[str] = Taken()
    read_entity_retry: Taken[int] = Taken()
    repository_properties: Taken[Mapping[str, Any]] = Taken()
    repository_type: Taken[str] = Taken()
    root_folder: Taken[str] = Taken()
    storage_folder: Taken[str] = Taken()
    taipy_storage_folder: Taken[str] = Taken()
