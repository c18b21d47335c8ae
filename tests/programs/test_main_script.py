"""What the main script defines: one thing in the script, in workers, at each start."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import programs

HEAD = """
import dataclasses, enum, functools, os, pickle, sys, typing, weakref
from dataclasses import dataclass
import anyio
from asyncflow import Config, Orchestrator

with open("starts.txt", "a") as file:
    print(os.getpid(), file=file)

def run(*functions, store=":memory:", mode="standalone", default=1):
    nodes = [Config.configure_data_node("n0", default_data=default)]
    tasks = []
    for function in functions:
        nodes.append(Config.configure_data_node(f"n{len(nodes)}"))
        tasks.append(Config.configure_task(f"t{len(nodes)}", function, nodes[-2], nodes[-1]))
    cfg = Config.configure_scenario("s", tasks)
    Config.configure_job_executions(mode, 1)
    async def main():
        async with Orchestrator(store=store) as orchestrator:
            found = await orchestrator.scenarios(name="one")
            if found:
                scenario = await orchestrator.get(found[0].id)
            else:
                scenario = await orchestrator.create_scenario(cfg, name="one")
            if not found or "again" in sys.argv:
                await scenario.submit()
            return [await getattr(scenario, node.id).read() for node in nodes[1:]]
    return anyio.run(main)
"""


def starts(folder: Path) -> int:
    return len((folder / "starts.txt").read_text().splitlines())


def ran(folder: Path, text: str, *arguments: str, head: str = HEAD) -> list[str]:
    script = folder / "script.py"
    script.write_text(head + text)
    return programs.run(script, *arguments, folder=folder).splitlines()


IN_JOBS = {
    "pickle": """
class Model:
    pass
def job(_):
    return type(pickle.loads(pickle.dumps(Model()))) is Model
""",
    "its function": """
def job(_):
    import __main__
    return pickle.loads(pickle.dumps(job)) is job is __main__.job
""",
    "inner class": """
class Outer:
    class Inner:
        pass
def job(_):
    return type(pickle.loads(pickle.dumps(Outer.Inner()))) is Outer.Inner
""",
    "hints": """
@dataclass
class Item:
    parent: "typing.Optional[Order]"
@dataclass
class Order:
    items: "list[Item]"
def job(_):
    item = typing.get_type_hints(Order)["items"].__args__[0]
    return typing.get_type_hints(item)["parent"] == typing.Optional[Order]
""",
    "hints of a function": """
class Item:
    pass
def helper(x: "Item") -> "list[Item]": ...
def job(_):
    return sorted(typing.get_type_hints(helper)) == ["return", "x"]
""",
    "TypedDict": """
import typing_extensions
class Row(typing.TypedDict):
    a: int
class Wide(Row, total=False):
    b: "Row"
class Other(typing_extensions.TypedDict):
    c: typing_extensions.NotRequired[int]
class More(Other):
    d: int
Odd = typing.TypedDict("Odd", {"x-y": int})
def job(_):
    keys = (Wide.__required_keys__, Wide.__optional_keys__, Wide.__total__)
    here = keys == ({"a"}, {"b"}, False) and Wide(a=1, b=Row(a=2)) == {"a": 1, "b": {"a": 2}}
    hints = typing.get_type_hints(Wide) == {"a": int, "b": Row}
    more = More.__optional_keys__ == {"c"} and typing_extensions.is_typeddict(More)
    odd = typing.is_typeddict(Odd) and Odd.__annotations__ == {"x-y": int}
    return here and hints and more and odd and pickle.loads(pickle.dumps(Wide)) is Wide
""",
    "logger of its own class": """
import logging
class Verbose(logging.Logger):
    def trace(self, text):
        return self.name + text
plain = logging.getLogger("of the script")
logging.setLoggerClass(Verbose)
log = logging.getLogger("of the script.part")
def job(_):
    same = log is logging.getLogger("of the script.part") and log.parent is plain
    return same and log.trace("!") == "of the script.part!" and type(plain) is logging.Logger
""",
    "NewType": """
UserId = typing.NewType("UserId", int)
def job(_):
    return UserId(5) == 5 and pickle.loads(pickle.dumps(UserId)) is UserId
""",
    "TypeVar": """
T = typing.TypeVar("T", bound=int)
P = typing.ParamSpec("P")
class Box(typing.Generic[T]):
    pass
def job(_):
    here = pickle.loads(pickle.dumps(T)) is T and T.__bound__ is int
    return here and Box[T] and P.__name__ == "P"
""",
    "cache": """
@functools.cache
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
def job(_):
    return fib(50) == 12586269025 and fib.cache_info().hits > 0
""",
    "lru_cache": """
