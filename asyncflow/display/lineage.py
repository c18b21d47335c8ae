"""Where values come from: versions of data nodes, and the jobs and people that wrote them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import attrs

from asyncflow.display.characters import printable
from asyncflow.display.graph import Box, Graph
from asyncflow.display.text import table


@attrs.frozen(kw_only=True)
class ShownVersion:
    """A version of a data node.

    :param key: tells it from all others
    :param node: the id of the data node's config
    :param at: when it was written, in seconds since the epoch
    :param job: the key of the job that wrote it; None for a write by hand
    :param editor: who wrote by hand, as far as that was told
    :param comment: what was said about it, or ``""``
    :param is_current: whether nobody has written since
    :param is_kept: whether it can still be read
    """

    key: str
    node: str
    at: float
    job: str | None = None
    editor: str | None = None
    comment: str = ""
    is_current: bool = True
    is_kept: bool = True


@attrs.frozen(kw_only=True)
class ShownWriter:
    """A job that wrote versions.

    :param key: its id
    :param task: the id of its task's config
    :param run: the id of its submission
    :param reads: the keys of the versions that it read
    :param given: the data nodes whose values its run was given
    :param unknown: the data nodes that it read of which the version is not known
    """

    key: str
    task: str
    run: str
    reads: Sequence[str] = ()
    given: Sequence[str] = ()
    unknown: Sequence[str] = ()


@attrs.frozen(kw_only=True)
class Lineage:
    """Versions, and what wrote them.

    :param versions: each after what it was made from
    :param writers: the jobs, by their keys
    """

    versions: Sequence[ShownVersion]
    writers: Mapping[str, ShownWriter]


def graph(lineage: Lineage) -> Graph:
    """Return the graph of versions and what wrote them."""
    made = _Made()

    for version in lineage.versions:
        made.box(_version(version))

    for version in lineage.versions:
        source = lineage.writers.get(version.job or "")

        if source is None:
            made.lead(
                _lost(version.job) if version.job else _editor(version), version.key
            )
            continue

        made.lead(_job(source), version.key)

        for key in source.reads:
            made.edge(key, f"job {source.key}")

        for name in source.given:
            made.lead(_given(name, source.run), f"job {source.key}")

        for name in source.unknown:
            made.lead(_unknown(name, source.key), f"job {source.key}")

    return Graph(boxes=made.boxes, edges=sorted(made.edges))


def text(lineage: Lineage) -> str:
    """Write a line for each version: when it was written, by what, and from what."""
    names = {version.key: version.node for version in lineage.versions}
    return table(
        [_cells(version, lineage.writers, names) for version in lineage.versions]
    )


@attrs.define(eq=False)
class _Made:
    boxes: list[Box] = attrs.field(factory=list)
    edges: set[tuple[int, int]] = attrs.field(factory=set)
    _places: dict[str, int] = attrs.field(factory=dict)

    def box(self, box: Box) -> None:
        if self._places.setdefault(box.id, len(self.boxes)) == len(self.boxes):
            self.boxes.append(box)

    def lead(self, source: Box, target: str) -> None:
        """Have a box lead to another one."""
        self.box(source)
        self.edge(source.id, target)

    def edge(self, source: str, target: str) -> None:
        if source in self._places and target in self._places:
            self.edges.add((self._places[source], self._places[target]))


def _version(version: ShownVersion) -> Box:
    when = date(version.at)
    return Box(
        id=version.key,
        label=version.node,
        kind="data_node",
        note=when if version.is_current else f"old, {when}",
        like=version.node,
    )


def _job(writer: ShownWriter) -> Box:
    return Box(
        id=f"job {writer.key}", label=writer.task, note=writer.run, like=writer.task
    )


def _lost(job: str) -> Box:
    return Box(id=f"job {job}", label=job, note="its run is not kept", like="job")


def _editor(version: ShownVersion) -> Box:
    editor = version.editor or "by hand"
    said = version.comment
    return Box(
        id=f"editor {editor} {said}",
        label=editor if version.editor or not said else said,
        kind="editor",
        note=said if version.editor else "",
        like="editor",
    )


def _given(name: str, run: str) -> Box:
    return Box(
        id=f"given {name} {run}",
        label=name,
        kind="data_node",
        note="given to the run",
        like=name,
    )


def _unknown(name: str, job: str) -> Box:
    return Box(
        id=f"unknown {name} {job}",
        label=name,
        kind="data_node",
        note="version not known",
        like=name,
    )


def _cells(
    version: ShownVersion, writers: Mapping[str, ShownWriter], names: Mapping[str, str]
) -> tuple[str, str, str, str]:
    writer = writers.get(version.job or "")

    if writer is not None:
        sources = [names[key] for key in writer.reads if key in names]
        sources += [f"{name} (given)" for name in writer.given]
        sources += [f"{name} (?)" for name in writer.unknown]
        by, read = writer.key, f"← {', '.join(sources)}" if sources else ""
    elif version.job is not None:
        by, read = version.job, ""
    else:
        parts = (version.editor or "by hand", version.comment)
        by, read = ": ".join(filter(None, parts)), ""

    state = "" if version.is_current else ", replaced since"
    state += "" if version.is_kept else ", not kept"
    return (
        printable(version.node),
        f"{date(version.at)}{state}",
        printable(f"← {by}"),
        printable(read),
    )


def date(seconds: float) -> str:
    """Write a time to the second, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
