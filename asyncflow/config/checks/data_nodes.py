"""Where values are kept, how many versions and how long: checks, and text in TOML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from asyncflow.config.sections import DataNodeConfig
from asyncflow.errors import Problem

MAX_VERSIONS = 1_000_000

_PERIOD = (
    r"(?a)(?:(\d{1,18})d)?(?:(\d{1,18})h)?(?:(\d{1,18})m)?"
    r"(?:(\d{1,18})(?:\.(\d{1,6}))?s)?(?::timedelta)?"
)


def problems(node: DataNodeConfig) -> Iterator[Problem]:
    """Yield what is wrong with how values of a data node are kept."""
    yield from _path(node)
    yield from _period(node)
    yield from _count(node)


def _path(node: DataNodeConfig) -> Iterator[Problem]:
    path: object = node.default_path
    if path is None:
        return

    if not _is_path(path):
        yield Problem(
            section=node.label,
            field="default_path",
            message=f"{path!r} is not a path",
            remedy="give a str or a pathlib.Path",
        )

    if node.storage_type != "pickle":
        yield Problem(
            section=node.label,
            field="default_path",
            message=f"a {node.storage_type!r} data node has no file",
            remedy="leave it out, or use the storage type 'pickle'",
        )


def _is_path(value: object) -> bool:
    return isinstance(value, str) and value != "" and "\0" not in value


def _period(node: DataNodeConfig) -> Iterator[Problem]:
    period: object = node.validity_period
    if period is None:
        return

    if not isinstance(period, timedelta):
        yield Problem(
            section=node.label,
            field="validity_period",
            message=f"{period!r} is not a period",
            remedy="give a datetime.timedelta (in TOML: '1d2h3m4s'), or None",
        )
    elif period <= timedelta():
        yield Problem(
            section=node.label,
            field="validity_period",
            message=f"{period!r} is not more than nothing",
            remedy="give a longer one, or None for values that are valid for ever",
        )


def _count(node: DataNodeConfig) -> Iterator[Problem]:
    count: object = node.keep_versions
    if type(count) is not int or not 0 <= count <= MAX_VERSIONS:
        yield Problem(
            section=node.label,
            field="keep_versions",
            message=f"{count!r} is not an int from 0 to {MAX_VERSIONS}",
            remedy="give how many versions to keep beside the current one",
        )
    elif node.default_path is not None and count != 1:
        yield Problem(
            section=node.label,
            field="keep_versions",
            message="a file of your own has one version",
            remedy="leave it out, or leave default_path out",
        )


def to_text(period: timedelta) -> str:
    """Write a period: ``1d2h3m4.5s``."""
    minutes, seconds = divmod(period.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(period.days, "d"), (hours, "h"), (minutes, "m")]
    text = "".join(f"{count}{unit}" for count, unit in parts if count)
    fraction = f".{period.microseconds:06}".rstrip("0") if period.microseconds else ""
    return text + (f"{seconds}{fraction}s" if seconds or fraction or not text else "")


def from_text(text: str) -> timedelta | None:
    """Read what `to_text` writes, also with ``:timedelta`` behind it; None for others."""
    found = re.fullmatch(_PERIOD, text)
    if found is None or not any(found.groups()):
        return None

    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[:4])
    micro = int((found[5] or "").ljust(6, "0"))
    try:
        return timedelta(days, seconds, micro, hours=hours, minutes=minutes)
    except OverflowError:
        return None
