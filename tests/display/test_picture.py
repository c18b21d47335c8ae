"""A picture in the form that one asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from asyncflow.display.graph import Box, Graph
from asyncflow.display.picture import DagPicture


@pytest.fixture
def picture() -> DagPicture:
    boxes = [Box(id="a", label="a", kind="data_node"), Box(id="b", label="b")]
    return DagPicture(Graph(boxes=boxes, edges=[(0, 1)]), "my scenario")


@pytest.mark.parametrize(
    ("suffix", "begin"),
    [
        (".svg", "<svg "),
        (".SVG", "<svg "),
        (".mmd", "flowchart"),
        (".txt", "1  b  a →"),
    ],
)
def test_the_suffix_tells_the_form(
    picture: DagPicture, tmp_path: Path, suffix: str, begin: str
) -> None:
    file = picture.save(tmp_path / f"dag{suffix}")
    assert file.read_text(encoding="utf-8").startswith(begin)


def test_a_file_of_the_home_folder(
    picture: DagPicture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert picture.save("~/dag.svg") == tmp_path / "dag.svg"


def test_another_suffix_is_refused(picture: DagPicture, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"dag\.pdf ends with none of \.svg, \.mmd"):
        picture.save(tmp_path / "dag.pdf")

    assert not [*tmp_path.iterdir()]


def test_a_notebook_shows_it_and_a_prompt_writes_it(picture: DagPicture) -> None:
    assert picture._repr_svg_() == picture.svg()
    assert "<title>my scenario</title>" in picture.svg()
    assert repr(picture) == "1  b  a →"


def test_nothing_is_told_as_such() -> None:
    assert repr(DagPicture(Graph(boxes=(), edges=()))) == "<a graph without tasks>"
