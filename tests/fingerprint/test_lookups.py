"""What a function looks up by a text."""

from __future__ import annotations

import math
import sys
import types
from typing import Any

import pytest

from asyncflow.bytecode import Imported
from asyncflow.fingerprint.fingerprint import fingerprint
from asyncflow.fingerprint.lookups import asked_by, compared
from tests.support.own_code import Load

BY_TEXT = {
    "import": "import importlib\ndef f(): return importlib.import_module('own_other').h()",
    "import of a global": "import importlib\nNAME = 'own_other'\ndef f(): return importlib.import_module(NAME).h()",
    "dunder import": "def f(): return __import__('own_other').h()",
    "getattr": "import own_other\ndef f(name='h'): return getattr(own_other, name)()",
    "vars": "import own_other\ndef f(): return vars(own_other)['h']()",
    "modules": "import sys, own_other\ndef f(): return sys.modules['own_other'].h()",
    "globals": "from own_other import h\ndef f(): return globals()['h']()",
    "annotation": "from __future__ import annotations\nfrom own_other import A\ndef f(x: A): return x.go()",
    "getattr of a module": "import own_other\ndef f(): return own_other.made",
    "patched": "import math, own_other\nmath.floor = own_other.h\ndef f(): return math.floor(1)",
}


@pytest.mark.parametrize("name", BY_TEXT)
def test_what_is_looked_up_by_a_text_counts(
    load: Load, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("math.floor", math.floor)
    other = "def h(): return {0}\nclass A:\n    def go(self): return {0}\ndef __getattr__(name): return {0}"
    made = [
        fingerprint(
            load("own_text", own_text=BY_TEXT[name], own_other=other.format(nb)).f
        )
        for nb in (1, 1, 2)
    ]
    assert not made[0].unknown
    assert made[0].text == made[1].text != made[2].text


def test_an_import_that_no_text_names_is_unknown(load: Load) -> None:
    text = "import importlib\ndef f(name): return importlib.import_module(name)"
    made = fingerprint(load("own_dynamic", own_dynamic=text).f)
    why = "an import of a name that is made when it runs, which cannot be compared"
    assert made.unknown == f"`own_dynamic.f` is or holds {why}"


def function_of(text: str, **content: object) -> types.FunctionType:
    exec(text, content)
    found: Any = content["f"]
    assert isinstance(found, types.FunctionType)
    return found


def test_who_asks_for_nothing_by_a_text_asks_for_its_names() -> None:
    asked = asked_by(function_of("def f(x): return len(x.shown), 'own'", own=1))
    assert asked.names == {"len", "shown"}
    assert not asked.is_by_text
    assert (asked.modules, asked.imports, asked.is_unknown) == ((), (), False)


def test_a_text_may_be_the_name_of_a_global() -> None:
    text = "def f(): return globals()['chosen']"
    asked = asked_by(function_of(text, other=1, _private=2))
    assert {"globals", "chosen", "other"} <= asked.names
    assert "_private" not in asked.names


def test_a_text_may_be_a_module_that_is_loaded() -> None:
    asked = asked_by(function_of("def f(): return sys.modules['json'], 'x'", sys=sys))
    assert asked.modules == ("json",)
    assert asked.is_by_text
    assert asked.imports == ()


def test_a_text_may_be_imported() -> None:
    text = "def f(): return import_module('.a.b'), import_module(NAME), 'no name!'"
    asked = asked_by(function_of(text, NAME="c"))
    assert asked.imports == (Imported("a.b", 1, ()), Imported("c", 0, ()))
    assert not asked.is_unknown
    assert asked_by(function_of("def f(n): return __import__(n)")).is_unknown


def test_what_an_edit_of_a_module_may_change() -> None:
    content: dict[str, object] = {
        "number": 1,
        "listed": [1],
        "function": compared,
        "Class": type,
        "module": sys,
        "made": object(),
        "_private": 1,
    }
    plain = {"number", "function", "Class"}
    assert compared(content) == {*plain, "listed"}
    assert compared(content, ()) == plain
