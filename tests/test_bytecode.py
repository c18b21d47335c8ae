"""What byte code does, without where it stands."""

from __future__ import annotations

import sys
import types

import pytest

from asyncflow.bytecode import (
    Imported,
    compiled,
    imported_by,
    imports_of,
    modules_of,
    names_of,
    parts_of_code,
    plain_bytes,
    texts_of,
)


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


@pytest.mark.parametrize(
    ("imported", "names"),
    [
        (Imported("a", 0, ()), ["a"]),
        (Imported("a.b", 0, ("c", "d")), ["a.b", "a.b.c", "a.b.d"]),
        (Imported("utils", 1, ()), ["own.package.utils"]),
        (Imported("", 1, ("utils",)), ["own.package", "own.package.utils"]),
        (Imported("utils", 2, ()), ["own.utils"]),
        (Imported("json", 0, ("dumps",)), []),
        (Imported("os.path", 0, ()), []),
    ],
)
def test_what_a_statement_may_import(imported: Imported, names: list[str]) -> None:
    assert list(modules_of(imported, "own.package")) == names


@pytest.mark.parametrize(
    ("name", "path", "package"),
    [("own.a", "own/a.py", "own"), ("own.a", "own/a/__init__.py", "own.a")],
)
def test_a_package_imports_from_itself(name: str, path: str, package: str) -> None:
    code = code_of("import json\nfrom . import b")
    assert [*imported_by(code, name, path)] == [package, f"{package}.b"]


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
