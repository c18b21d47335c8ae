"""The pictures of the documentation, as `docs/pictures/make.py` has made them."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.docs.pages import PAGES, ROOT

PICTURES = sorted((ROOT / "docs/pictures").glob("*.svg"))


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.stem)
def test_a_picture_is_valid_and_for_dark_and_light_pages(picture: object) -> None:
    text = (ROOT / str(picture)).read_text("utf-8")
    tags = {element.tag for element in ElementTree.fromstring(text).iter()}  # our own
    assert not any("script" in tag or "image" in tag for tag in tags)
    assert "prefers-color-scheme:dark" in text


def test_each_picture_is_on_a_page() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    files = [*PICTURES, *(ROOT / "docs/pictures").glob("*.png")]
    assert len(files) == 12
    assert [file.name for file in files if f"pictures/{file.name})" not in text] == []
