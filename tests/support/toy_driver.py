"""A storage type as a package of somebody else's would have it: all of it is here."""

from __future__ import annotations

import pickle
import zlib
from typing import ClassVar

import attrs
from attrs import validators

from asyncflow.abc import Driver, StoredValue
from asyncflow.worker.codec import dumps


@attrs.frozen(kw_only=True)
class ToyOptions:
    """What a data node of this storage type takes."""

    level: int = attrs.field(
        default=1,
        validator=[validators.instance_of(int), validators.in_(range(10))],
        metadata={"remedy": "give a level from 0 to 9"},
    )
    marker: str = attrs.field(default="", converter=str)


class ToyDriver(Driver):
    """Keep values compressed."""

    storage_type: ClassVar[str] = "toy"
    Options: ClassVar[type[ToyOptions]] = ToyOptions
    options: ToyOptions

    def read(self, kept: StoredValue) -> object:
        if not isinstance(kept, str):
            return super().read(kept)

        with open(kept, "rb") as file:
            return pickle.loads(zlib.decompress(file.read()))

    def write(self, value: object, path: str, name: str) -> StoredValue:
        data = zlib.compress(dumps(value, name=name), self.options.level)

        with open(path, "wb") as file:
            file.write(data)

        return path
