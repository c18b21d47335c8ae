"""A storage type as a package of somebody else's would have it: all of it is here."""

from __future__ import annotations

import os
import pickle
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import attrs
from attrs import validators

from asyncflow.abc import Driver, StoredValue
from asyncflow.errors import DataNodeWritingError
from asyncflow.worker.codec import dumps

if TYPE_CHECKING:
    from asyncflow.filters import Where


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

    def read(
        self,
        kept: StoredValue,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        if not isinstance(kept, str):
            return super().read(kept)

        with open(kept, "rb") as file:
            value = pickle.loads(zlib.decompress(file.read()))

        return self.select(value, columns, where)

    def write(self, value: object, path: str, name: str) -> StoredValue:
        data = zlib.compress(dumps(value, name=name), self.options.level)

        try:
            with open(path, "wb") as file:
                file.write(data)
        except OSError as error:
            os.unlink(path)
            raise DataNodeWritingError(f"data node {name!r}: {error}") from error

        return path