@functools.lru_cache(maxsize=7, typed=True)
def rate(x):
    return x * 2
@functools.lru_cache
def job(x):
    return rate(x) == 2 and rate.cache_parameters() == {"maxsize": 7, "typed": True}
""",
    "a cache under another name": """
def plain(x):
    return x * 2
cached = functools.lru_cache(plain)
def job(x):
    return cached(x) == plain(x) == 2 and cached.__wrapped__ is plain
""",
    "singledispatch": """
@functools.singledispatch
def size(x):
    return 1
@size.register
def _(x: list):
    return sum(map(size, x))
def job(_):
    return size([1, [2, 3]]) == 3 and pickle.loads(pickle.dumps(size)) is size
""",
    "cached_property": """
class Model:
    @functools.cached_property
    def late(self):
        return [5]
MODEL = Model()
def job(_):
    return MODEL.late is MODEL.late
""",
    "a name by reduce": """
class Missing:
    def __reduce__(self):
        return "MISSING"
MISSING = Missing()
def job(_):
    return pickle.loads(pickle.dumps(MISSING)) is MISSING
""",
    "a function by reduce": """
def make():
    return Point()
class Point:
    def __reduce__(self):
        return make, ()
def job(_):
    return type(pickle.loads(pickle.dumps(Point()))) is Point
""",
    "locks and thread-local data": """
import contextvars, threading
LOCK, EVENT, LOCAL = threading.RLock(), threading.Event(), threading.local()
LOCK.acquire()
REQUEST = contextvars.ContextVar("request", default="none")
class Single:
    lock = threading.Lock()
def held():
    with LOCK, Single.lock:
        return LOCK
def in_turn(function):
    lock = threading.Lock()
    @functools.wraps(function)
    def call(*arguments):
        with lock:
            return function(*arguments)
    return call
@in_turn
def job(_):
    LOCAL.count = getattr(LOCAL, "count", 0) + 1
    return held() is LOCK and not EVENT.is_set() and REQUEST.get() == "none"
""",
    "registry": """
class Kind(type):
    known = {}
    def __new__(cls, name, bases, content):
        made = super().__new__(cls, name, bases, content)
        cls.known[name] = made
        return made
class Base(metaclass=Kind):
    pass
class Step(Base):
    pass
def job(_):
    return Step is Kind.known["Step"] and [*Kind.known] == ["Base", "Step"]
""",
    "enum with attributes": """
class Planet(enum.Enum):
    EARTH = (5, 6)
    def __init__(self, mass, radius):
        self.mass = mass
    def heavy(self):
        return self.mass > 4
class Unit(str, enum.Enum):
    def __new__(cls, name, size):
        made = str.__new__(cls, name)
        made._value_, made.size = name, size
        return made
    KM = "km", 1000
    KILO = "km", 1000
def job(_):
    return Planet.EARTH.heavy() and Unit("km").size == 1000 and Unit.KILO is Unit.KM
""",
    "enum": """
class Color(enum.Enum):
    RED = 1
class Flag(enum.Flag):
    A = 1
    B = 2
def job(_):
    both = [Color.RED, Flag.A | Flag.B]
    return pickle.loads(pickle.dumps(both)) == both
""",
    "fork": """
import multiprocessing
def square(i):
    return i * i
def job(_):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(square, range(4)) == [0, 1, 4, 9]
""",
    "spawn": """
import multiprocessing
class Point:
    x = 2
def square(point):
    return [point.x * point.x, Point()]
def job(_):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return [type(one) for one in pool.apply(square, (Point(),))] == [int, Point]
""",
    "weak references": """
class Model:
    pass
MODEL = Model()
KNOWN = weakref.WeakValueDictionary(model=MODEL, gone=Model())
SIZES = weakref.WeakKeyDictionary({MODEL: 5})
MODELS = weakref.WeakSet([MODEL])
REF, DEAD = weakref.ref(MODEL), weakref.ref(Model())
def job(_):
    held = KNOWN["model"] is REF() is MODEL and SIZES[MODEL] == 5 and MODEL in MODELS
    return held and len(KNOWN) == 1 and DEAD() is None
""",
    "its source": """
import inspect
class Model:
    size = 5
def job(_):
    return "size = 5" in inspect.getsource(Model) and "size = 5" in inspect.getsource(job)
""",
    "what has not travelled": """
class Other:
    pass
def job(_):
    import __main__
    try:
        getattr(__main__, "Oth" + "er")
    except AttributeError as error:
        return "has travelled with the job" in str(error)
