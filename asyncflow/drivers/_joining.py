"""Tables of Arrow, one behind the other."""

from __future__ import annotations

from typing import Any

from asyncflow.drivers._libraries import need

INDEX = "__index_level_"
"""How columns begin that are an index of pandas without a name."""


def joined(before: Any, more: Any) -> Any:
    """Return two tables as one, with the types of the first.

    :raises Exception: where the second has other columns, or what these cannot hold
    """
    arrow = need("pyarrow", "appending to Parquet")
    names = [one for one in more.column_names if not one.startswith(INDEX)]

    if not names and not more.num_rows:
        return before

    if other := {*names}.difference(before.column_names):
        raise KeyError(f"there is no {', '.join(sorted(other))}")

    more = more.select(before.column_names)
    fields = []

    for at, field in enumerate(before.schema):
        column = more.column(at)

        if arrow.types.is_dictionary(field.type) and column.type != field.type:
            values = column.cast(field.type.value_type)  # of texts, categories
            column = values.dictionary_encode().cast(field.type)
            more = more.set_column(at, field.name, column)

        is_null = arrow.types.is_null(field.type)  # nobody has said what it is to hold
        fields.append(field.with_type(column.type) if is_null else field)

    both = arrow.concat_tables([before, more], promote_options="permissive")
    schema = arrow.schema(fields, before.schema.metadata)
    return both if both.schema == schema else both.cast(schema)
