from __future__ import annotations

from pathlib import Path

from tests.support.command import answer, call


def test_a_page_of_the_newest_run(folder: Path) -> None:
    told = call("report").stderr
    assert told.startswith("run.html is written: SUBMISSION_")
    page = (folder / "run.html").read_text()
    assert "no such rows" in page
    assert "about to fail" in page
    made = answer("report")
    assert made["file"] == str(folder / "run.html")
    printed = call("report", "-o", "-").stdout
    assert printed.startswith("<!")
    assert "no such rows" in printed
    assert not (folder / "-").exists()
    assert "leave out --json" in call("report", "-o", "-", "--json", code=2).output
    assert "names no file" in call("report", "-o", "", code=2).output
    refused = call("report", "-o", "no/such/folder.html", code=2).output
    assert "cannot be written" in refused


def test_a_folder_that_is_missing_is_named(folder: Path) -> None:
    told = call("report", "-o", "pages/run.html", code=2).output
    assert f"there is no folder {folder / 'pages'}: make it" in told
    drawn = call("graph", "last", "-o", "pages/run.svg", code=2).output
    assert "there is no folder" in drawn
