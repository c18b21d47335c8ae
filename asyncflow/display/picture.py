"""A picture of a graph or of a run, in the form that one asks for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from os import PathLike
from pathlib import Path

import attrs

from asyncflow.display import gantt as _gantt
from asyncflow.display import gantt_text as _gantt_text
from asyncflow.display import lineage as _lineage
from asyncflow.display import mermaid as _mermaid
from asyncflow.display import svg as _svg
from asyncflow.display import text as _text
from asyncflow.display.folding import folded
from asyncflow.display.graph import Graph
from asyncflow.display.lineage import Lineage
from asyncflow.display.timeline import Timeline


class Picture(ABC):
    """Something to be drawn: as SVG, as Mermaid, as text. A notebook shows it as it is."""

    __slots__ = ()

    @abstractmethod
    def svg(self, *, is_styled: bool = True) -> str:
        """Draw it as SVG: without scripts, for dark and for light pages.

        :param is_styled: whether it brings its colours; a page may have them once
        """

    @abstractmethod
    def mermaid(self) -> str:
        """Write it as Mermaid, for wikis and Markdown."""

    @abstractmethod
    def text(self) -> str:
        """Write it as lines of text."""

    def save(self, path: str | PathLike[str]) -> Path:
        """Write it to a file; its suffix tells the form: .svg, .mmd (or .mermaid), .txt.

        Blocks for a moment.

        :return: the file
        :raises ValueError: where the suffix is another one
        :raises OSError: where it cannot be written
        """
        file = Path(path).expanduser()
        forms = {
            ".svg": self.svg,
            ".mmd": self.mermaid,
            ".mermaid": self.mermaid,
            ".txt": self.text,
        }

        if file.suffix.lower() not in forms:
            known = ", ".join(forms)
            raise ValueError(f"{file} ends with none of {known}: name the form so")

        file.write_text(forms[file.suffix.lower()](), encoding="utf-8")
        return file

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        return self.text().rstrip("\n") or "<an empty picture>"


@attrs.frozen(repr=False)
class DagPicture(Picture):
    """A graph of tasks and data nodes, to be drawn.

    In one of more than 300 boxes those that are alike are drawn as one.

    :param graph: what is drawn
    :param title: what it is called
    """

    graph: Graph
    title: str = ""

    def svg(self, *, is_styled: bool = True) -> str:
        """Draw it as SVG: without scripts, for dark and for light pages.

        :param is_styled: whether it brings its colours; a page may have them once
        """
        return _svg.svg(folded(self.graph), title=self.title, is_styled=is_styled)

    def mermaid(self) -> str:
        """Write it as a Mermaid flowchart."""
        return _mermaid.mermaid(folded(self.graph))

    def text(self) -> str:
        """Write a line for each task: its step, what it reads, its name, what it writes."""
        return _text.text(self.graph)

    def __repr__(self) -> str:
        return self.text().rstrip("\n") or "<a graph without tasks>"


@attrs.frozen(repr=False)
class GanttPicture(Picture):
    """When the jobs of a run waited and ran, to be drawn.

    Long times in which nothing ran are folded. In one of more than 200 jobs those of one
    function have one row.

    :param timeline: what is drawn
    :param title: what it is called
    """

    timeline: Timeline
    title: str = ""

    def svg(self, *, is_styled: bool = True) -> str:
        """Draw it as SVG: without scripts, for dark and for light pages.

        :param is_styled: whether it brings its colours; a page may have them once
        """
        return _gantt.svg(self.timeline, title=self.title, is_styled=is_styled)

    def mermaid(self) -> str:
        """Write it as a Mermaid Gantt chart."""
        return _gantt_text.mermaid(self.timeline, title=self.title)

    def text(self) -> str:
        """Write a line for each job, or kind of job: its status, when it waited and ran,
        and for how long.
        """
        return _gantt_text.text(self.timeline)

    def __repr__(self) -> str:
        return self.text().rstrip("\n") or "<a run without jobs>"


@attrs.frozen(repr=False)
class LineagePicture(Picture):
    """Where the values of data nodes come from, to be drawn.

    In one of more than 300 boxes those that are alike are drawn as one.

    :param lineage: what is drawn
    :param title: what it is called
    """

    lineage: Lineage
    title: str = ""

    def svg(self, *, is_styled: bool = True) -> str:
        """Draw it as SVG: without scripts, for dark and for light pages.

        :param is_styled: whether it brings its colours; a page may have them once
        """
        graph = folded(_lineage.graph(self.lineage))
        return _svg.svg(graph, title=self.title, is_styled=is_styled)

    def mermaid(self) -> str:
        """Write it as a Mermaid flowchart."""
        graph = folded(_lineage.graph(self.lineage))
        return _mermaid.mermaid(graph, has_notes=True)

    def text(self) -> str:
        """Write a line for each version: when it was written, by what, and from what."""
        return _lineage.text(self.lineage)

    def __repr__(self) -> str:
        return self.text().rstrip("\n") or "<no value was written>"
