"""The pages in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.conftest import IN_A_BROWSER

pytestmark = [
    *IN_A_BROWSER,
    pytest.mark.limit(120),
    pytest.mark.may_leave("process", reason="the server of the module has workers"),
]


HIDDEN = "hidden/a/b"
"""Where a proxy has the pages that takes a part of the address away."""


@pytest.fixture
def page(
    request: pytest.FixtureRequest, browser: Browser, server: str
) -> Iterator[Page]:
    place = getattr(request, "param", HIDDEN)
    context = browser.new_context(base_url=f"{server}/{place}/")
    context.set_default_timeout(20_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def start(page: Page, number: int) -> None:
    """Make a scenario with a number, and submit it."""
    page.goto("scenarios/create?config=calculation")
    page.get_by_label("number").fill(str(number))
    page.get_by_role("button", name="Create").click()
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("SUBMISSION_")


@pytest.mark.parametrize("page", ["a/b", HIDDEN], indirect=True)
def test_a_run_is_seen_as_it_goes(page: Page) -> None:
    start(page, 20)  # for 4 s: the browser may be slow to come to the page
    page.evaluate("window.same = true")
    row = page.get_by_role("row", name="wait")
    expect(row).to_contain_text("RUNNING")
    expect(row.locator("progress")).to_be_visible()
    expect(page.locator("#head")).to_contain_text("COMPLETED of")
    expect(row).to_contain_text("COMPLETED")
    expect(page.locator("#values-list")).to_contain_text("waited")
    assert page.evaluate("window.same"), "the page was loaded again"

    page.locator("tbody").get_by_role("link", name="double", exact=True).click()
    expect(page.locator("#log")).to_contain_text("doubling <b> 20")


def test_a_log_is_followed_and_its_job_cancelled(page: Page) -> None:
    start(page, 100)
    page.locator("tbody").get_by_role("link", name="wait", exact=True).click()
    page.evaluate("window.same = true")
    expect(page.locator("#log")).to_contain_text("step 3")
    assert page.evaluate("window.same"), "the page was loaded again"

    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("main")).to_contain_text("CANCELED in run")
    expect(page.locator("main")).to_contain_text("cancelled by web")
    killed = page.get_by_role("region", name="Where it was killed")
    expect(killed).to_contain_text("in wait")

    page.locator("main").get_by_role("link", name="SUBMISSION_").click()
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("main")).to_contain_text("the new run")
    page.get_by_role("button", name="Cancel").first.click()
    expect(page.locator("#head")).to_contain_text("CANCELED of")


def test_what_is_cancelled_is_canceling_until_it_is_dead(page: Page) -> None:
    page.goto("scenarios/create?config=resistance")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("button", name="Submit").click()
    page.locator("tbody").get_by_role("link", name="resist", exact=True).click()
    expect(page.locator("#log")).to_contain_text("resisting")
    page.get_by_role("link", name="Where it is now").click()
    expect(page.locator("pre.error")).to_contain_text("in resist")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#stage")).to_contain_text("CANCELING")
    page.locator("main").get_by_role("link", name="SUBMISSION_").click()
    expect(page.locator("tbody")).to_contain_text("CANCELING")
    expect(page.locator("#head")).to_contain_text("CANCELED of")
    page.locator("tbody").get_by_role("link", name="resist", exact=True).click()
    expect(page.locator("#log")).to_contain_text("not yet")
    expect(page.locator("main")).to_contain_text("cancelled by web")


def test_a_run_is_paused_and_goes_on(page: Page) -> None:
    page.goto("scenarios/create?config=steps")
    page.get_by_label("number").fill("40")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("button", name="Submit").click()
    first, second = (page.get_by_role("row", name=name) for name in ("first", "second"))
    expect(first).to_contain_text("RUNNING")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#head")).to_contain_text("It is paused")
    page.evaluate("window.same = true")
    expect(first).to_contain_text("COMPLETED")
    expect(second).to_contain_text("PENDING")
    assert page.evaluate("window.same"), "the page was loaded again"
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#head")).to_contain_text("COMPLETED of")
    expect(second).to_contain_text("COMPLETED")
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)


def test_a_worker_tells_where_it_is(page: Page) -> None:
    start(page, 30)
    job = page.locator("tbody").get_by_role("link", name="wait", exact=True)
    job_id = (job.get_attribute("href") or "").rpartition("/")[2]
    expect(page.locator(f"#row-{job_id}")).to_contain_text("RUNNING")
    page.goto("system")
    row = page.get_by_role("row", name=job_id)
    row.get_by_role("link", name="Stack of process").click()
    expect(page.locator("pre.error").filter(has_text="in wait")).to_be_visible()
    page.get_by_role("row", name=job_id).get_by_role("link", name=job_id).click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("main")).to_contain_text("CANCELED in run")


def test_columns_are_told_of_by_a_click(page: Page) -> None:
    page.goto("scenarios/create?config=calculation")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("link", name="number", exact=True).click()
    expect(page.get_by_role("link", name="Statistics")).to_have_count(0)
    page.get_by_label("New value").fill("3")
    page.go_back()
    page.get_by_role("link", name="waited", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("waited")
    place = page.url.partition("?")[0]
    value = {"value": [{"price": 3, "town": "Oslo"}, {"price": 5, "town": None}]}
    node = place.rpartition("/")[2]
    assert page.request.put(f"api/data-nodes/{node}/value", data=value).ok
    page.goto(place)
    page.get_by_role("link", name="Statistics of the columns").click()
    row = page.get_by_role("row", name="price").last
    expect(row).to_contain_text("4.0")
    expect(page.get_by_role("row", name="town").last).to_contain_text("Oslo")


def test_a_picture_is_made_larger(page: Page) -> None:
    page.goto("scenarios")
    page.locator("tbody a").first.click()
    picture = page.locator("#dag svg")  # asked itself, it waits for the next page
    width = "picture => picture.getBoundingClientRect().width"
    before = picture.evaluate(width)
    page.get_by_role("button", name="Larger").first.click()
    assert picture.evaluate(width) == pytest.approx(before * 1.25, rel=0.01)


def test_a_value_is_changed_and_scenarios_compared(page: Page) -> None:
    page.goto("scenarios/create?config=calculation")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("link", name="number", exact=True).click()
    page.get_by_label("New value").fill("12")
    page.get_by_label("Comment").fill("a dozen")
    page.get_by_role("button", name="Write").click()
    expect(page.get_by_role("status")).to_contain_text("it is written")
    expect(page.get_by_role("row", name="a dozen")).to_be_visible()

    page.goto("scenarios")
    page.get_by_role("checkbox", name="Compare").nth(0).check()
    page.get_by_role("checkbox", name="Compare").nth(1).check()
    page.get_by_role("button", name="Compare two").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare")


def test_the_list_of_runs_is_live(page: Page) -> None:
    page.goto("")
    count = page.get_by_role("row").count()
    context = page.context
    other = context.new_page()
    start(other, 1)
    other.close()
    expect(page.get_by_role("row")).to_have_count(count + 1)


def test_pages_work_without_scripts(
    browser: Browser, server: str, tmp_path: Path
) -> None:
    context = browser.new_context(
        base_url=f"{server}/{HIDDEN}/", java_script_enabled=False
    )
    page = context.new_page()
    start(page, 1)

    for _ in range(100):
        if "COMPLETED of" in page.locator("#head").inner_text():
            break

        page.reload()

    expect(page.locator("#head")).to_contain_text("COMPLETED of")
    context.close()


@pytest.mark.parametrize("width", [360, 800, 1400])
def test_pages_fit_on_every_screen(browser: Browser, server: str, width: int) -> None:
    context = browser.new_context(
        base_url=f"{server}/a/b/", viewport={"width": width, "height": 800}
    )
    page = context.new_page()

    for place in ("runs", "scenarios", "system", "scenarios/create?config=calculation"):
        page.goto(place)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, place

        unlabelled = page.evaluate(
            """[...document.querySelectorAll("main input, main select")].filter(
                (field) => field.type !== "hidden" && !field.labels?.length
                    && !field.ariaLabel).length"""
        )
        assert unlabelled == 0, place

    page.goto("runs")
    page.locator("tbody a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("SUBMISSION_")
    page.reload()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("body").press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    context.close()
