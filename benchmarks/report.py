"""The tables: medians of all rounds, and the least and the most that any round had."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from benchmarks import goals, machine, peers
from benchmarks.lag import Lag
from benchmarks.rounds import Result, Sample
from benchmarks.spread import NONE, Row, spread, table, unit
from benchmarks.suite import WORKERS
from benchmarks.walkers import MODULES

WALKERS = tuple(MODULES)
RATIOS = (
    ("asyncflow", "bare"),
    ("asyncflow", "pool"),
    ("asyncflow", "memory"),
    ("pool", "bare"),
)
SIZE = ("jobs", "rounds", "µs a job", "creating, µs a job", "parent grew, bytes a job")
MEBI = 1024 * 1024


def header(facts: Mapping[str, str]) -> str:
    return "\n".join(f"{name + ':':30}{fact}" for name, fact in facts.items())


def tables(results: Sequence[Result], idle: Sequence[Lag]) -> str:
    """Lay out what was measured."""
    measured = [result for result in results if compared(result)]
    sizes = [result for result in results if result.benchmark.scaling]
    whole = [result for result in measured if not result.problem]
    lagged = [result for result in whole if not result.benchmark.cold]
    parts = part_of(
        "Time, as ratios of the rounds: median (least..most)",
        ["benchmark", "jobs", "rounds", *(f"{a} / {b}" for a, b in RATIOS)],
        map(ratio_row, measured),
    )
    parts += part_of(
        "Time: median (least..most)",
        ["benchmark", "unit", *WALKERS, "asyncflow: creating", "of it: reading"],
        map(time_row, whole),
    )
    parts += part_of(
        "CPU time of the parent process, the same unit",
        ["benchmark", "unit", *WALKERS],
        map(cpu_row, lagged),
    )
    parts += part_of(
        "Lag of the event loop meanwhile, ms",
        ["benchmark", "walker", "p50", "p99", "p99 by time", "max"],
        [idle_row(idle), *lags_of([*lagged, *sizes])],
    )
    parts += part_of("Cost by number of jobs, asyncflow", SIZE, map(size_row, sizes))
    parts += part_of(
        "Peers: median (least..most); a ratio is of two samples of one round",
        peers.HEAD,
        peers.rows(results),
    )
    notes = [line for result in results for line in notes_of(result)]
    notes += peers.notes(results)
    parts += ["\n".join(notes)] if notes else []
    parts += part_of(goals.title(results), goals.HEAD, goals.rows(results))
    return "\n\n".join(parts)


def part_of(title: str, head: Row, rows: Iterable[Row]) -> list[str]:
    """Lay out a titled table; nothing where it has no rows."""
    lines = list(rows)
    return [title, table(head, lines)] if lines else []


def compared(result: Result) -> bool:
    """Tell whether all walkers ran it."""
    return not (result.benchmark.check or result.benchmark.scaling)


def size_row(result: Result) -> Row:
    if result.problem:
        return [str(result.jobs), "see below", NONE, NONE, NONE]

    samples = result.samples["asyncflow"]
    return [
        str(result.jobs),
        str(len(samples)),
        column(result, samples, seconds_of),
        column(result, samples, lambda sample: sample.create),
        spread([byte / result.jobs for byte in grown(samples)], 0),
    ]


def grown(samples: Sequence[Sample]) -> list[int]:
    return [sample.growth for sample in samples if sample.growth is not None]


def ratio_row(result: Result) -> Row:
    if result.problem:
        return [
            result.benchmark.name,
            str(result.jobs),
            "see below",
            *[NONE] * len(RATIOS),
        ]

    seconds = {
        name: [sample.seconds for sample in samples]
        for name, samples in result.samples.items()
    }
    ratios = [
        spread([x / y for x, y in zip(seconds[a], seconds[b], strict=True)], 2)
        for a, b in RATIOS
    ]
    rounds = str(len(seconds["bare"]))
    return [result.benchmark.name, str(result.jobs), rounds, *ratios]


def time_row(result: Result) -> Row:
    asyncflow = result.samples["asyncflow"]
    return [
        result.benchmark.name,
        unit(result)[0],
        *(column(result, result.samples[name], seconds_of) for name in WALKERS),
        column(result, asyncflow, lambda sample: sample.create),
        column(result, asyncflow, lambda sample: sample.read),
    ]


def cpu_row(result: Result) -> Row:
    return [
        result.benchmark.name,
        unit(result)[0],
        *(
            column(result, result.samples[name], lambda sample: sample.cpu)
            for name in WALKERS
        ),
    ]


def seconds_of(sample: Sample) -> float:
    return sample.seconds


def column(
    result: Result, samples: Sequence[Sample], take: Callable[[Sample], float | None]
) -> str:
    """Tell one fact of some samples, in the unit of the benchmark."""
    factor, facts = unit(result)[1], [take(sample) for sample in samples]
    return spread([fact * factor for fact in facts if fact is not None], 1)


def idle_row(lags: Sequence[Lag]) -> Row:
    return ["(an idle loop)", "none", *lag_columns(lags)]


def lags_of(results: Sequence[Result]) -> Iterable[Row]:
    for result in results:
        for name, samples in result.samples.items():
            if lags := [sample.lag for sample in samples if sample.lag]:
                yield [result.benchmark.name, name, *lag_columns(lags)]


def lag_columns(lags: Sequence[Lag]) -> Iterable[str]:
    for values in zip(*lags, strict=True):
        yield spread([value * 1e3 for value in values], 1)


def notes_of(result: Result) -> Iterable[str]:
    """Say what a benchmark tells besides."""
    name = result.benchmark.name

    if result.problem:
        yield f"{name}: {result.problem}"
    elif result.benchmark.check:
        seconds = result.samples["asyncflow"][0].seconds
        yield f"{name}: {result.jobs} jobs ran, the value is right ({seconds:.1f} s)"
    elif name == "cpu":
        yield f"{name}: share of the ideal time: {each(result, share_of_ideal(result))}"
    elif name == "array":
        yield f"{name}: growth of the parent's memory, MiB: {each(result, growth)}"
        yield f"{name}: {reference_of(result)}"


def reference_of(result: Result) -> str:
    """Tell what the array costs by itself, in one process."""
    handing = spread([one.handing * 1e3 for one in result.references], 1)
    own = spread([one.work * 1e3 for one in result.references], 1)
    return f"one copy and one map, ms: {handing}; the work of the two jobs, ms: {own}"


def each(result: Result, take: Callable[[Sample], float | None]) -> str:
    """Tell one fact of every walker."""
    told = []

    for name in WALKERS:
        facts = [take(sample) for sample in result.samples[name]]
        told.append(f"{name} {spread([fact for fact in facts if fact is not None], 2)}")

    return ", ".join(told)


def share_of_ideal(result: Result) -> Callable[[Sample], float]:
    """Return what tells which share of the ideal speed a sample has."""
    seconds = result.benchmark.make(result.scale).sources[0]
    assert isinstance(seconds, float)
    ideal = result.jobs * seconds / min(WORKERS, machine.cpus())
    return lambda sample: ideal / sample.seconds


def growth(sample: Sample) -> float | None:
    return None if sample.growth is None else sample.growth / MEBI
