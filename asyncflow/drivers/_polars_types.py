"""The types of the columns of a CSV file, as Polars guesses them."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

SAMPLE = 10_000
"""By how many rows the types of columns are guessed at first. By all, each text is tried
as a date: that takes half a minute for a file of 50 MB."""

_DATED = re.compile(r"\d[\d.]*[-/:]")
"""How all dates and times begin that Polars knows."""


def read_guessing(polars: Any, data: bytes, given: dict[str, Any]) -> Any:
    """Read a CSV file of which the columns have the types that all of their cells have.

    :param given: parameters of `polars.read_csv`
    """
    try:
        found = polars.read_csv(data, **given, infer_schema_length=SAMPLE)
    except polars.exceptions.PolarsError:  # a later cell is something else
        pass
    else:
        if found.height <= SAMPLE or not _is_unsure(polars, found.head(SAMPLE)):
            return found

    plain = {**given, "try_parse_dates": False}
    found = polars.read_csv(data, **plain, infer_schema_length=None)
    return _with_dates(polars, found) if given["try_parse_dates"] else found


def _is_unsure(polars: Any, head: Any) -> bool:
    """Tell whether a column has nothing in its first cells: text, it would be."""
    texts = head.select(polars.col(polars.String))
    return any(column.null_count() == head.height for column in texts)


def _with_dates(polars: Any, found: Any) -> Any:
    """Return a table of which the texts that are dates, or times, are such."""
    for name in found.select(polars.col(polars.String)).columns:
        texts = found[name]
        first = texts.drop_nulls().head(1)

        if not any(map(_DATED.match, first)):
            continue

        rows = found.select(
            polars.col(name).alias("a"), polars.lit(1).alias("b")
        )  # with one column, a row may be an empty line

        with suppress(polars.exceptions.PolarsError):  # not all of them
            read = polars.read_csv(
                rows.write_csv().encode(),
                columns=["a"],
                try_parse_dates=True,
                infer_schema_length=None,
            )

            if read["a"].dtype.is_temporal():
                found = found.with_columns(read["a"].alias(name))

    return found
