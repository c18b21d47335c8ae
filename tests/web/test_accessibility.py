"""The pages for those who see little, or use no mouse, or have a screen read to them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.conftest import IN_A_BROWSER

pytestmark = [
    *IN_A_BROWSER,
    pytest.mark.limit(120),
    pytest.mark.may_leave("process", reason="the server of the module has workers"),
]

LEAST = 4.5
"""The contrast that WCAG 2 (AA) asks for of texts: of colours as they are computed."""

CONTRAST = """() => {
  const channel = (part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([red, green, blue]) => 0.2126 * channel(red / 255)
    + 0.7152 * channel(green / 255) + 0.0722 * channel(blue / 255);
  const solid = (colour) => {
    const found = colour === "none" ? [0, 0, 0, 0] : numbers(colour);
    return found.length === 4 && found[3] < 1 ? null : found;
  };

  function behind(element, box) {
    if (element instanceof SVGElement) {
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];

      for (const shape of document.elementsFromPoint(x, y)) {
        if (shape instanceof SVGGeometryElement) {
          const fill = solid(getComputedStyle(shape).fill);
          if (fill) return fill;
        }
      }
    }

    for (let at = element; at; at = at.parentElement) {
      const fill = solid(getComputedStyle(at).backgroundColor);
      if (fill) return fill;
    }

    return [255, 255, 255];
  }

  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];

  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (element.closest("title, option, datalist, .skip")) continue;
    element.scrollIntoView({ block: "center", inline: "center" });
    const style = getComputedStyle(element);
    const colour = element instanceof SVGElement ? style.fill : style.color;
    const pair = [light(numbers(colour)), light(behind(element, element.getBoundingClientRect()))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    found.push([ratio, walker.currentNode.data.trim().slice(0, 40), colour]);
  }

  return found;
}"""

FOCUS = """() => {
  const wanted = "a[href], button, input:not([type=hidden]), select, summary, [tabindex='0']";
  window.stops = () => [...document.querySelectorAll(wanted)].filter((one) => one.checkVisibility());
  return window.stops().length;
}"""

PLACE = """() => {
  const at = document.activeElement;
  const style = getComputedStyle(at);
  return [window.stops().indexOf(at), style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
}"""

UNNAMED = """() => {
  const named = (one) => one.labels?.length || one.ariaLabel || one.textContent.trim();
  return [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select")]
    .filter((one) => !named(one)).map((one) => one.outerHTML);
}"""


@pytest.fixture
def page(
    request: pytest.FixtureRequest, browser: Browser, server: str
) -> Iterator[Page]:
    scheme: Literal["light", "dark"] = getattr(request, "param", "dark")
    context = browser.new_context(base_url=f"{server}/a/b/", color_scheme=scheme)
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def places(page: Page) -> list[str]:
    """Return one page of each kind, of a run that has ended."""
    page.goto("scenarios")
    scenario = page.locator("tbody td a").first.get_attribute("href")
    page.goto("runs")
    run = page.locator("tbody a").first.get_attribute("href")
    assert scenario is not None
    assert run is not None
    page.goto(run)
    expect(page.locator("#head")).to_contain_text("COMPLETED of", timeout=20_000)
    page.reload()
    job = page.locator("tbody a").first.get_attribute("href")
    node = page.locator("#values-list a").first.get_attribute("href")
    assert job is not None
    assert node is not None
    more = [part.removeprefix("../") for part in (job, node)]
    return [
        *("runs", "scenarios", "system?days=1&stacks=1", "compare", "runs/nothing"),
        "scenarios/create?config=calculation",
        *(scenario, f"{scenario}/lineage", run, *more),
    ]


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_texts_stand_out_from_what_is_behind_them(page: Page) -> None:
    for place in places(page):
        page.goto(place)
        found: list[Any] = page.evaluate(CONTRAST)
        assert len(found) > 5, place
        faint = [text for text in found if text[0] < LEAST]
        assert faint == [], place


def test_the_tab_key_reaches_all_in_the_order_of_the_page(page: Page) -> None:
    for place in places(page):
        page.goto(place)
        count = page.evaluate(FOCUS)
        reached: list[int] = []

        for _ in range(4 * count + 20):
            page.keyboard.press("Tab")
            number, is_seen = page.evaluate(PLACE)

            if number < 0 or (reached and number == reached[-1]):
                continue  # a scrolled part, or another part of the same field

            if reached and number <= reached[0]:
                break

            assert is_seen, (place, number)
            reached.append(number)

            if number == count - 1:
                break

        assert reached == [*range(count)], place


def test_all_has_a_name_and_a_place_that_screen_readers_tell(page: Page) -> None:
    for place in places(page):
        page.goto(place)
        assert page.evaluate(UNNAMED) == [], place

        for landmark in ("main", "navigation", "banner"):
            assert page.get_by_role(landmark).count() >= 1, (place, landmark)

        assert page.get_by_role("heading", level=1).count() == 1, place
        headings = page.evaluate(
            "[...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))"
        )
        steps = pairwise(headings)
        assert all(after <= before + 1 for before, after in steps), place
        assert page.evaluate("document.documentElement.lang") == "en"
