"""Whether a module does what its file says now, though it was not loaded anew."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

from asyncflow.executors.process.patched import is_patched
from tests.support import notebooks

OLD = '''"""A module."""
from __future__ import annotations

import functools
import os.path
from json import dumps as write

RATE = 2
LIMITS: tuple[int, ...] = (1, 2)
BUILT = max(LIMITS)


def step(x, y=1, *, z="z"):
    """Do it."""
    try:
        return (x if x
                else y)
    except ValueError:
        return [z for z in range(RATE)]


def deco(function):
    @functools.wraps(function)
    def wrapper(*given):
        return function(*given)

    return wrapper


@deco
def wrapped(x):
    return write(x)


class Base:
    limit = 3

    def f(self):
        return 1


class Part(Base):
    """A part."""

    size: int

    @property
    def __own(self):
        return self.limit

    @staticmethod
    async def g(x):
        return os.path.join(x)

    def f(self):
        return super().f() + self.__own
'''


def loaded(text: str) -> ModuleType:
    module = ModuleType("loaded")
    exec(compile(text, "loaded.py", "exec"), module.__dict__)
    return module


def put_into(module: ModuleType, text: str) -> None:
    """Put new code into the functions that there are, as `%autoreload` does."""
    new = loaded(ast.unparse(ast.parse(text)))

    for there, made in [(module, new), (module.Part, new.Part)]:
        for name, value in [*vars(made).items()]:
            old = getattr(value, "__func__", value)
            mine = vars(there).get(name)
            mine = getattr(mine, "__func__", mine)
            put_function(getattr(mine, "fget", mine), getattr(old, "fget", old))

        if there is module:
            module.__dict__.update(RATE=new.RATE, LIMITS=new.LIMITS)


def put_function(into: Any, function: Any) -> None:
    into = getattr(into, "__wrapped__", into)
    function = getattr(function, "__wrapped__", function)

    if not isinstance(into, FunctionType) or not isinstance(function, FunctionType):
        return

    into.__code__ = function.__code__
    into.__defaults__ = function.__defaults__
    into.__kwdefaults__ = function.__kwdefaults__


EDITS = {
    "a constant of a function": ("return (x if x", "return (x + 1 if x"),
    "a default": ("y=1", "y=2"),
    "a default by keyword": ('z="z"', 'z="y"'),
    "what is caught": ("except ValueError", "except TypeError"),
    "a value": ("RATE = 2", "RATE = 3"),
    "values": ("(1, 2)", "(1, 3)"),
    "what is decorated": ("return write(x)", "return write([x])"),
    "a method": ("super().f() + self", "super().f() - self"),
    "a property": ("return self.limit", "return self.limit + 1"),
    "a coroutine of a class": ("os.path.join(x)", "os.path.join(x, x)"),
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("is_known", [True, False])
def test_an_edit_is_there_once_it_was_put_into_the_module(
    edit: str, *, is_known: bool
) -> None:
    new = OLD.replace(*EDITS[edit])
    assert new != OLD
    module = loaded(OLD.replace("BUILT = max(LIMITS)\n", ""))
    text = new.replace("BUILT = max(LIMITS)\n", "").encode()
    before = OLD.encode() if is_known else None
    assert not is_patched(module, before, text)
    put_into(module, text.decode())
    assert is_patched(module, before, text)


@pytest.mark.parametrize(
    "edit",
    [
        ("RATE = 2", "# The rate.\nRATE = 2"),
        ("RATE = 2", "RATE = (2)"),
        ("return write(x)", "return write(\n        x,\n    )"),
        ("import os.path\n", "import os.path, sys as functools\n"),
    ],
)
def test_what_changes_nothing_is_there(edit: tuple[str, str]) -> None:
    assert is_patched(loaded(OLD), OLD.encode(), OLD.replace(*edit).encode())


@pytest.mark.parametrize(
    "edit",
    [
        ("BUILT = max(LIMITS)", "BUILT = min(LIMITS)"),
        ("import os.path\n", "import os.path, sys\n"),
        ("RATE = 2\n", "RATE = 2\nMORE = 2\n"),
        ("RATE = 2\n", "RATE = 2.0\n"),
        ("limit = 3", "limit = 4"),
        ("class Base:", "class Other(Base): pass\nclass Base:"),
        ("RATE = 2\n", "RATE = 2\nprint()\n"),
        ("RATE = 2\n", "RATE =\n"),
        ("def deco", "def more(): pass\ndef deco"),
    ],
)
def test_what_was_not_loaded_is_not_there(edit: tuple[str, str]) -> None:
    text = OLD.replace(*edit)
    assert text != OLD
    is_class = "Other" in text
    assert is_patched(loaded(OLD), OLD.encode(), text.encode()) is is_class


def test_what_nobody_has_is_not_there() -> None:
    assert not is_patched(None, OLD.encode(), OLD.replace("2", "3").encode())
    assert not is_patched(loaded(OLD), OLD.encode(), None)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="IPython 9 needs it")
def test_autoreload_in_a_notebook_is_no_older_code(tmp_path: Path) -> None:
    pytest.importorskip("IPython.extensions.deduperreload")
    declare = """
%load_ext autoreload
%autoreload 2
import logging, os, sys
logging.basicConfig(stream=sys.stdout, format="%(message)s")
from asyncflow import Config, Orchestrator
from asyncflow.log import logger

def edit(text):
    with open("steps.py", "w") as file:
        file.write(text)
    global then
    then += 10
    os.utime("steps.py", (then, then))

then = os.stat("steps.py").st_mtime
import steps
Config.configure_job_executions(mode="standalone", max_nb_of_workers=1)
a, b = Config.configure_data_node("a", default_data=1), Config.configure_data_node("b")
cfg = Config.configure_scenario("sc", Config.configure_task("t", steps.step, a, b))
orchestrator = await Orchestrator(store=":memory:").open()
scenario = await orchestrator.create_scenario(cfg)
"""
    run = "await scenario.submit(); logger.wait(); print(await scenario.b.read())"
    (tmp_path / "steps.py").write_text("def step(x):\n    return 'one'\n")
    edits = [
        f'edit("def step(x):\\n    return {word!r}\\n")' for word in ("two", "three")
    ]
    printed = notebooks.run(
        [declare, run, edits[0], run, edits[1], run, "await orchestrator.close()"],
        tmp_path,
    )
    assert printed == [[], ["one"], [], ["two"], [], ["three"], []]
