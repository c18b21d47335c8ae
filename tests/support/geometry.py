"""Where the parts of an SVG stand: read from the SVG itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree

from asyncflow.display.characters import width

SVG = "{http://www.w3.org/2000/svg}"


class Box(NamedTuple):
    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def meets(self, other: Box) -> bool:
        return (
            self.left < other.right - 0.15
            and other.left < self.right - 0.15
            and self.top < other.bottom - 0.15
            and other.top < self.bottom - 0.15
        )

    def holds(self, other: Box) -> bool:
        return (
            self.left <= other.left + 0.15
            and self.top <= other.top + 0.15
            and other.right <= self.right + 0.15
            and other.bottom <= self.bottom + 0.15
        )


def rectangles(picture: str) -> dict[str, list[Box]]:
    """Return its rectangles, by their class."""
    found: dict[str, list[Box]] = {}

    for element in ElementTree.fromstring(picture).iter(f"{SVG}rect"):
        place = [float(element.get(name, 0)) for name in ("x", "y", "width", "height")]
        found.setdefault(element.get("class", "").split()[0], []).append(Box(*place))

    return found


def labels(picture: str) -> list[Box]:
    """Return the room that its texts take, about."""
    return [*_labels(picture)]


def _labels(picture: str) -> Iterator[Box]:
    for element in ElementTree.fromstring(picture).iter(f"{SVG}text"):
        size = float(element.get("font-size", 0))
        wide = width(element.text or "", size)
        left = float(element.get("x", 0))

        if element.get("text-anchor") == "middle":
            left -= wide / 2

        if wide:
            yield Box(left, float(element.get("y", 0)) - 0.75 * size, wide, 0.95 * size)


def check_apart(picture: str) -> None:
    """Look whether its labels and boxes are apart, or in each other, and all in it."""
    tree = ElementTree.fromstring(picture)
    whole = Box(0, 0, float(tree.get("width", 0)), float(tree.get("height", 0)))
    found = rectangles(picture)
    backs = found.pop("af-back", []) + found.pop("af-fold", [])
    boxes = [box for some in found.values() for box in some]
    texts = labels(picture)

    for box in (*backs, *boxes, *texts):
        assert whole.holds(box), box

    for one, other in _neighbours(boxes):
        assert not one.meets(other) or one.holds(other) or other.holds(one), (
            one,
            other,
        )

    for one, other in _neighbours(texts):
        assert not one.meets(other), (one, other)

    kinds = {id(text) for text in texts}

    for one, other in _neighbours([*boxes, *texts]):
        if (id(one) in kinds) != (id(other) in kinds):
            text, box = (one, other) if id(one) in kinds else (other, one)
            assert not box.meets(text) or box.holds(text), (box, text)


def _neighbours(boxes: list[Box]) -> Iterator[tuple[Box, Box]]:
    """Give the pairs that may meet, as they share a stripe."""
    stripes: dict[int, list[Box]] = {}

    for box in boxes:
        for stripe in range(int(box.top // 40), int(box.bottom // 40) + 1):
            stripes.setdefault(stripe, []).append(box)

    for some in stripes.values():
        some.sort(key=lambda box: box.left)
        open_: list[Box] = []

        for box in some:
            open_ = [one for one in open_ if one.right > box.left]
            yield from ((one, box) for one in open_)
            open_.append(box)
