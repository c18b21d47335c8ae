"""What a worker has as its main script: what travelled with its jobs."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

from asyncflow.worker import main
from asyncflow.worker.main import Names, install


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Names:
    """Make the main script of this process that of a worker."""
    made = Names("/app/script.py", str(tmp_path / "copy"), {"host": 1})
    monkeypatch.setattr(main, "here", made)
    return made


def test_it_has_what_a_function_came_with_until_the_next(names: Names) -> None:
    names.show({"rate": 1, "Point": int})
    assert (names.main.rate, names.is_shown("rate")) == (1, True)

    names.show({"rate": 2})

    assert names.main.rate == 2
    assert "Point" not in names.content
    assert not names.is_shown("Point")


def test_what_came_with_a_value_stays_and_gives_way_to_a_function(names: Names) -> None:
    names.show({"rate": 1})
    names.keep("rate", 5)
    names.keep("Point", int)
    assert (names.main.rate, names.main.Point) == (1, int)

    names.show({"Point": str})
    assert (names.main.rate, names.main.Point) == (5, str)

    names.show({})
    assert (names.main.rate, names.main.Point) == (5, int)


def test_what_has_not_travelled_is_named_in_the_error(names: Names) -> None:
    names.is_ours = True

    with pytest.raises(AttributeError, match=r"'rate'.*name it in the task's function"):
        _ = names.main.rate

    assert "worker process" in repr(names.main)
    assert names.content["__file__"] == "/app/script.py"


def test_only_calls_of_the_host_see_what_its_script_has(names: Names) -> None:
    assert names.asked_for("host") == 1
    assert names.asked_for("other") is None
    assert names.asked_for("__wrapped__") is None
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(names.asked_for("host")))
    thread.start()
    thread.join()
    assert found == [None]

    names.is_ours = True
    assert names.asked_for("host") is None


def test_the_script_is_run_once_when_the_host_asks(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import pathlib\nname = __name__\npathlib.Path('ran').touch()\n")
    names = Names(str(script), str(tmp_path / "copy"))

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert names.asked_for("name") == "__mp_main__"
        (tmp_path / "ran").unlink()
        assert names.asked_for("name") == "__mp_main__"

    assert not (tmp_path / "ran").exists()


def test_a_process_is_given_the_main_of_a_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ModuleType("__main__")
    monkeypatch.setattr(before, "host", 7, raising=False)
    monkeypatch.setitem(sys.modules, "__main__", before)
    monkeypatch.setattr(main, "here", None)
    monkeypatch.chdir(tmp_path)

    install("script.py", str(tmp_path / "copy"))

    made = sys.modules["__main__"]
    assert isinstance(made, main.Main)
    assert made.__file__ == str(tmp_path / "script.py")
    assert made.host == 7