""",
}


@pytest.mark.parametrize("name", IN_JOBS)
def test_jobs_find_what_the_script_defines(name: str, tmp_path: Path) -> None:
    text = f"{IN_JOBS[name]}\nprint(run(job, default=1))\n"
    assert ran(tmp_path, text) == ["[True]"]
    assert starts(tmp_path) == 1


@pytest.mark.smoke
def test_each_function_has_what_it_came_with(tmp_path: Path) -> None:
    text = """
def scaled(x):
    return x * FACTOR
def make(factor):
    global FACTOR
    FACTOR = factor
    def job(x):
        import __main__
        return x * FACTOR == scaled(x) == __main__.scaled(x) and __main__.FACTOR
    return job
FACTOR = 3
def first(x):
    import __main__
    return pickle.loads(pickle.dumps(scaled)) is scaled and __main__.FACTOR
def second(x):
    import __main__
    return [hasattr(__main__, name) for name in ("scaled", "first", "second")]
print(run(first, second, first))
"""
    assert ran(tmp_path, text) == ["[3, [False, False, True], 3]"]


KEPT = """
class Color(enum.Enum):
    RED = 1
    BLUE = 2
class Level(enum.IntEnum):
    LOW = 1
@dataclass(frozen=True)
class Point:
    x: int
@dataclass(slots=True)
class Slots:
    x: int
class Outer:
    class Inner(enum.Enum):
        A = 1
class Pair(typing.NamedTuple):
    a: int
class Missing:
    def __reduce__(self):
        return "MISSING"
MISSING = Missing()
UserId = typing.NewType("UserId", int)
@functools.cache
def cached(x):
    return x
def make(_):
    return {
        Color.RED: Point(1), "level": Level.LOW, "slots": Slots(1), "inner": Outer.Inner.A,
        "pair": Pair(1), "missing": MISSING, "name": UserId, "error": Failed("why"),
        "class": Color, "cached": cached,
    }
class Failed(Exception):
    pass
"""
READ = """
(value, *_) = run(make, store="x.db")
print(
    value[Color.RED] == Point(1), value["level"] is Level.LOW, type(value["slots"]) is Slots,
    value["inner"] is Outer.Inner.A, type(value["pair"]) is Pair,
    value["missing"] is MISSING, value["name"] is UserId, type(value["error"]) is Failed,
    value["class"] is Color, value["cached"] is cached,
)
"""


def test_what_a_start_kept_is_of_the_classes_of_the_next(tmp_path: Path) -> None:
    all_is_same = ["True " * 9 + "True"]
    assert ran(tmp_path, KEPT + READ) == all_is_same
    assert ran(tmp_path, KEPT + READ) == all_is_same
    changed = KEPT.replace(
        "BLUE = 2", "BLUE = 2\n    def shown(self):\n        return 3"
    )
    text = changed + READ + "print([*value][0].shown())"
    assert ran(tmp_path, text) == [*all_is_same, "3"]


COMPARE = """
def look(value):
    (color, point), *_ = value.items()
    return [color is Color.RED, point == Point(1), isinstance(point, Point), value.get(Color.RED)]
def pass_on(value):
    return value
"""


def test_jobs_of_the_next_start_have_its_classes(tmp_path: Path) -> None:
    text = KEPT + COMPARE + 'print(run(STEPS, store="x.db")[-1])'
    seen = ["[True, True, True, Point(x=1)]"]
    assert ran(tmp_path, text.replace("STEPS", "make, look")) == seen
    assert ran(tmp_path, text.replace("STEPS", "make, look")) == seen
    head = HEAD.replace("await scenario.submit()", "await scenario.t3.submit()")
    assert (
        ran(tmp_path, text.replace("STEPS", "make, look"), "again", head=head) == seen
    )
    passed = (
        KEPT
        + COMPARE
        + """
value = run(make, pass_on, store="x.db")[-1]
print([*value][0] is Color.RED, value[Color.RED] == Point(1))
"""
    )
    assert ran(tmp_path, passed, "again", head=head) == ["True True"]


def test_values_of_two_starts_are_equal_in_a_job_that_names_no_class(
    tmp_path: Path,
) -> None:
    text = """
class Color(enum.Enum):
    RED = 1
@dataclass(frozen=True)
class Point:
    x: int
    def shown(self):
        return {0}
def make(_):
    return [Color.RED, Point(1)]
def same(one, other):
    return [one == other, one[0] is other[0], type(one[1]) is type(other[1]),
            one[1].shown(), other[1].shown()]
nodes = [Config.configure_data_node(name) for name in ("{1}", "{2}", "out")]
source = Config.configure_data_node("source", default_data=1)
tasks = [Config.configure_task("a", make, source, Config.configure_data_node("first")),
         Config.configure_task("b", make, source, Config.configure_data_node("second")),
         Config.configure_task("c", same, nodes[:2], nodes[2])]
