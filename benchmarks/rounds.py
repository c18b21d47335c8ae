"""Measure a benchmark: rounds of all walkers in turn, each in a fresh interpreter."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from threading import Timer
from typing import IO

import attrs

from benchmarks import machine
from benchmarks.lag import Lag
from benchmarks.place import place
from benchmarks.suite import Benchmark
from benchmarks.walkers import MODULES, PEERS

ROOT = Path(__file__).parent.parent
PATIENCE = 600.0
"""How long a sample may take, in seconds."""
PEER_PATIENCE = 180.0
"""The same for a peer's sample."""
PEER_ROUNDS = 3
"""In how many rounds peers take part, at most, where the caller does not say."""


@attrs.frozen(kw_only=True)
class Sample:
    """One run of one walker, in seconds and bytes; None is what it does not have."""

    seconds: float
    """From submitting to having the values."""
    create: float | None = None
    """What came before that: declaring the graph and creating its scenarios."""
    read: float | None = None
    """How much of `seconds` went into reading the values."""
    cpu: float | None = None
    """The CPU time of the parent process meanwhile."""
    declared: int | None = None
    """By how much `create` has made the parent's resident memory grow."""
    growth: int | None = None
    """By how much its peak while the jobs ran exceeds what it was before them."""
    lag: Lag | None = attrs.field(
        default=None,
        converter=attrs.converters.optional(lambda values: Lag(*values)),
    )


@attrs.frozen(kw_only=True)
class Reference:
    """What the array costs by itself, in seconds: see `benchmarks.reference`."""

    handing: float
    work: float


@attrs.define(kw_only=True)
class Peer:
    """A peer's samples of a benchmark, maybe at a smaller size."""

    scale: float
    jobs: int
    samples: list[Sample] = attrs.field(factory=list)
    problem: str = ""
    """Why there are no samples, or fewer than there should be."""


@attrs.frozen(kw_only=True)
class Result:
    """A benchmark's samples; those of one round have the same place."""

    benchmark: Benchmark
    scale: float
    samples: Mapping[str, list[Sample]]
    peers: Mapping[str, Peer] = attrs.field(factory=dict)
    references: list[Reference] = attrs.field(factory=list)
    problem: str = ""
    """Why there are no samples, or fewer than there should be."""

    @property
    def jobs(self) -> int:
        """How many jobs a sample ran."""
        return self.benchmark.jobs_at(self.scale)


class Failed(Exception):
    """A walker did not come to the right values."""


def measure(
    benchmark: Benchmark,
    scale: float,
    repeat: int,
    peers: Sequence[str] = (),
    peer_rounds: int = PEER_ROUNDS,
) -> Result:
    """Measure a benchmark; a walker that fails ends it, and the result says so.

    A peer that fails ends only its own part.

    :param peers: who takes part besides, in the first rounds
    """
    names = ["asyncflow"] if benchmark.check or benchmark.scaling else list(MODULES)
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    takers = () if benchmark.check else peers
    others = {name: peer(benchmark, scale, name) for name in takers}
    result = Result(benchmark=benchmark, scale=scale, samples=samples, peers=others)

    if benchmark.needs and find_spec(benchmark.needs) is None:
        return attrs.evolve(result, problem=f"{benchmark.needs} is not installed")

    try:
        if benchmark.cold:
            # Once before, so that every module is compiled and in the page cache.
            one_round(benchmark, scale, names)

        for number in range(1 if benchmark.check else repeat):
            for name, sample in one_round(benchmark, scale, names).items():
                samples[name].append(sample)

            if benchmark.name == "array":
                result.references.append(take_reference(benchmark, scale))

            if number < peer_rounds:
                one_round_of_peers(benchmark, others, first=number == 0)
    except Failed as error:
        return attrs.evolve(result, problem=str(error))

    return result


