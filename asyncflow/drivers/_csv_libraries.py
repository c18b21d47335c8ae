"""CSV as each library reads and writes it."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from asyncflow.drivers._libraries import as_table, check_header, columns_in, need
from asyncflow.drivers._polars_types import read_guessing
from asyncflow.worker.errors import DataNodeReadingError

if TYPE_CHECKING:
    from asyncflow.drivers._csv_options import CSVOptions

LONGEST = 2**31 - 1
"""How many letters a cell may have."""


def reader_of(lines: Iterable[str], **given: Any) -> Iterator[list[str]]:
    """Return what reads rows, also with cells that are longer than Python's limit."""
    csv.field_size_limit(LONGEST)
    return csv.reader(lines, **given)


def marked_off(encoding: str) -> str:
    """Return the encoding that leaves a mark at the beginning of a text out."""
    return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding


def _read_pandas(file: BinaryIO, options: CSVOptions) -> Any:
    pandas = need("pandas", "exposed_type 'pandas'")
    given: dict[str, Any] = {
        "encoding": options.encoding,
        "header": "infer" if options.has_header else None,
        **options.read_options,
    }

    try:
        return pandas.read_csv(file, **given)
    except pandas.errors.EmptyDataError:
        return pandas.DataFrame()


def _read_polars(file: BinaryIO, options: CSVOptions) -> Any:
    polars = need("polars", "exposed_type 'polars'")
    data = file.read()

    if codecs.lookup(options.encoding).name != "utf-8":
        data = data.decode(options.encoding).encode()

    given: dict[str, Any] = {
        "has_header": options.has_header,
        "try_parse_dates": True,
        "raise_if_empty": False,
        **options.read_options,
    }

    def read(more: dict[str, Any]) -> Any:
        if "infer_schema_length" in given:
            return polars.read_csv(data, **given, **more)

        return read_guessing(polars, data, {**given, **more})

    found = read({})

    if found.width == 1 and "null_values" not in given:
        only = found.to_series()

        if only.dtype == polars.String and (only == "").any():  # see `_write_polars`
            found = read({"null_values": ""})

    if any("\ufffd" in name for name in found.columns):  # as it makes of what is wrong
        data.decode()

    return found


def _read_arrow(file: BinaryIO, options: CSVOptions) -> Any:
    arrow_csv = need("pyarrow.csv", "exposed_type 'arrow'")

    if file.seek(0, io.SEEK_END) == 0:
        return need("pyarrow", "exposed_type 'arrow'").table({})

    file.seek(0)
    given: dict[str, Any] = {
        "read_options": arrow_csv.ReadOptions(
            encoding=options.encoding,
            autogenerate_column_names=not options.has_header,
        ),
        "convert_options": arrow_csv.ConvertOptions(strings_can_be_null=True),
        **options.read_options,
    }
    table = arrow_csv.read_csv(file, **given)

    for field in table.schema:  # it takes what is no text for bytes, in silence
        if str(field.type) == "binary" and not options.read_options:
            raise UnicodeError(f"column {field.name!r} is no {options.encoding}")

    return table


def _read_plain(file: BinaryIO, options: CSVOptions) -> Any:
    encoding = marked_off(options.encoding)

    with io.TextIOWrapper(file, encoding=encoding, newline="") as text:
        lines = [*reader_of(text, strict=True, **options.read_options)]

    if not lines:
        return []

    names = lines.pop(0) if options.has_header else [*map(str, range(len(lines[0])))]
    check_header(names)

    if not any(lines):
        return {name: [] for name in names}

    for number, cells in enumerate(filter(None, lines), 1):
        if len(cells) != len(names):
            raise DataNodeReadingError(
                "",
                f"row {number} has {len(cells)} cells, and there are {len(names)} columns",
                "correct the row, or name the delimiter in read_options",
            )

    return [dict(zip(names, cells, strict=True)) for cells in lines if cells]


