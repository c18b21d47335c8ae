"""A script with faults finds all as if it had been started alone."""

from __future__ import annotations

from pathlib import Path

from asyncflow.testing import Faults, run_program


def test_a_program_is_run_as_if_it_were_started_alone(tmp_path: Path) -> None:
    script = tmp_path / "scripts" / "script.py"
    script.parent.mkdir()
    (script.parent / "beside.py").write_text("NAME = 'beside'")
    script.write_text(
        "import os, sys, beside, tests.support.flows\n"
        "print(__name__, sys.argv, sys.path[0], os.getcwd(), os.environ['MORE'])\n"
        "print(sys.modules['__main__'].__file__, file=sys.stderr)\n"
        "sys.exit(3)"
    )

    for faults in (None, Faults()):
        ran = run_program(
            script,
            "an argument",
            folder=tmp_path,
            faults=faults,
            environment={"MORE": "more"},
        )
        facts = ["__main__", [str(script), "an argument"], script.parent, tmp_path]
        assert ran.stdout.split("\n")[0] == " ".join(map(str, [*facts, "more"]))
        assert ran.stderr == f"{script}\n"
        assert ran.returncode == 3


def test_a_script_that_fails_is_seen_with_its_traceback(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("def work():\n    raise ValueError('no')\n\nwork()\n")
    ran = run_program(script, folder=tmp_path, faults=Faults())
    assert ran.returncode == 1
    assert f'{script}", line 2, in work' in ran.stderr
    assert ran.stderr.endswith("ValueError: no\n")
