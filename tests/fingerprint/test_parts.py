"""What functions and classes consist of."""

from __future__ import annotations

import abc
import enum
import functools
import sys
import types
from collections.abc import Callable

import pytest

from asyncflow.fingerprint.fingerprint import Fingerprint, fingerprint
from asyncflow.fingerprint.own_modules import AllModules
from asyncflow.fingerprint.parts import (
    Global,
    Hint,
    Members,
    module_of,
    parts_of_class,
    parts_of_function,
    parts_of_members,
)
from tests.support.own_code import Load


@pytest.mark.parametrize(
    "steps",
    [
        "import own_utils\ndef f(x):\n    return own_utils.rate(x)",
        "import own_utils as u\ndef f(x):\n    return u.rate(x)",
        "from own_utils import rate\ndef f(x):\n    return rate(x)",
        "from own_utils import *\ndef f(x):\n    return rate(x)",
        "def f(x):\n    import own_utils\n    return own_utils.rate(x)",
        "def f(x):\n    from own_utils import rate\n    return rate(x)",
        "import own_utils\nf = own_utils.rate",
    ],
)
@pytest.mark.parametrize("in_main", [False, True])
def test_helpers_in_other_modules_count(
    load: Load, steps: str, in_main: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {
        "own_utils": "from own_deeper import deeper\ndef rate(x):\n    return deeper(x)",
        "own_deeper": "# {0}\ndef deeper(x):\n    return x + {0}",
    }

    def made(nb: int) -> Fingerprint:
        deeper = texts["own_deeper"].format(nb)
        module = load(
            "own_steps", **{**texts, "own_deeper": deeper, "own_steps": steps}
        )

        if in_main:
            monkeypatch.setitem(vars(module), "__name__", "__main__")

        return fingerprint(module.f)

    first, second = made(1), made(22)
    assert first.text == made(1).text
    assert not first.unknown
    reason = second.difference(first.text, "t")
    named = (
        "own_deeper"
        if "    import" in steps or "    from" in steps
        else "own_deeper.deeper"
    )
    assert reason == f"`{named}` changed, which it uses"


def test_parts_of_a_package_count(load: Load) -> None:
    steps = "from . import utils\nfrom .more import deep\ndef f(x):\n    return utils.rate(deep.DEEP)"
    inner = "def f(x):\n    from .utils import rate\n    return rate(x)"

    for text in (steps, inner):
        prints = [
            fingerprint(
                load(
                    "own_package.steps",
                    own_package__init="",
                    own_package__steps=text,
                    own_package__utils=f"def rate(x):\n    return {nb}",
                    own_package__more="from . import deeper as deep",
                    own_package__deeper=f"DEEP = {nb % 2}",
                ).f
            )
            for nb in (1, 3, 3)
        ]
        assert prints[0].text != prints[1].text == prints[2].text


def test_two_functions_of_one_name_are_told_apart(load: Load) -> None:
    text = "one = lambda: {}\nother = lambda: {}\ndef f():\n    return one() - other()"
    first = fingerprint(load("own_two", own_two=text.format(1, 2)).f).text
    second = fingerprint(load("own_two", own_two=text.format(2, 1)).f).text
    assert first != second


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


def parts_of(function: Callable[..., object], *, own: bool = True) -> list[object]:
    return list(parts_of_function(function, {__name__} if own else ()))  # type: ignore[arg-type]  # it is one


LIMIT = 5


def limited(nb: int = 1, *, b: int = 2, a: int = 3) -> int:
    return helper(nb) + LIMIT + sys.maxsize


def helper(nb: int) -> int:
    return nb


def test_a_function_consists_of_what_it_says_and_names() -> None:
    parts = parts_of(limited)
    assert parts[:4] == ["limited", limited.__code__, (1,), {"a": 3, "b": 2}]
    assert Global(vars(sys.modules[__name__]), "LIMIT") in parts
    assert helper in parts
    assert sys in parts
    assert any(isinstance(one, Hint) for one in parts)


def test_what_an_installed_function_names_is_no_part_of_it() -> None:
    assert helper not in parts_of(limited, own=False)


def test_a_closure_and_attributes_are_parts() -> None:
    factor = 3

    def inner() -> int:
        return factor

    vars(inner).update(b=1, a=2)
    parts = parts_of(inner)
    cells = [one for one in parts if isinstance(one, types.CellType)]
    assert [cell.cell_contents for cell in cells] == [3]
    at = parts.index("a")
    assert parts[at : at + 4] == ["a", 2, "b", 1]


def test_a_dispatcher_consists_of_what_it_picks_from() -> None:
    @functools.singledispatch
    def shown(value: object) -> str:
        return "?"

    @shown.register
    def of_int(value: int) -> str:
        return "int"

    parts = parts_of(shown)
    assert parts[1] == "singledispatch"
    assert parts[2:] == [int, of_int, object, shown.registry[object]]


def test_a_class_consists_of_what_is_in_it_by_name() -> None:
    class Step:
        """A step."""

        size = 1

        def go(self) -> int:
            return self.size

    parts = list(parts_of_class(Step))
    assert parts[:2] == [Step.__qualname__, (object,)]
    assert parts[2:] == ["go", vars(Step)["go"], "size", 1]


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self) -> int: ...


def test_an_abstract_class_consists_of_what_is_registered_with_it() -> None:
    class Square: ...

    class Circle: ...

    before = list(parts_of_class(Shape))
    Shape.register(Square)
    Shape.register(Circle)
    after = list(parts_of_class(Shape))
    assert [one for one in after if one not in before] == [
        "registered",
        Circle,
        "registered",
        Square,
    ]


def test_an_enum_consists_of_its_members() -> None:
    class Kind(enum.Enum):
        A = 1
        B = 2
        C = 1  # noqa: PIE796  # an alias

        def shown(self) -> str:
            return self.name

    parts = list(parts_of_class(Kind))
    assert parts[3:12] == ["A", "A", 1, "B", "B", 2, "C", "A", 1]
    assert vars(Kind)["shown"] in parts


def test_the_members_of_a_module_that_are_there() -> None:
    module = sys.modules[__name__]
    members = Members(module, frozenset({"helper", "LIMIT", "nowhere", "__spec__"}))
    content = vars(module)
    assert list(parts_of_members(members, AllModules())) == [
        *("LIMIT", Global(content, "LIMIT")),
        *("helper", helper),
    ]


def test_the_module_of_a_function_is_where_its_globals_are() -> None:
    def moved() -> None: ...

    moved.__module__ = "elsewhere"
    assert isinstance(moved, types.FunctionType)
    assert module_of(moved) == __name__
