"""Make the pictures of the documentation, from real runs: ``python docs/pictures/make.py``.

The screenshots need Chromium (``chromium`` on the path); without it they stay as they are.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from asyncflow import Config, Orchestrator, Retry, Scope, Submission
from asyncflow.display.svg import opening

HERE = Path(__file__).parent
BROWSER = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]


def clean(rows: list[int]) -> list[int]:
    time.sleep(0.3)
    print(f"{len(rows)} rows")
    return rows


def train(rows: list[int], rate: int) -> int:
    time.sleep(0.2 + sum(rows) % 7 / 10 + rate / 10)
    return sum(rows) * rate


def choose(*models: int) -> int:
    time.sleep(0.15)
    return max(models)


def publish(model: int) -> str:
    time.sleep(0.25)
    raise ConnectionError(f"the server refuses model {model}")


def forecast() -> None:
    """Declare a scenario: three models of sales, the best of them published."""
    node = Config.configure_data_node
    sales = node("sales", default_data=[3, 1, 4, 1, 5])
    rates = [
        node(f"rate_{at}", default_data=at, scope=Scope.GLOBAL) for at in (1, 3, 2)
    ]
    rows, best = node("rows"), node("best")
    models = [node(f"model_{at}") for at in "abc"]
    tasks = [
        Config.configure_task("clean", clean, sales, rows),
        *(
            Config.configure_task(f"train_{model.id[-1]}", train, [rows, rate], model)
            for model, rate in zip(models, rates, strict=True)
        ),
        Config.configure_task("choose", choose, models, best),
        Config.configure_task(
            "publish",
            publish,
            best,
            node("receipt"),
            retry=Retry(attempts=3, wait=0.1),
        ),
    ]
    Config.configure_scenario("forecast", tasks)
    Config.configure_job_executions(mode="standalone", max_nb_of_workers=2)


async def draw() -> None:
    """Run it, and keep its pictures."""
    async with Orchestrator(store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(Config.scenarios["forecast"])
        run = await scenario.submit().wait()
        (HERE / "run.svg").write_text(both(run), "utf-8")
        run.dag().save(HERE / "dag.svg")
        run.gantt().save(HERE / "gantt.svg")
        await scenario.sales.write([2, 7], editor_id="ann", comment="June")
        (await scenario.lineage()).save(HERE / "lineage.svg")

        with TemporaryDirectory() as folder:
            page = await run.report(Path(folder) / "run.html")
            photograph(page, HERE / "report.png", height=1150)


def both(run: Submission) -> str:
    """Return the graph of a run above its times, as one picture."""
    parts = [picture.svg(is_styled=False) for picture in (run.dag(), run.gantt())]
    sizes = [
        [float(size) for size in re.findall(r'(?:width|height)="([\d.]+)"', part)[:2]]
        for part in parts
    ]
    wide = max(size[0] for size in sizes)
    high = sum(size[1] for size in sizes)
    title = "A run: its graph, and when each job waited and ran"
    left = (wide - sizes[0][0]) / 2
    dag = parts[0].replace("<svg ", f'<svg x="{left:.0f}" ', 1)
    gantt = parts[1].replace("<svg ", f'<svg y="{sizes[0][1]:.0f}" ', 1)
    return f"{opening(wide, high, title, is_styled=True)}{dag}{gantt}</svg>"


CELLS = (
    (
        "orchestrator = await Orchestrator(store=':memory:').open()\n"
        "scenario = await orchestrator.create_scenario('forecast')\nscenario"
    ),
    "run = scenario.submit()\nrun",
    "run.jobs",
    "run.jobs[-1]",
    "scenario.best",
)
"""The cells of the notebook that is photographed."""

PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ font: 13px system-ui, sans-serif; margin: 1.5rem; background: #fff; color: #222 }}
.source {{ background: #f4f6f9; border: 1px solid #d9dee5; padding: .5rem; margin: 1rem 0 }}
table {{ border-collapse: collapse; margin: .5rem 0; font-size: 12px }}
th, td {{ text-align: left; padding: .3rem .6rem }} tr:nth-child(even) {{ background: #f7f7f7 }}
</style>{}"""


def execute(folder: Path) -> Path:
    """Run the cells in a kernel; return a page of what a notebook shows of them."""
    import nbclient  # of the tests' extra
    import nbformat

    begin = (
        f"import sys; sys.path.insert(0, {str(HERE)!r})\nimport make; make.forecast()\n"
    )
    begin += "from asyncflow import Config, Orchestrator\n"
    end = "\nimport asyncio; from asyncflow.entities.notebook import _shown\n"
    end += "await asyncio.gather(*_shown)"
    made = [nbformat.v4.new_code_cell(begin)]
    made += [
        nbformat.v4.new_code_cell(
            f"{source.rpartition(chr(10))[0]}\ndisplay({source.rpartition(chr(10))[2]}){end}"
        )
        for source in CELLS
    ]
    made.append(nbformat.v4.new_code_cell("await orchestrator.close()"))
    notebook = nbformat.v4.new_notebook(cells=made)
    client = nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3")
    client.execute(cwd=str(folder))
    parts = []

    for source, cell in zip(CELLS, notebook.cells[1:-1], strict=True):
        pages = [output.get("data", {}).get("text/html") for output in cell.outputs]
        parts += [f'<pre class="source">{source}</pre>', *filter(None, pages)]

    page = folder / "notebook.html"
    shown = "".join(parts).replace(f"{HERE}/", "")
    page.write_text(PAGE.format(shown), "utf-8")
    return page


def photograph(page: Path, to: Path, *, height: int) -> None:
    """Keep what a browser shows of a page."""
    browser = shutil.which("chromium")

    if browser is None:
        print(f"{to.name} stays: there is no chromium on the path", file=sys.stderr)
        return

    with TemporaryDirectory() as folder:
        subprocess.run(
            [
                browser,
                *BROWSER,
                f"--user-data-dir={folder}",
                f"--window-size=1320,{height}",
                f"--screenshot={to}",
                page.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


def main() -> None:
    """Make all of them."""
    forecast()
    anyio.run(draw)

    with TemporaryDirectory() as folder:
        photograph(execute(Path(folder)), HERE / "notebook.png", height=2150)


if __name__ == "__main__":
    main()
