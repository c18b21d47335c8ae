"""Differences between two scenarios."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from asyncflow.facts import Facts


@attrs.frozen(kw_only=True, eq=False, repr=False)
class DataNodeDiff(Facts):
    """How the values of one data node differ in two scenarios: the one, and the other."""

    name: str
    """The id of its config."""

    written: tuple[bool, bool] = (True, True)
    """Whether each has a value."""

    texts: tuple[str, str] = ("", "")
    """What each has, shortened; of tables and arrays, what it is."""

    rows: tuple[int, int] | None = None
    """How many rows each has; None where these are no tables or arrays."""

    columns: tuple[int, int] | None = None
    """How many columns each has; None where these are no tables."""

    changed_cells: int | None = None
    """How many cells differ in the rows and columns that both have; None where these are
    no tables, or arrays of one shape."""

    only_columns: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    """The columns that the one has alone, and the other."""

    retyped: tuple[str, ...] = ()
    """The columns of which both have other types."""

    def __str__(self) -> str:
        one, other = self.written

        if not (one and other):
            return (
                f"{self.name}: only {'the first' if one else 'the second'} has a value"
            )

        if self.rows is None:
            return f"{self.name}: {self.texts[0]} -> {self.texts[1]}"

        parts = [_pair(self.rows, "row")]

        if self.columns is not None:
            parts.append(_pair(self.columns, "column"))

        if self.changed_cells is not None:
            parts.append(_count(self.changed_cells, "changed cell"))

        for names, text in (
            (self.only_columns[0], "without"),
            (self.only_columns[1], "with"),
            (self.retyped, "other types in"),
        ):
            if names:
                parts.append(f"{text} {', '.join(names)}")

        return f"{self.name}: {', '.join(parts)}"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ScenarioDiff(Facts):
    """What two scenarios have otherwise: the one, and the other.

    Its text has a line for each difference. Ids and dates are none.
    """

    one_id: str
    other_id: str

    attributes: Mapping[str, tuple[object, object]] = attrs.field(
        factory=dict[str, tuple[object, object]]
    )
    """What both have of each attribute that differs: ``config_id``, ``name``, ``tags``,
    ``cycle``, and ``properties.<key>``, where None stands for a key that is not there."""

    data_nodes: Mapping[str, DataNodeDiff] = attrs.field(
        factory=dict[str, DataNodeDiff]
    )
    """The data nodes whose values differ, by config id."""

    same: tuple[str, ...] = ()
    """The config ids of the data nodes whose values do not differ."""

    only: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    """The config ids of the data nodes that the one has alone, and the other."""

    unknown: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Why the values of data nodes could not be compared, by config id."""

    @property
    def is_same(self) -> bool:
        """Whether nothing differs, as far as that is known."""
        found = self.attributes, self.data_nodes, *self.only, self.unknown
        return not any(found)

    def __str__(self) -> str:
        lines = [
            f"{name}: {one!r} -> {other!r}"
            for name, (one, other) in self.attributes.items()
        ]
        lines += map(str, self.data_nodes.values())

        for names, which in zip(self.only, ("first", "second"), strict=True):
            lines += [f"{name}: only the {which} has this data node" for name in names]

        lines += [f"{name}: not compared: {why}" for name, why in self.unknown.items()]
        return "\n".join(lines) or "no difference"


def _pair(counts: tuple[int, int], noun: str) -> str:
    one, other = counts
    return _count(one, noun) if one == other else f"{one} -> {_count(other, noun)}"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
