"""The goals, and whether a run has met them: ratios of the run's own samples.

A goal is judged by the median of the rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from benchmarks import machine
from benchmarks.rounds import Reference, Result, Sample
from benchmarks.spread import NONE, Row, spread
from benchmarks.suite import WORKERS

HEAD = ("work", "what is measured", "measured", "goal", "met")
MEBA = 1_000_000
KIBI = 1024

Results = Mapping[str, Result]


class Goal(NamedTuple):
    """A figure of asyncflow's, and what it has to be."""

    work: str
    says: str
    figures: Callable[[Results], list[float]]
    """Takes the figure from each round. It has none where there are no samples."""
    bound: float
    least: bool = False
    """Whether the bound is the least; else it is the most."""
    unit: str = ""

    def met(self, measured: float) -> bool:
        return measured >= self.bound if self.least else measured <= self.bound


def rows(results: Sequence[Result]) -> Iterable[Row]:
    """Judge every goal; what was not measured has a row that says so."""
    measured = {one.benchmark.name: one for one in results if not one.problem}
    return [row(goal, measured) for goal in GOALS]


def title(results: Sequence[Result]) -> str:
    """Say how the goals are judged, and where the sizes are not theirs."""
    scales = {result.scale for result in results} - {1.0}
    other = (
        f"; the sizes are not the goals', but {min(scales):g} of them" if scales else ""
    )
    return f"Goals, by the medians of the rounds{other}"


def row(goal: Goal, results: Results) -> Row:
    sign = ">=" if goal.least else "<="
    wanted = f"{sign} {goal.bound:g}{goal.unit}"

    try:
        figures = goal.figures(results)
    except KeyError:
        figures = []

    if not figures:
        return [goal.work, goal.says, NONE, wanted, "not measured"]

    met = "met" if goal.met(median(figures)) else "NOT met"
    return [goal.work, goal.says, spread(figures, 2), wanted, met]


def faster(benchmark: str, walker: str) -> Goal:
    """Return how many times asyncflow is faster than a walker; its bound is to be set."""

    def figures(results: Results) -> list[float]:
        samples = results[benchmark].samples
        return ratios(samples[walker], samples["asyncflow"])

    return Goal(benchmark, f"{walker} / asyncflow", figures, 1.0, least=True)


def ratios(above: Sequence[Sample], below: Sequence[Sample]) -> list[float]:
    return [one.seconds / two.seconds for one, two in zip(above, below, strict=True)]


def share_of_ideal(results: Results) -> list[float]:
    """Return which share of the ideal speed two workers come to."""
    cpu = results["cpu"]
    [seconds] = cpu.benchmark.make(cpu.scale).sources
    assert isinstance(seconds, float)
    ideal = cpu.jobs * seconds / min(WORKERS, machine.cpus())
    return [ideal / sample.seconds for sample in cpu.samples["asyncflow"]]


def handed_over(results: Results) -> list[float]:
    """Compare what is not the jobs' own work (to make and to sum) with the two."""
    array = results["array"]
    return [
        (sample.seconds - reference.work) / reference.handing
        for sample, reference in array_rounds(array)
    ]


def in_all(results: Results) -> list[float]:
    """Compare all that asyncflow takes with one copy and one map: the strict reading."""
    array = results["array"]
    return [
        sample.seconds / reference.handing for sample, reference in array_rounds(array)
    ]


def array_rounds(array: Result) -> Iterable[tuple[Sample, Reference]]:
    return zip(array.samples["asyncflow"], array.references, strict=True)


def array_growth(results: Results) -> list[float]:
    samples = results["array"].samples["asyncflow"]
    return [one.growth / MEBA for one in samples if one.growth is not None]


def cold(results: Results) -> list[float]:
    samples = results["cold"].samples
    return ratios(samples["asyncflow"], samples["bare"])


def flatness(results: Results) -> list[float]:
    """Compare the cost of a job among very many with the one among many."""
    few, many = results["jobs-1000"], results["jobs-100000"]
    pairs = ratios(many.samples["asyncflow"], few.samples["asyncflow"])
    return [pair * few.jobs / many.jobs for pair in pairs]


def memory(results: Results) -> list[float]:
    """Return by how many KiB a job of very many makes the parent grow, at the peak."""
    many = results["jobs-100000"]
    return [
        sample.growth / many.jobs / KIBI
        for sample in many.samples["asyncflow"]
        if sample.growth is not None
    ]


def lag(take: Callable[[Sample], float]) -> Callable[[Results], list[float]]:
    """Return what finds the benchmark with the worst lag, and takes it, in ms."""

    def figures(results: Results) -> list[float]:
        found = [
            [take(sample) * 1e3 for sample in result.samples["asyncflow"]]
            for result in results.values()
            if not result.benchmark.cold and not result.benchmark.check
        ]
        return max(found, key=median, default=[])

    return figures


def p99(sample: Sample) -> float:
    return sample.lag.p99 if sample.lag else 0.0


def worst(sample: Sample) -> float:
    return sample.lag.worst if sample.lag else 0.0


GOALS = (
    faster("fan-out", "bare")._replace(bound=6.0),
    faster("fan-out", "pool")._replace(bound=5.0),
    faster("chain", "bare")._replace(bound=5.0),
    faster("layered", "bare")._replace(bound=4.0),
    faster("submissions", "bare")._replace(bound=3.0),
    Goal("cpu", "share of the ideal", share_of_ideal, 0.97, least=True),
    Goal("array", "asyncflow / (copy + map)", in_all, 1.5),
    Goal("array", "(asyncflow - the jobs' work) / (copy + map)", handed_over, 1.5),
    Goal("array", "growth of the parent", array_growth, 20.0, unit=" MB"),
    Goal("cold", "asyncflow / bare", cold, 1.5),
    Goal("jobs", "cost of a job, 100 000 / 1 000", flatness, 1.2),
    Goal("jobs", "growth of the parent a job, at 100 000", memory, 2.0, unit=" KiB"),
    Goal("lag of the loop", "p99, the worst benchmark", lag(p99), 5.0, unit=" ms"),
    Goal("lag of the loop", "max, the worst benchmark", lag(worst), 25.0, unit=" ms"),
)
