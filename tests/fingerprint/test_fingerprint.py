"""Fingerprints: what changes them, and what does not, here and at the next start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from asyncflow.fingerprint.fingerprint import fingerprint
from tests.support.own_code import Load
from tests.support.programs import ROOT

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