def _write_pandas(
    value: object, file: BinaryIO, options: CSVOptions, has_header: bool
) -> None:
    frame = as_table(value, "pandas")
    given: dict[str, Any] = {
        "index": False,
        "header": has_header,
        "encoding": options.encoding,
        **_pandas_quoting(frame),
        **options.write_options,
    }
    frame.to_csv(file, mode="wb", **given)


def _write_polars(
    value: object, file: BinaryIO, options: CSVOptions, has_header: bool
) -> None:
    frame = as_table(value, "polars")
    given = {"include_header": has_header, **options.write_options}

    if (
        frame.width == 1
    ):  # else what is missing is an empty line, which others leave out
        given = {"null_value": '""', **given}

        if _are_blank(frame.to_series().to_list()):
            given = {"quote_style": "non_numeric", **given}

    if codecs.lookup(options.encoding).name == "utf-8":
        frame.write_csv(file, **given)
    else:
        file.write(frame.write_csv(**given).encode(options.encoding))


def _write_arrow(
    value: object, file: BinaryIO, options: CSVOptions, has_header: bool
) -> None:
    table = as_table(value, "pyarrow")

    if table.num_columns == 1 and table.column(0).null_count:  # see `_write_polars`
        _write_plain(table, file, options, has_header)
        return

    arrow_csv = need("pyarrow.csv", "exposed_type 'arrow'")
    how = arrow_csv.WriteOptions(include_header=has_header, **options.write_options)

    if codecs.lookup(options.encoding).name == "utf-8":
        arrow_csv.write_csv(table, file, how)
        return

    with io.BytesIO() as memory:
        arrow_csv.write_csv(table, memory, how)
        file.write(memory.getvalue().decode().encode(options.encoding))


def _pandas_quoting(frame: Any) -> dict[str, Any]:
    """Return the option that has texts quoted, where pandas would leave some that have to
    be.
    """
    kinds = zip(range(frame.shape[1]), frame.dtypes, strict=True)
    texts = [frame.iloc[:, at] for at, kind in kinds if kind.kind == "O"]
    return _quoting([*texts, [*frame.columns]], is_single=frame.shape[1] == 1)


def _quoting(columns: list[Any], *, is_single: bool | None = None) -> dict[str, Any]:
    """Return the option that has texts quoted, where Python would leave some that have to
    be: of a carriage return it makes a line, and of blanks alone an empty one.

    :param columns: those with texts, and their names
    :param is_single: whether the table has no other column
    """
    is_single = len(columns) == 2 if is_single is None else is_single

    if not any(map(_have_returns, columns)) and not (
        is_single and any(map(_are_blank, columns))
    ):
        return {}

    return {"quoting": csv.QUOTE_NONNUMERIC}


def _have_returns(cells: Iterable[Any]) -> bool:
    return any(isinstance(cell, str) and "\r" in cell for cell in cells)


def _are_blank(cells: Iterable[Any]) -> bool:
    return any(isinstance(cell, str) and cell.isspace() for cell in cells)


def _write_plain(
    value: object, file: BinaryIO, options: CSVOptions, has_header: bool
) -> None:
    columns = columns_in(value)
    given = {**_quoting([*columns.values(), [*columns]]), **options.write_options}
    lines: Iterable[Any] = zip(*columns.values(), strict=True)
    text = io.TextIOWrapper(file, encoding=options.encoding, newline="")

    try:
        rows = csv.writer(text, **{"lineterminator": "\n", **given})

        if has_header and columns:
            rows.writerow(columns)

        rows.writerows(lines)
    finally:
        text.detach()


_READ = {"pandas": _read_pandas, "polars": _read_polars, "pyarrow": _read_arrow}
_WRITE = {"pandas": _write_pandas, "polars": _write_polars, "pyarrow": _write_arrow}


def reader(library: str) -> Callable[[BinaryIO, CSVOptions], Any]:
    """Return what reads a file by a library, or in plain Python."""
    return _READ.get(library, _read_plain)


def writer(library: str) -> Callable[[object, BinaryIO, CSVOptions, bool], None]:
    """Return what writes a table by a library, or in plain Python."""
    return _WRITE.get(library, _write_plain)
