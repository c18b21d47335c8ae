"""What byte code does, without where it stands."""

from __future__ import annotations

import sys
import types

import pytest

from asyncflow.fingerprint.bytecode import (
    Imported,
    compiled,
    imports_of,
    names_of,
    parts_of_code,
    plain_bytes,
    texts_of,
)
from asyncflow.fingerprint.fingerprint import fingerprint
from tests.support.own_code import Load

TRY = """
def check(y):
    raise ValueError(y)
def f(x):
    try:
        y = int(x)
{inside}    except ValueError:
        return -1
{outside}    return y
"""


def test_what_an_exception_table_covers_counts(load: Load) -> None:
    def fingerprint_of(**lines: str) -> str:
        return fingerprint(load("own_try", own_try=TRY.format(**lines)).f).text

    inside = fingerprint_of(inside="        check(y)\n", outside="")
    outside = fingerprint_of(inside="", outside="    else:\n        check(y)\n")
    assert inside != outside


def test_docstrings_do_not_count_unless_they_are_asked_for(load: Load) -> None:
    text = 'def helper(x):\n    "{0}"\n    return x\ndef f(x):\n    "{0}"\n    return helper(x){1}'

    def made(*words: str) -> str:
        return fingerprint(load("own_doc", own_doc=text.format(*words)).f).text

    assert made("one", "") == made("two", "")
    assert made("one", ", f.__doc__") != made("two", ", f.__doc__")


def test_lines_do_not_count_in_a_class_of_a_function(load: Load) -> None:
    text = "def f():\n    class Local:\n        def g(self):\n            self.a = self.b = 1\n    return Local"

    def made(lines: int) -> str:
        return fingerprint(load("own_class", own_class="\n" * lines + text).f).text

    assert made(0) == made(10)


def code_of(text: str) -> types.CodeType:
    code = compiled(text.encode(), "<text>")
    assert code is not None
    return code


def function_of(text: str) -> types.CodeType:
    """Return the code of the only function of a text."""
    (code,) = [c for c in code_of(text).co_consts if isinstance(c, types.CodeType)]
    return code


def parts(text: str) -> list[object]:
    return list(parts_of_code(function_of(text)))


def test_where_code_stands_is_no_part_of_it() -> None:
    text = "def f(x, y=1):\n    z = x + 1\n    return z"
    assert parts(text) == parts(f"# moved\n\n\n{text}")
    for other in ("z = x + 2", "z = y + 1", "z = x - 1"):
        assert parts(text) != parts(text.replace("z = x + 1", other))


def test_a_docstring_is_a_part_of_code_that_asks_for_one() -> None:
    plain = "def f(x):\n    '{}'\n    return x"
    asking = "def f(x):\n    '{}'\n    return x.__doc__"
    assert parts(plain.format("one")) == parts(plain.format("two"))
    assert parts(asking.format("one")) != parts(asking.format("two"))
    # A text that is returned is none.
    returned = "def f():\n    return '{}'"
    assert parts(returned.format("one")) != parts(returned.format("two"))


@pytest.mark.smoke
def test_a_docstring_that_is_used_as_a_text_is_a_part_of_code() -> None:
    """Python keeps one constant for both."""
    text = "def f():\n    '{0}'\n    return '{0}'"
    assert parts(text.format("one")) != parts(text.format("two"))


def body_of(text: str) -> list[object]:
    """Return the parts of a class body, without the functions in it."""
    *others, consts = parts(text)
    assert isinstance(consts, tuple)
    return [*others, *(one for one in consts if type(one) is not types.CodeType)]


CLASS = """\
class A:
    x = {}
    def g(self):
        self.a = self.b = 1
"""


@pytest.mark.smoke
@pytest.mark.parametrize("value", [1, 2, 301, 1000])
@pytest.mark.parametrize("lines", [1, 300])
def test_a_class_body_does_not_say_where_it_is(value: int, lines: int) -> None:
    """Its line may be one and the same constant as a value in it."""
    text = CLASS.format(value)
    moved = "\n" * lines + text
    assert body_of(text) == body_of(moved)
    assert body_of(text) != body_of("\n" * lines + CLASS.format(value + lines))


NESTED = """
def f(x):
    def g():
        return [other.shown for other in x if other in {"a", ("b", "c")}]
    class A:
        text = "d"
    return g, A, len
"""


def test_names_and_texts_of_what_is_inside_count() -> None:
    code = function_of(NESTED)
    assert {"other", "shown"} & names_of(code) == {"shown"}  # a local is no name
    assert {"len", "text"} <= names_of(code)
    assert {"a", "b", "c", "d"} <= texts_of(code)


IMPORTS = """
import a
import a.b as c
from .d import e, f as g
from .. import h
def later():
    from i.j import *
    def deeper():
        import k
"""


def test_imports_of_what_is_inside_count() -> None:
    found = list(imports_of(code_of(IMPORTS.replace("import *", "import l"))))
    assert found == [
        Imported("a", 0, ()),
        Imported("a.b", 0, ()),
        Imported("d", 1, ("e", "f")),
        Imported("", 2, ("h",)),
        Imported("i.j", 0, ("l",)),
        Imported("k", 0, ()),
    ]
    assert list(imports_of(code_of("x = __import__('a')"))) == []


def test_an_import_behind_many_names_is_found() -> None:
    """Its arguments then take more than a byte."""
    names = "".join(f"n{index} = {index + 1000}\n" for index in range(300))
    (found,) = imports_of(code_of(f"{names}from far.away import there"))
    assert found == Imported("far.away", 0, ("there",))


@pytest.mark.parametrize("text", [b"def f(:", b"x = '\xff'", b"x = '\0'"])
def test_what_is_no_python_has_no_code(text: bytes) -> None:
    assert compiled(text, "<text>") is None


def test_plain_values_of_one_content_are_the_same_bytes() -> None:
    text = "ab" * 20
    same = sys.intern(text)
    assert plain_bytes((text, text)) == plain_bytes((same, "".join(list(text))))
    assert plain_bytes(1) != plain_bytes(True)
    assert plain_bytes(1.0) != plain_bytes(1)
    assert plain_bytes(0.0) != plain_bytes(-0.0)
