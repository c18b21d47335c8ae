from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.command import FLOWS, SLOW, answer, call, spawned
from tests.support.terminal import terminal


@pytest.mark.smoke
def test_a_run_tells_what_became_of_it(folder: Path) -> None:
    done = answer("run", "flows:sales", "--set", "year=2026", "--name", "second")
    assert done["status"] == "COMPLETED"
    assert [(job["task"], job["status"]) for job in done["jobs"]] == [
        ("extract", "COMPLETED"),
        ("total", "COMPLETED"),
    ]
    assert done["counts"] == {"COMPLETED": 2}
    assert call("logs").stdout == "[extract] extracting 2026\n[total] adding\n"
    assert answer("list")[0]["name"] == "second"


def test_a_run_in_a_process_of_its_own_with_workers(folder: Path) -> None:
    arguments = ("flows.py:bad", "--mode", "standalone", "--workers", "1")
    ran = spawned("run", *arguments, "--set", "year=text", folder=folder)
    assert ran.returncode == 1
    assert "extracting text\nabout to fail\n" in ran.stdout
    assert "1 COMPLETED, 1 FAILED" in ran.stdout
    (run,) = answer("list", "-n", "1")
    assert f"asyncflow show {run['id']}  has the tracebacks" in ran.stderr
    assert f"asyncflow retry {run['id']} -m flows.py  runs again" in ran.stderr


def test_a_run_that_takes_too_long_fails(folder: Path) -> None:
    (folder / "slow.py").write_text(SLOW)
    ran = spawned("run", "slow", "--timeout", "0.5", "--quiet", folder=folder)
    assert ran.returncode == 1
    assert "FAILED" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("flows",),
            "declares several scenarios: write flows:NAME, with one of sales, bad",
        ),
        (("flows:salse",), "did you mean 'sales'?"),
        (("nothing:x",), "there is no module 'nothing'"),
        (("nothing.py",), "there is no file nothing.py"),
        (("flows:sales", "--set", "yeah=1"), "it has year, rows, result"),
        (("flows:sales", "--set", "year"), "write --set year=VALUE"),
        (("flows:sales", "--mode", "magic"), "magic"),
        (("flows:sales", "--timeout", "nan"), "nan is no number of seconds"),
        (("flows:sales", "--timeout", "inf"), "inf is no number of seconds"),
        (("",), "'' names no module: give MODULE:SCENARIO"),
        ((":",), "'' names no module"),
        ((".",), "'.' names no module"),
    ],
)
def test_a_mistake_is_told_and_nothing_runs(
    folder: Path, arguments: tuple[str, ...], words: str
) -> None:
    assert words in call("run", *arguments, code=2).output
    assert len(answer("list")) == 2


def test_what_lacks_data_is_not_run(folder: Path) -> None:
    (folder / "flows.py").write_text(FLOWS.replace(", default_data=2025", ""))
    told = call("run", "flows:sales", code=2).output
    assert "data node 'year' was never written" in told
    assert "--set year=VALUE" in told
    assert len(answer("list")) == 2
    assert answer("plan", "flows:sales")[0]["reads"] == {"year": "(never written)"}


def test_a_module_that_fails_is_shown(folder: Path) -> None:
    (folder / "flows.py").write_text(FLOWS + "\n1 / 0\n")
    assert "ZeroDivisionError" in call("run", "flows", code=2).output
    (folder / "flows.py").write_text("import nowhere_to_be_found")
    assert "install what it needs" in call("run", "flows", code=2).output


@pytest.mark.parametrize(("columns", "then"), [(40, 200), (200, 40)])
def test_ctrl_c_in_a_terminal_ends_a_run(
    tmp_path: Path, columns: int, then: int
) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    arguments = ("-m", "asyncflow", "run", "slow:slow")

    with terminal(*arguments, folder=tmp_path) as screen:
        screen.resize(columns)
        screen.until("step 3")
        screen.until(r"\d%")
        screen.resize(then)
        screen.until("step 9")
        screen.press_ctrl_c()
        assert screen.ended() == 130

    assert re.search(
        r"interrupted: .asyncflow retry SUBMISSION_\w+ -m slow", screen.text
    )
    assert "Traceback" not in screen.text
