"""Fingerprints: what changes them, and what does not, here and at the next start."""

from __future__ import annotations

import importlib
import math
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from asyncflow.fingerprint import description
from asyncflow.fingerprint.fingerprint import Fingerprint, fingerprint
from tests.support.programs import ROOT

Load = Callable[..., types.ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Write modules to a folder of the user's, and import one of them anew."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(main: str, **texts: str) -> types.ModuleType:
        for name in [name for name in sys.modules if name.startswith("own_")]:
            monkeypatch.delitem(sys.modules, name)

        for name, text in texts.items():
            path = tmp_path / f"{name.replace('__', '/')}.py"
            path = path.with_name("__init__.py") if path.stem == "init" else path
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            path.with_suffix(".pyc").unlink(missing_ok=True)

        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        importlib.invalidate_caches()
        module = importlib.import_module(main)

        for name in [name for name in sys.modules if name.startswith("own_")]:
            monkeypatch.setitem(sys.modules, name, sys.modules.pop(name))

        return module

    return make


WRAPPED = """
import dataclasses, enum, functools, re
from typing import NewType

@functools.cache
def cached(x):
    return 1001
@functools.lru_cache(maxsize=1002)
def lru(x):
    return 1003
@functools.singledispatch
def single(x):
    return 1004
@single.register
def _(x: int):
    return 1005
def helper(x, *, by=1006):
    return x
part = functools.partial(helper, by=1007)
def retried(times):
    def wrap(function):
        @functools.wraps(function)
        def call(*args):
            for _ in range(times):
                return function(*args)
        return call
    return wrap
@retried(1008)
def decorated(x):
    return 1009
def extended(cls):
    class Extended(cls):
        def more(self):
            return 1010
    return Extended
@extended
class Model:
    def fit(self):
        return 1011
class Base:
    def inherited(self):
        return 1012
class Child(Base):
    @property
    def shown(self):
        return 1013
    @staticmethod
    def plain():
        return 1014
    @classmethod
    def of(cls):
        return 1015
    @functools.cached_property
    def late(self):
        return 1016
    half = functools.partialmethod(fit_half := lambda self, by: by, 1017)
    @functools.singledispatchmethod
    def go(self, x):
        return 1018
class Callable:
    def __init__(self, function):
        self.function = function
    def __call__(self, x):
        return self.function(x) + 1019
called = Callable(lambda x: x + 1020)
@dataclasses.dataclass
class Step:
    function: object
    size: int = 1021
step = Step(lambda x: x + 1022)
class Kind(enum.Enum):
    A = 1023
    def shown(self):
        return 1024
TABLE = {"a": [lambda: 1025], "b": {cached, lambda: 1026}}
def attributed():
    return attributed.limit
attributed.limit = 1027
PATTERN = re.compile("1028")
def outer():
    def inner():
        return {"one": 1029}
    return inner
class Slots:
    __slots__ = ("a",)
    def __init__(self):
        self.a = 1030
SLOTS = Slots()
Name = NewType("Name", int)

def f(x):
    return [
        cached, lru, single, part, decorated, Model, Child, called, step, Kind, TABLE,
        attributed, PATTERN, outer, SLOTS, Name,
    ]
"""


@pytest.mark.smoke
def test_what_it_uses_counts_however_it_is_wrapped(load: Load) -> None:
    def fingerprint_of(text: str) -> str:
        return fingerprint(load("own_steps", own_steps=text).f).text

    texts = [WRAPPED.replace(str(nb), str(nb + 1000)) for nb in range(1001, 1031)]
    texts.append(WRAPPED.replace('NewType("Name", int)', 'NewType("Name", str)'))
    found = {fingerprint_of(text) for text in texts}

    assert len(found) == len(texts) == 31
    assert fingerprint_of(WRAPPED) not in found
    assert fingerprint_of(WRAPPED) == fingerprint_of("# moved\n\n" + WRAPPED)


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


def test_two_functions_of_one_name_are_told_apart(load: Load) -> None:
    text = "one = lambda: {}\nother = lambda: {}\ndef f():\n    return one() - other()"
    first = fingerprint(load("own_two", own_two=text.format(1, 2)).f).text
    second = fingerprint(load("own_two", own_two=text.format(2, 1)).f).text
    assert first != second


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


def test_what_is_installed_counts_by_its_name() -> None:
    import attrs

    def f() -> object:
        return attrs.define, pytest.fixture, os.path.join

    assert list(fingerprint(f).parts.values()) == [fingerprint(f).name]


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


def test_what_cannot_be_compared_is_named(load: Load) -> None:
    text = "import socket\nCLIENT = socket.socket()\nCLIENT.close()\ndef f():\n    return CLIENT"
    made = fingerprint(load("own_socket", own_socket=text).f)
    why = "`own_socket.CLIENT` is or holds a socket.socket, which cannot be compared"
    assert made.unknown == made.difference(made.text, "t") == why


def test_what_is_too_large_is_named(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(description, "MOST_BYTES", 1000)
    module = load("own_large", own_large="DATA = 'x' * 1001\ndef f():\n    return DATA")
    assert "`own_large.DATA` is or holds too much (" in fingerprint(module.f).unknown

    monkeypatch.setattr(description, "MOST_PARTS", 100)
    module = load("own_large", own_large="DATA = [[]] * 101\ndef f():\n    return DATA")
    assert "`own_large.DATA` is or holds too much (" in fingerprint(module.f).unknown


def test_circles_and_depths_end(load: Load) -> None:
    text = """
class Node:
    pass
ring = Node()
other = Node()
ring.friends = {other}
other.friends = {ring}
circle = []
circle.append(circle)
deep = None
for _ in range(5000):
    deep = [deep]
def f():
    return ring, circle, deep
"""
    made = fingerprint(load("own_circle", own_circle=text).f)
    assert not made.unknown
    assert made.text == fingerprint(load("own_circle", own_circle=text).f).text


def test_a_fingerprint_of_another_version_says_so() -> None:
    made = fingerprint(len)
    assert made.difference("f" * 32, "t") == "Python or asyncflow was updated"
    assert made.difference(made.text, "t") == ""


STARTS = """
import abc, collections, dataclasses, enum, functools, logging, operator, pathlib, re, threading, typing
from typing import *
import attrs
try:
    import numpy, pydantic
except ImportError:
    numpy = pydantic = None
from asyncflow.fingerprint.fingerprint import fingerprint

class Kind(enum.Enum):
    A = "a"
    B = "b"
class Flag(enum.IntFlag):
    X = 1
    Y = 2
@dataclasses.dataclass(slots=True)
class Slotted:
    n: int = 5
    f: Any = None
@dataclasses.dataclass(frozen=True)
class Data:
    tags: frozenset = frozenset({"x", "y", "z"})
    members: list = dataclasses.field(default_factory=list)
@attrs.frozen
class Frozen:
    x: int = attrs.field(default=1, converter=int)
class Pair(NamedTuple):
    a: int
    b: str = "x"
class Keys(TypedDict, total=False):
    a: int
    b: int
T = TypeVar("T", bound=int)
class Box(Generic[T]):
    def get(self) -> T: ...
class Shape(Protocol):
    def area(self) -> int: ...
class Square(Shape):
    def area(self): return 1
class Abstract(abc.ABC):
    @abc.abstractmethod
    def f(self): ...
class Missing:
    def __reduce__(self): return "MISSING"
MISSING = Missing()
class Plain:
    pass
plain = Plain()
plain.kinds = {Kind.A, Kind.B}
def local():
    class Local:
        def m(self):
            self.z = 1; self.q = 2; self.w = 3; self.e = 4
    return Local, {"a", "b"}, "a" in {"k", "l", "m"}
if pydantic:
    class Model(pydantic.BaseModel):
        a: int = 1
        b: Optional["Model"] = None
        s: set[str] = {"q", "w"}
        @pydantic.field_validator("a")
        @classmethod
        def check(cls, v): return v
values = dict(
    kind=Kind, member=Kind.A, flags=Flag.X | Flag.Y, sets={"a", "b", "c"},
    tuples=frozenset({("a", 1), ("b", 2)}), members={Kind.A, Kind.B},
    functions={len, abs, local}, slotted=Slotted(3, lambda x: x), data=Data(),
    frozen=Frozen(1), pair=Pair(1), keys=Keys, box=Box, shape=Square(), abstract=Abstract,
    name=NewType("UserId", int), alias=dict[str, list[int]], union=Optional[int],
    annotated=Annotated[int, "meta"], newer=int | None, pattern=re.compile("a+"),
    path=pathlib.Path("/x"), log=logging.getLogger("x"), lock=threading.Lock(),
    itself=operator.itemgetter(1), counter=collections.Counter("abc"),
    missing=MISSING, plain=plain, local=local, bound="abc".upper, literal=Literal["a", "b"],
)
if numpy:
    values |= dict(
        array=numpy.arange(9.0), fortran=numpy.asfortranarray(numpy.ones((3, 4))),
        objects=numpy.array([1, "a", None], dtype=object), seeded=numpy.random.default_rng(3),
    )
if pydantic:
    values |= dict(model=Model, instance=Model())
repr(Frozen(1)), hash(Frozen(1)), Slotted() == Slotted()

for name, value in values.items():
    made = fingerprint(lambda: value)
    print(name, made.text, made.unknown)
"""


def test_they_are_equal_at_the_next_start(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(STARTS)
    printed = [
        subprocess.run(
            [sys.executable, script],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=50,
        ).stdout.splitlines()
        for seed in ("1", "2", "3")
    ]

    assert len(set(printed[0])) == len(printed[0]) > 30
    assert printed[0] == printed[1] == printed[2]
    assert all(line.count(":") == 2 and line.endswith(" ") for line in printed[0])


CHANGES = {
    "set or frozenset": "G = {set} if 1111 % 2 else frozenset({set})",
    "bytearray": "G = bytearray(b'1111')",
    "enum constant": "import enum\nclass G(enum.Enum):\n    A = 1\n    K = enum.nonmember(1111)",
    "enum inside": "import enum, functools\nclass G(enum.Enum):\n    A = 1\n    p = functools.cached_property(lambda self: 1111)",
    "subclasses": "class G: pass\nclass H(G):\n    def go(self): return 1111\ndef f(): return [one() for one in G.__subclasses__()]",
    "registered": "import abc\nclass G(abc.ABC): pass\nclass H: pass\nif 1111 % 2: G.register(H)",
    "docstring of a helper": "def g():\n    '1111'\ndef f(): return g.__doc__",
    "weak reference": "import weakref\nclass A: pass\na = A()\na.k = 1111\nG = weakref.ref(a)",
    "weak values": "import weakref\nclass A: pass\na = A()\na.k = 1111\nG = weakref.WeakValueDictionary(a=a)",
    "context variable": "import contextvars\nG = contextvars.ContextVar('G', default=1111)",
    "text in memory": "import io\nG = io.StringIO('1111')",
    "struct": "import struct\nG = struct.Struct('1111i')",
    "ctypes": "import ctypes\nclass G(ctypes.Structure):\n    _fields_ = [('a', ctypes.c_char * 1111), ('b', ctypes.c_int)]",
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_seldom_written_counts_too(load: Load, name: str) -> None:
    text = CHANGES[name].replace("{set}", "{1, 2}")
    text = text if "def f" in text else f"{text}\ndef f(): return G"
    made = [
        fingerprint(load("own_seldom", own_seldom=text.replace("1111", nb)).f)
        for nb in ("1111", "1111", "2222")
    ]
    assert not made[0].unknown
    assert made[0].text == made[1].text != made[2].text


USED = {
    "pandas": (
        "import pandas as pd\nG = pd.Series([1], index=pd.date_range('2020', periods=1, tz='UTC'))",
        "G.resample('D').sum(), repr(G), G.index.is_unique",
    ),
    "pydantic": (
        "import pydantic\n@pydantic.dataclasses.dataclass\nclass D:\n    a: int = 1\nG = pydantic.TypeAdapter(list[D])",
        "G.validate_python([{'a': 1}]), G.json_schema()",
    ),
    "singledispatchmethod": (
        "import functools\nclass G:\n    @functools.singledispatchmethod\n    def go(self, x): return 0",
        "G().go(1)",
    ),
}


@pytest.mark.parametrize("name", USED)
def test_use_changes_nothing(load: Load, name: str) -> None:
    pytest.importorskip(name) if name in ("pandas", "pydantic") else None
    text, use = USED[name]
    before, after = (
        fingerprint(load("own_used", own_used=f"{text}\n{more}\ndef f(): return G").f)
        for more in ("", use)
    )
    assert not before.unknown
    assert before.text == after.text


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
