"""That the benchmarks run, and judge what they measured; how long is no test."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import goals, graphs, machine, memory, peers, place, plot, rounds
from benchmarks.rounds import Reference, Result, Sample
from benchmarks.suite import by_name
from benchmarks.walkers import PEERS, Peer

ROOT = Path(__file__).parents[2]
SPREAD = re.compile(r"\d+\.\d\d \(\d+\.\d\d\.\.\d+\.\d\d\)")
SVG = "{http://www.w3.org/2000/svg}"

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def run(*arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def samples(*seconds: float, growth: int | None = None) -> list[Sample]:
    return [Sample(seconds=one, growth=growth) for one in seconds]


def chain(*asyncflow: float) -> Result:
    bare = samples(*[10.0] * len(asyncflow))
    taken = {"asyncflow": samples(*asyncflow), "bare": bare}
    return Result(benchmark=by_name("chain"), scale=1.0, samples=taken)


def test_a_table_of_ratios(tmp_path: Path) -> None:
    file = tmp_path / "samples.json"
    sizes = ["--only", "chain", "--repeat", "1", "--scale", "0.01"]
    printed = run("benchmarks", "--quick", *sizes, "--json", file)
    [row] = re.findall(r"^\| chain +\| 10 .*", printed, re.MULTILINE)[:1]
    assert len(SPREAD.findall(row)) == 4
    taken = json.loads(file.read_text())["benchmarks"]["chain"]["samples"]
    assert {name: len(each) for name, each in taken.items()} == {
        "asyncflow": 1,
        "bare": 1,
        "memory": 1,
        "pool": 1,
    }
    assert re.search(r"^\| chain .*>= 5 +\| (met|NOT met) ", printed, re.MULTILINE)
    assert re.search(r"^\| cold .*not measured", printed, re.MULTILINE)


def test_the_cost_by_number_of_jobs(tmp_path: Path) -> None:
    file = tmp_path / "scaling.svg"
    sizes = ["--most", "100", "--repeat", "1", "--walker", "asyncflow"]
    printed = run("benchmarks.scaling", *sizes, "--svg", file)
    assert re.search(r"^\| asyncflow \| 100 +\| 1 ", printed, re.MULTILINE)
    assert ElementTree.fromstring(file.read_text()).tag == f"{SVG}svg"


def test_an_array_between_workers() -> None:
    sizes = ["--repeat", "1", "--scale", "0.1", "--only", "two file systems"]
    printed = run("benchmarks.between_hosts", *sizes)
    assert re.search(r"^\| two file systems \| 1 +\| \d+\.\d\d ", printed, re.MULTILINE)


def test_what_a_large_store_takes() -> None:
    sizes = ["--jobs", "60", "--scenarios", "3", "--left", "10"]
    printed = run("benchmarks.large_store", *sizes)
    assert re.search(
        r"^\| what, in ms +\| 30 jobs \| 60 jobs \|$", printed, re.MULTILINE
    )
    assert re.search(r"^\| open, and adopt 10 runs +\| \d+\.\d ", printed, re.MULTILINE)
    assert "Would remove jobs:       0" in printed


@pytest.mark.parametrize(
    ("seconds", "met"), [((2.0, 1.0, 9.0), "met"), ((2.1, 1.0, 9.0), "NOT met")]
)
def test_a_goal_is_judged_by_the_median(seconds: tuple[float, ...], met: str) -> None:
    rows = {tuple(row[:2]): row for row in goals.rows([chain(*seconds)])}
    assert rows["chain", "bare / asyncflow"][-1] == met
    assert rows["fan-out", "bare / asyncflow"][-1] == "not measured"


def test_the_goals_of_the_array_take_its_own_reference() -> None:
    array = Result(
        benchmark=by_name("array"),
        scale=1.0,
        samples={"asyncflow": samples(0.19, growth=30_000_000)},
        references=[Reference(handing=0.1, work=0.05)],
    )
    rows = [row for row in goals.rows([array]) if row[0] == "array"]
    assert [(row[2].partition(" ")[0], row[-1]) for row in rows] == [
        ("1.90", "NOT met"),
        ("1.40", "met"),
        ("30.00", "NOT met"),
    ]


def test_a_benchmark_that_failed_meets_no_goal() -> None:
    failed = Result(
        benchmark=by_name("chain"), scale=1.0, samples={}, problem="a wrong value"
    )
    assert {row[-1] for row in goals.rows([failed])} == {"not measured"}


@pytest.mark.parametrize("name", ["fan-out", "chain", "layered", "submissions"])
def test_a_peer_has_no_more_jobs_than_it_can_do(name: str) -> None:
    benchmark = by_name(name)
    assert 2 < benchmark.jobs_at(benchmark.fitting(1.0, 60)) <= 60
    assert benchmark.fitting(1.0, 100_000) == 1.0


def test_a_peer_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Peer("benchmarks.walkers.absent", "surely-not-installed-anywhere", 10)
    monkeypatch.setitem(PEERS, "absent", absent)
    parts = {"absent": rounds.peer(by_name("chain"), 1.0, "absent")}
    result = Result(benchmark=by_name("chain"), scale=1.0, samples={}, peers=parts)
    [note] = peers.notes([result])
    assert note == f"absent: skipped, {absent.package} is not installed"
    assert not peers.failed(result)


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_comes_to_the_right_values(name: str) -> None:
    if machine.version(PEERS[name].package) == machine.ABSENT:
        pytest.skip(f"{PEERS[name].package} is not installed")

    assert rounds.take(by_name("chain"), 0.002, name).seconds > 0


@linux
def test_nothing_of_a_sample_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "GRACE", 0.0)
    command = [sys.executable, "-c", "print(flush=True); input()"]

    with place.place(ROOT) as (folder, variables):
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=variables,
            cwd=folder,
            start_new_session=True,
        )
        assert child.stdout is not None
        child.stdout.readline()
        assert place.started_in(folder) == [child.pid]

    with child:
        assert child.wait(10) == -signal.SIGKILL

    assert not Path(folder).exists()


@linux
def test_a_peak_that_is_forgotten() -> None:
    large = bytearray(64 * 1024 * 1024)
    before = memory.peak()
    del large
    memory.forget_peak()
    after = memory.peak()
    assert before is not None
    assert after is not None
    assert before - after > 32 * 1024 * 1024


def test_a_plot_has_a_line_for_each_walker() -> None:
    points = [plot.Point(100, [30.0]), plot.Point(10_000, [3.0, 2.0, 4.0])]
    lines = [plot.Line("a & b", points), plot.Line("c", points)]
    root = ElementTree.fromstring(plot.drawn("title", "jobs", "µs", lines))
    [first, second] = [one.get("points") for one in root.iter(f"{SVG}polyline")]
    assert first == second == "80.0,141.5 610.0,316.5"
    names = [one.text for one in root.iter(f"{SVG}text")]
    assert {"title", "jobs", "µs", "a & b", "c", "100", "10 000"} <= set(names)


def test_a_plot_of_nothing_is_a_plot() -> None:
    root = ElementTree.fromstring(plot.drawn("title", "jobs", "µs", []))
    assert not list(root.iter(f"{SVG}polyline"))


def test_the_reference_has_the_size_of_the_array() -> None:
    [length] = by_name("array").make(0.01).sources
    assert graphs.array(125_000).sources == (length,)
    told = rounds.take_reference(by_name("array"), 0.01)
    assert told.handing > 0
    assert told.work > 0
