"""Measure a benchmark: rounds of all walkers in turn, each in a fresh interpreter."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from threading import Timer
from typing import IO

import attrs

from benchmarks.lag import Lag
from benchmarks.suite import Benchmark
from benchmarks.walkers import MODULES

ROOT = Path(__file__).parent.parent
PATIENCE = 600.0
"""How long a sample may take, in seconds."""


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
    growth: int | None = None
    """By how much the peak of the parent's resident memory exceeds what it was."""
    lag: Lag | None = attrs.field(
        default=None,
        converter=attrs.converters.optional(lambda values: Lag(*values)),
    )


@attrs.frozen(kw_only=True)
class Result:
    """A benchmark's samples; those of one round have the same place."""

    benchmark: Benchmark
    scale: float
    samples: Mapping[str, list[Sample]]
    problem: str = ""
    """Why there are no samples, or fewer than there should be."""

    @property
    def jobs(self) -> int:
        """How many jobs a sample ran."""
        copies = self.benchmark.copies_at(self.scale)
        return len(self.benchmark.make(self.scale).jobs) * copies


class Failed(Exception):
    """A walker did not come to the right values."""


def measure(benchmark: Benchmark, scale: float, repeat: int) -> Result:
    """Measure a benchmark; a walker that fails ends it, and the result says so."""
    names = ["asyncflow"] if benchmark.check else list(MODULES)
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    result = Result(benchmark=benchmark, scale=scale, samples=samples)

    if benchmark.needs and find_spec(benchmark.needs) is None:
        return attrs.evolve(result, problem=f"{benchmark.needs} is not installed")

    try:
        if benchmark.cold:
            # Once before, so that every module is compiled and in the page cache.
            one_round(benchmark, scale, names)

        for _ in range(1 if benchmark.check else repeat):
            for name, sample in one_round(benchmark, scale, names).items():
                samples[name].append(sample)
    except Failed as error:
        return attrs.evolve(result, problem=str(error))

    return result


def one_round(
    benchmark: Benchmark, scale: float, names: list[str]
) -> dict[str, Sample]:
    return {name: take(benchmark, scale, name) for name in names}


def take(benchmark: Benchmark, scale: float, name: str) -> Sample:
    """Have a fresh interpreter run one walker once.

    :raises Failed: it ended with an error, or not in time
    """
    arguments = ["-m", "benchmarks.fresh", name, benchmark.name, str(scale)]

    with TemporaryFile("w+") as errors:
        start = time.perf_counter()
        line, ready, code = run([sys.executable, *arguments], errors)
        errors.seek(0)
        last = errors.read().strip().rpartition("\n")[2]

    if code or not line:
        raise Failed(f"{name} ended with {code}: {last}")

    if benchmark.cold:
        return Sample(seconds=ready - start)

    return Sample(**json.loads(line))


def run(command: list[str], errors: IO[str]) -> tuple[str, float, int]:
    """Run a command; kill it and all its own when it takes too long.

    :return: its first line, when it came, and how the command ended
    """
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    ) as child:
        timer = Timer(PATIENCE, os.killpg, (child.pid, signal.SIGKILL))
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
