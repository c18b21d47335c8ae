"""Make the screenshots of the web pages, from real runs: ``python docs/pictures/pages.py``.

It needs Chromium (``chromium`` on the path), playwright and uvicorn. Each page is taken at
three widths into the folder that is given; without one, those of the documentation are
made anew.
"""

from __future__ import annotations

import shutil
import socket
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import uvicorn
from make import BROWSER, forecast
from playwright.async_api import Browser, async_playwright
from starlette.applications import Starlette
from starlette.routing import Mount

from asyncflow import Orchestrator, Scenario
from asyncflow.web import dashboard

HERE = Path(__file__).parent
WIDTHS = (360, 800, 1280)
SHOWN = {
    name: f"pages-{name}.png"
    for name in ("run", "runs", "job", "scenario", "data-node", "system")
}
"""The pages that the documentation shows, and the files of their pictures."""


async def main(folder: Path | None) -> None:
    """Run some scenarios, and take pictures of what the pages show of them."""
    forecast()

    with TemporaryDirectory() as place:
        async with Orchestrator(store=Path(place) / "runs.db") as orchestrator:
            places = await _made(orchestrator)
            pages = dashboard(orchestrator, title="forecasts")
            app = Starlette(routes=[Mount("/", pages)])
            server = uvicorn.Server(uvicorn.Config(app, log_level="error"))

            with socket.create_server(("127.0.0.1", 0)) as taken:
                port = taken.getsockname()[1]

                async with anyio.create_task_group() as group:
                    group.start_soon(server.serve, [taken])
                    await _taken(f"http://127.0.0.1:{port}/", places, folder)
                    server.should_exit = True


async def _made(orchestrator: Orchestrator) -> dict[str, str]:
    """Make runs; return the pages to be shown, by their names."""
    made: list[Scenario] = []

    for name in ("January", "February", "March"):
        scenario = await orchestrator.create_scenario("forecast", name=name)
        await scenario.add_tag("2026")
        await scenario.submit().wait()
        made.append(scenario)

    await made[0].sales.write([2, 7, 1, 8], editor_id="ada", comment="late orders")
    last = made[0].submit()
    await last.wait()
    failed = next(job for job in last.jobs if job.status == "FAILED")
    return {
        "runs": "runs",
        "run": f"runs/{last.id}",
        "job": f"jobs/{failed.id}",
        "scenarios": "scenarios",
        "scenario": f"scenarios/{made[0].id}",
        "lineage": f"scenarios/{made[0].id}/lineage",
        "data-node": f"data-nodes/{made[0].sales.id}",
        "create": "scenarios/create?config=forecast",
        "compare": f"compare?id={made[0].id}&id={made[1].id}",
        "system": "system?days=1",
    }


async def _taken(base: str, places: dict[str, str], folder: Path | None) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=BROWSER
        )

        if folder is None:
            for name, file in SHOWN.items():
                await _shot(browser, base + places[name], 1280, HERE / file)

            return

        for width in WIDTHS:
            for name, place in places.items():
                file = folder / f"{name}-{width}.png"
                await _shot(browser, base + place, width, file)


async def _shot(browser: Browser, url: str, width: int, file: Path) -> None:
    page = await browser.new_page(viewport={"width": width, "height": 800})
    await page.goto(url)
    await page.screenshot(path=file, full_page=True)
    await page.close()


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]) if len(sys.argv) > 1 else None)
