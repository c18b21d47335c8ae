"""Modules that functions import when they run: what is in their files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from asyncflow.fingerprint import sources
from asyncflow.fingerprint.description import Description
from asyncflow.fingerprint.fingerprint import fingerprint
from asyncflow.fingerprint.parts import Source
from asyncflow.fingerprint.sources import describe_source
from tests.support.own_code import Load


def test_a_module_that_is_imported_by_a_function_is_not_imported_for_this(
    load: Load,
) -> None:
    steps = "def f(x):\n    import own_late\n    return own_late.g(x)"
    module = load("own_steps", own_steps=steps, own_late="def g(x):\n    return 1\n")

    before = fingerprint(module.f)
    assert "own_late" not in sys.modules
    module.f(1)
    assert "own_late" in sys.modules
    assert fingerprint(module.f).text == before.text


def described(name: str) -> Description:
    one = Description(name)
    describe_source(one, Source(name))
    return one


def test_a_file_says_what_it_does_and_imports(load: Load) -> None:
    text = "import own_deeper, json\nfrom . import x\ndef g(): return {0}"
    files = {"own_deeper": "", "own_package__init": ""}

    def made(text: str) -> Description:
        load("own_deeper", own_package__late=text, **files)
        return described("own_package.late")

    one = made(text.format(1))
    assert one.refers_to == [
        Source("own_deeper"),
        Source("own_package"),
        Source("own_package.x"),
    ]
    assert made("# moved\n\n" + text.format(1)).digest == one.digest
    assert made(text.format(2_000)).digest != one.digest


def test_a_file_that_is_no_python_counts_as_it_is(load: Load) -> None:
    load("own_main", own_main="", own_late="def (:")
    one = described("own_late")
    assert one.digest
    assert one.refers_to == []
    load("own_main", own_main="", own_late="def (:  # more")
    assert described("own_late").digest != one.digest


@pytest.mark.parametrize(
    "name", ["own_nowhere", "sys", "attrs", "json", "asyncflow.ids"]
)
def test_what_is_not_the_users_has_no_description(name: str) -> None:
    for _ in range(2):  # it is remembered
        one = described(name)
        assert (one.digest, one.refers_to, one.unknown) == (b"", [], "")


def test_a_file_that_cannot_be_read_is_unknown(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load("own_gone", own_gone="")
    assert module.__file__ is not None
    Path(module.__file__).unlink()
    why = "a file that cannot be read (No such file or directory)"
    assert described("own_gone").unknown == why


def test_so_many_files_are_remembered(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "KEPT", 2)
    monkeypatch.setattr(sources, "_known", {})
    names = [f"own_m{index}" for index in range(4)]
    load("own_m0", **dict.fromkeys(names, "x = 1"))
    assert len({described(name).digest for name in names}) == 4
    assert [os.path.basename(str(key[0])) for key in sources._known] == [
        "own_m2.py",
        "own_m3.py",
    ]


def test_a_file_with_the_date_and_the_size_of_another_is_another(
    load: Load, tmp_path: Path
) -> None:
    text = "def g(): return {0}"
    load("own_main", own_main="", own_late=text.format(1))
    one = described("own_late")
    path, other = tmp_path / "own_late.py", tmp_path / "other.py"
    other.write_text(text.format(2))
    date = path.stat().st_mtime_ns
    os.utime(other, ns=(date, date))
    other.replace(path)
    assert path.stat().st_mtime_ns == date
    assert described("own_late").digest != one.digest
