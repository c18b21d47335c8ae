from __future__ import annotations

from pathlib import Path

from tests.support.command import FLOWS, answer, call
from tests.support.terminal import terminal


def test_a_job_again_with_what_it_read(folder: Path) -> None:
    again = call("replay", "JOB_total", "-m", "flows")
    assert again.stdout == "adding\n2030\n"
    assert "rows = [2025, 2, 3]" in again.stderr
    failed = call("replay", "JOB_broken", "-m", "flows", code=1)
    assert "ValueError: no such rows" in failed.stderr
    assert "replay_command.py" not in failed.stderr
    assert len(answer("list", "jobs")) == 4  # nothing was written


def test_the_module_has_to_be_given(folder: Path) -> None:
    told = call("replay", "JOB_total", code=2).output
    assert "the code that declares 'total'" in told
    assert "\n  asyncflow replay JOB_total -m flows.py\n" in told


def test_json_has_what_it_read_and_returned(folder: Path) -> None:
    again = answer("replay", "JOB_total", "-m", "flows")
    assert again.pop("duration") >= 0
    assert again == {
        "id": answer("show", "JOB_total")["id"],
        "reads": {"rows": "[2025, 2, 3]"},
        "returned": "2030",
        "traceback": "",
    }
    failed = answer("replay", "JOB_broken", "-m", "flows", code=1)
    assert failed["returned"] is None
    assert failed["traceback"].endswith("ValueError: no such rows")


def test_the_function_of_today_is_called(folder: Path) -> None:
    mended = FLOWS.replace("def broken", "async def broken").replace(
        'raise ValueError("no such rows")', "return len(rows) * 1000 * 'x'"
    )
    (folder / "flows.py").write_text(mended)
    shown = call("replay", "JOB_broken", "-m", "flows").stdout
    assert shown.endswith("x… (3002 characters)\n")


def test_the_debugger_stands_where_it_raises(folder: Path) -> None:
    arguments = ("-m", "asyncflow", "replay", "JOB_broken", "-m", "flows", "--pdb")

    with terminal(*arguments, folder=folder) as screen:
        screen.until(r"\(Pdb\) ")
        screen.type("p rows\n")
        screen.until(r"\[2025, 2, 3\]\s+\(Pdb\) ")
        screen.type("q\n")
        assert screen.ended() == 1
