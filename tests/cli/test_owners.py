from __future__ import annotations

from pathlib import Path

from asyncflow.cli.owners import advice, driver_of, is_left, orchestrators
from asyncflow.cli.records import reader
from asyncflow.options import Page
from tests.support.command import call, running


def test_a_run_whose_process_was_killed_is_told_to_be_left(folder: Path) -> None:
    with running(folder) as process:
        with reader(None) as store:
            (run,) = store.listed("submission", {}, "date", Page(True, 1))
            assert [one.pid for one in orchestrators(store)] == [process.pid]
            assert not is_left(store, run)

        assert f"process {process.pid} of " in call("show", "last").stdout
        assert "nobody" not in call("list").stderr
        process.kill()
        process.wait()

        with reader(None) as store:
            assert driver_of(store, run) is None
            assert is_left(store, run)

    shown = " ".join(call("show", "last").stdout.split())
    assert advice(run.id).replace(", ", " ") in shown
    assert f"`asyncflow retry {run.id}`" in shown
    told = call("list").stderr
    assert "nobody drives these any more" in told
    assert run.id in told
    assert "`asyncflow retry ID`" in told
    call("cancel", "last")