cfg = Config.configure_scenario("s", tasks)
Config.configure_job_executions("standalone", 1)
async def main():
    async with Orchestrator(store="x.db") as orchestrator:
        found = await orchestrator.scenarios(name="one")
        if not found:
            scenario = await orchestrator.create_scenario(cfg, name="one")
            await scenario.a.submit()
            return
        scenario = await orchestrator.get(found[0].id)
        await scenario.b.submit()
        await scenario.c.submit()
        print(await scenario.out.read())
anyio.run(main)
"""
    names = itertools.permutations(("first", "second"))

    for place, (one, other) in enumerate(names):
        folder = tmp_path / str(place)
        folder.mkdir()
        assert ran(folder, text.format(1, one, other)) == []
        assert ran(folder, text.format(2, one, other)) == ["[True, True, True, 2, 2]"]


def test_the_class_of_the_newest_cell_is_taken(tmp_path: Path) -> None:
    cell = "class Point:\n    def shown(self):\n        return {0}\n"
    text = f"""
def cell(nb):
    exec({cell!r}.format(nb), globals())
def make(_):
    return Point()
def look(point):
    return type(point) is Point and Point.shown(point)
nodes = [Config.configure_data_node("n0", default_data=1)]
nodes += [Config.configure_data_node(f"n{{nb}}") for nb in (1, 2)]
cfg = Config.configure_scenario("s", [
    Config.configure_task("a", make, nodes[0], nodes[1]),
    Config.configure_task("b", look, nodes[1], nodes[2])])
Config.configure_job_executions("standalone", 1)
async def main():
    async with Orchestrator(store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        cell(1)
        await scenario.submit()
        print(await scenario.n2.read(), type(await scenario.n1.read()) is Point)
        cell(2)
        await scenario.b.submit()
        print(await scenario.n2.read(), type(await scenario.n1.read()) is Point)
anyio.run(main)
"""
    assert ran(tmp_path, text) == ["1 True", "2 True"]


def test_calls_of_the_host_have_the_script_run_lazily(tmp_path: Path) -> None:
    text = """
from anyio import to_process
def helper(x):
    return x + 1
def job(x):
    return x
if __name__ == "__main__":
    Config.configure_job_executions("standalone", 1)
    node = Config.configure_data_node("node", default_data=1)
    out = Config.configure_data_node("out")
    cfg = Config.configure_scenario("s", Config.configure_task("t", job, node, out))
    async def main():
        async with Orchestrator(store=":memory:") as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            await scenario.submit()
            print(await to_process.run_sync(helper, 1), await to_process.run_sync(helper, 2))
            await scenario.submit()
            print(await scenario.out.read())
    anyio.run(main)
"""
    assert ran(tmp_path, text) == ["2 3", "1"]
    assert starts(tmp_path) == 2


def test_a_module_run_as_the_main_one_is_not_run_again(tmp_path: Path) -> None:
    package = tmp_path / "flow"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(HEAD + IN_JOBS["cache"] + "\nprint(run(job))")
    assert programs.run("-m", "flow", folder=tmp_path) == "[True]\n"
    assert starts(tmp_path) == 1


def test_a_script_from_stdin_works_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-"],
        input=HEAD + IN_JOBS["lru_cache"] + "\nprint(run(job))",
        cwd=tmp_path,
        env=programs.environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    assert done.stdout == "[True]\n"
    assert starts(tmp_path) == 1


def test_equal_values_of_its_classes_are_nothing_new_at_the_next_start(
    tmp_path: Path,
) -> None:
    text = (
        KEPT
        + """
def read(_):
    return [Point(1), Color.BLUE] * COUNT
nodes = [Config.configure_data_node("n0", default_data=1)]
nodes += [Config.configure_data_node(f"n{nb}") for nb in (1, 2)]
cfg = Config.configure_scenario("s", [
    Config.configure_task("a", read, nodes[0], nodes[1]),
    Config.configure_task("b", len, nodes[1], nodes[2], skippable=True)])
Config.configure_job_executions("standalone", 1)
async def main():
    async with Orchestrator(store="x.db") as orchestrator:
        found = await orchestrator.scenarios(name="one")
        scenario = (await orchestrator.get(found[0].id) if found
                    else await orchestrator.create_scenario(cfg, name="one"))
        submission = await scenario.submit()
        print(*[job.status.value for job in submission.jobs])
anyio.run(main)
"""
    )

    for count in ("1", "100_000"):
        counted = text.replace("COUNT", count)
        assert ran(tmp_path, counted) == ["COMPLETED COMPLETED"]
        assert ran(tmp_path, counted) == ["COMPLETED SKIPPED"]