def peer(benchmark: Benchmark, scale: float, name: str) -> Peer:
    """Decide how large a peer's part is, and whether it has one."""
    needed = PEERS[name]
    fitting = benchmark.fitting(scale, needed.most)
    found = Peer(scale=fitting, jobs=benchmark.jobs_at(fitting))

    if machine.version(needed.package) == machine.ABSENT:
        found.problem = f"{needed.package} is not installed"

    return found


def one_round_of_peers(
    benchmark: Benchmark, peers: Mapping[str, Peer], *, first: bool
) -> None:
    """Have each peer run once that has not failed."""
    for name, part in peers.items():
        try:
            if benchmark.cold and first and not part.problem:
                take(benchmark, part.scale, name)

            if not part.problem:
                part.samples.append(take(benchmark, part.scale, name))
                tell(f"{name}: {part.jobs} jobs in {part.samples[-1].seconds:.1f} s")
        except Failed as error:
            part.problem = str(error)
            tell(part.problem)


def tell(progress: str) -> None:
    """Show on the terminal that something goes on: a round of all peers is long."""
    print(f"  {progress}", file=sys.stderr, flush=True)


def one_round(
    benchmark: Benchmark, scale: float, names: list[str]
) -> dict[str, Sample]:
    return {name: take(benchmark, scale, name) for name in names}


def take(benchmark: Benchmark, scale: float, name: str) -> Sample:
    """Have a fresh interpreter run one walker once; a peer in a folder of its own.

    :raises Failed: it ended with an error, or not in time
    """
    arguments = ["-m", "benchmarks.fresh", name, benchmark.name, str(scale)]

    with ExitStack() as stack:
        if name in PEERS:
            folder, variables = stack.enter_context(place(ROOT))
            line, seconds = run(name, arguments, PEER_PATIENCE, folder, variables)
        else:
            line, seconds = run(name, arguments)

    if benchmark.cold:
        return Sample(seconds=seconds)

    return Sample(**json.loads(line))


def take_reference(benchmark: Benchmark, scale: float) -> Reference:
    """Have a fresh interpreter copy and map an array of the benchmark's size.

    :raises Failed: it ended with an error, or not in time
    """
    [length] = benchmark.make(scale).sources
    line, _ = run("reference", ["-m", "benchmarks.reference", str(length)])
    return Reference(**json.loads(line))


def run(
    name: str,
    arguments: list[str],
    patience: float = PATIENCE,
    folder: str | Path = ROOT,
    variables: Mapping[str, str] | None = None,
) -> tuple[str, float]:
    """Run a command of Python's; kill it and all its own when it takes too long.

    :return: its first line, and after how many seconds it came
    :raises Failed: it ended with an error, or not in time
    """
    with TemporaryFile("w+") as errors:
        start = time.perf_counter()
        line, ready, code = run_in(
            [sys.executable, *arguments], errors, patience, folder, variables
        )
        took = time.perf_counter() - start
        errors.seek(0)
        last = errors.read().strip().rpartition("\n")[2]

    if took >= patience:
        raise Failed(f"{name} was stopped, as it took longer than {patience:.0f} s")

    if code or not line:
        raise Failed(f"{name} ended with {code}: {last:.200}")

    return line, ready - start


def run_in(
    command: list[str],
    errors: IO[str],
    patience: float,
    folder: str | Path,
    variables: Mapping[str, str] | None,
) -> tuple[str, float, int]:
    """Run a command.

    :return: its first line, when it came, and how the command ended
    """
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        cwd=folder,
        env=_environment(variables),
        start_new_session=True,
    ) as child:
        timer = Timer(patience, os.killpg, (child.pid, signal.SIGKILL))
        timer.start()

        try:
            assert child.stdout is not None
            line, ready = child.stdout.readline(), time.perf_counter()
            return line, ready, child.wait()
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            raise
        finally:
            timer.cancel()


def _environment(variables: Mapping[str, str] | None) -> dict[str, str]:
    """Return the variables of a command: its modules are compiled once, not each time.

    :param variables: those that are wanted; None for our own
    """
    wanted = dict(os.environ if variables is None else variables)
    wanted.pop("PYTHONDONTWRITEBYTECODE", None)
    return wanted
