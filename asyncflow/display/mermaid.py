"""A picture of a graph as Mermaid, for what draws that: wikis, Markdown."""

from __future__ import annotations

from asyncflow.display.characters import printable
from asyncflow.display.graph import Box, Graph
from asyncflow.display.signs import leading, sign_of

_SHAPES = {"task": ("[", "]"), "data_node": ("([", "])"), "editor": ("{{", "}}")}


def mermaid(graph: Graph, *, has_notes: bool = False) -> str:
    """Write a graph as a Mermaid flowchart, from left to right.

    :param has_notes: whether the notes of boxes are written, too
    """
    lines = ["flowchart LR"]

    for place, box in enumerate(graph.boxes):
        begin, end = _SHAPES[box.kind]
        lines.append(f'    n{place}{begin}"{_label(box, has_notes=has_notes)}"{end}')

    lines += [f"    n{source} --> n{target}" for source, target in sorted(graph.edges)]
    return "\n".join(lines) + "\n"


def _label(box: Box, *, has_notes: bool) -> str:
    text = box.named(box.label)

    if has_notes and box.note:
        text = f"{text}, {box.note}"

    if box.statuses:
        text = f"{sign_of(leading(box.statuses))[0]} {text}"

    return safe(text)


def safe(text: str) -> str:
    """Return a text as it stands for nothing but itself, in one line."""
    return "".join(map(_safe, printable(text)))


def _safe(character: str) -> str:
    """Return a character as it stands for nothing but itself."""
    if character.isalnum() or character in " _.-":
        return character

    return f"#{ord(character)};"
