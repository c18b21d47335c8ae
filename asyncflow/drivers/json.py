"""The ``json`` storage type."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import attrs

from asyncflow.abc import StoredValue
from asyncflow.drivers import _options
from asyncflow.drivers._codec import Decoder, Encoder, in_parts, prepared, text_of
from asyncflow.drivers._file import FileDriver
from asyncflow.drivers._libraries import plain_of
from asyncflow.selection import library_of
from asyncflow.worker import current
from asyncflow.worker.errors import DataNodeWritingError
from asyncflow.worker.replacing import check_packed

if TYPE_CHECKING:
    from asyncflow.filters import Where


def _coder(base: type[Any]) -> Any:
    def check(_: object, __: object, value: object) -> None:
        if value is not None and not (
            isinstance(value, type) and issubclass(value, base)
        ):
            raise ValueError(f"{value!r} is no subclass of json.{base.__name__}")

    remedy = f"give a subclass of json.{base.__name__}, or leave it out"
    return attrs.field(
        default=None,
        converter=_options.imported,
        validator=check,
        metadata={"remedy": remedy},
    )


@attrs.frozen(kw_only=True)
class JSONOptions(_options.StorageOptions):
    """What a data node of this storage type takes."""

    encoding: str = _options.encoding()
    encoder: type[json.JSONEncoder] | None = _coder(json.JSONEncoder)
    decoder: type[json.JSONDecoder] | None = _coder(json.JSONDecoder)


class JSONDriver(FileDriver):
    """Keep what JSON has a form for, and dates, enums and dataclasses."""

    storage_type: ClassVar[str] = "json"
    suffix: ClassVar[str] = ".json"
    Options: ClassVar[type[JSONOptions]] = JSONOptions
    appends: ClassVar[bool] = True
    is_inline: ClassVar[bool] = True
    parses_in_process: int = 2 << 20
    options: JSONOptions = JSONOptions()

    def load(
        self,
        file: str | BinaryIO,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        with self.open(file) as opened:
            text = opened.read().decode(self.options.encoding)

        value: object = json.loads(text, cls=self.options.decoder or Decoder)
        return self.select(value, columns, where)

    def dump(self, value: object, file: BinaryIO, name: str) -> None:
        check_packed(self.path or self.address, name)
        encode = codecs.getincrementalencoder(self.options.encoding)().encode

        with _telling(name):
            file.writelines(encode(text) for text in self._texts(value))

    def _texts(self, value: object) -> Iterable[str]:
        """Return the text of a value: in the program itself part by part, so that its
        event loop goes on.
        """
        kind = self.options.encoder or Encoder
        encoder = kind(ensure_ascii=False)

        if issubclass(kind, Encoder):
            value = prepared(value)

        is_plain = (
            kind.encode is json.JSONEncoder.encode
            and kind.iterencode is json.JSONEncoder.iterencode
            and encoder.indent is None
        )

        if current.is_worker or not is_plain:
            return [encoder.encode(value)]

        return in_parts(value, encoder)

    def append(
        self, value: object, kept: StoredValue, path: str, name: str
    ) -> StoredValue:
        self.check_place(name)
        old = self.before(kept)

        if library_of(value) and issubclass(self.options.encoder or Encoder, Encoder):
            with _telling(name):
                value = plain_of(value)

        if isinstance(old, list):
            both: object = [*old, *(value if isinstance(value, list) else [value])]
        elif isinstance(old, dict) and isinstance(value, dict):
            with _telling(name):
                new = {*map(text_of, value)}

            both = {key: old[key] for key in old if key not in new} | value
        elif old is None:
            both = value if isinstance(value, list | dict) else [value]
        else:
            raise DataNodeWritingError(
                f"data node {name!r}: a {type(value).__name__} cannot be appended to a "
                f"{type(old).__name__}: append to a list, or a dict to a dict"
            )

        return self.write(both, path, name)


@contextmanager
def _telling(name: str) -> Iterator[None]:
    """Have errors of what JSON cannot hold name the data node."""
    try:
        yield
    except RecursionError as error:
        raise DataNodeWritingError(
            f"data node {name!r}: JSON has no form for the value: it is nested too deep, or "
            "contains itself"
        ) from error
    except (TypeError, ValueError, DataNodeWritingError) as error:
        raise DataNodeWritingError(
            f"data node {name!r}: JSON has no form for the value ({error}): give an "
            "encoder=, or use another storage type"
        ) from error
