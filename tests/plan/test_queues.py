"""Whose turn it is: priorities, turns, and that nobody waits for ever. Pure."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from asyncflow.plan.queues import AGING, Needs, Queues


def everything(_: Needs) -> bool:
    return True


@attrs.frozen
class Waiting:
    """The jobs that wait; None for all."""

    jobs: set[tuple[int, int]] | None = None

    def is_ready(self, run: int, index: int) -> bool:
        return self.jobs is None or (run, index) in self.jobs


def queues() -> Queues:
    return Queues(Waiting())


@pytest.mark.smoke
def test_the_higher_priority_goes_first() -> None:
    lines = queues()

    for run, priority in enumerate([0.0, 5.0, -1.0, 2.5]):
        lines.put(run, 0, priority, {}, 0.0)

    assert [lines.take(0.0, everything) for _ in range(5)] == [
        (1, 0),
        (3, 0),
        (0, 0),
        (2, 0),
        None,
    ]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=6))
def test_runs_of_one_priority_take_turns(sizes: list[int]) -> None:
    lines = queues()

    for run, size in enumerate(sizes):
        for index in range(size):
            lines.put(run, index, 0.0, {}, 0.0)

    taken = [lines.take(0.0, everything) for _ in range(sum(sizes))]

    rounds = sorted(
        (index, run) for run, size in enumerate(sizes) for index in range(size)
    )
    assert taken == [(run, index) for index, run in rounds]


@pytest.mark.parametrize(("waited", "first"), [(0.9, 0), (1.1, 1)])
def test_who_waits_gains_priority(waited: float, first: int) -> None:
    lines = queues()
    lines.put(1, 0, 0.0, {}, 0.0)
    now = waited * AGING
    lines.put(0, 0, 1.0, {}, now)
    assert lines.take(now, everything) == (first, 0)


@attrs.frozen
class Job:
    """A job of the simulation."""

    priority: float
    needs: dict[str, int]
    takes: int
    """How long, in ticks of a second."""
    begins: int = 0
    """When the first of them comes."""


VICTIM = 99
TOTAL = {"gpu": 3, "disk": 2}
jobs = st.builds(
    Job,
    st.integers(0, 5),
    st.dictionaries(st.sampled_from(["gpu", "disk"]), st.integers(1, 2), max_size=2),
    st.integers(1, 3),
    st.integers(0, 3),
)
victims = st.builds(
    Job,
    st.integers(-3, 0),
    st.fixed_dictionaries({}, optional={"gpu": st.just(3), "disk": st.just(2)}),
    st.just(1),
)


@given(
    victim=victims,
    rivals=st.lists(jobs, min_size=1, max_size=4),
    slots=st.integers(1, 3),
)
@example(  # there are never three left
    victim=Job(0, {"gpu": 3}, 1),
    rivals=[Job(1, {"gpu": 1}, 2), Job(2, {"gpu": 1}, 2, begins=1)],
    slots=2,
)
def test_nobody_waits_for_ever(victim: Job, rivals: list[Job], slots: int) -> None:
    """Rivals come again as soon as they have ended."""
    lines = queues()
    running: list[tuple[int, int]] = []
    lines.put(VICTIM, 0, victim.priority, victim.needs, 0.0)

    def fits(needs: Needs) -> bool:
        return all(
            amount + taken(name) <= TOTAL[name] for name, amount in needs.items()
        )

    def taken(name: str) -> float:
        return sum(rivals[run].needs.get(name, 0) for _, run in running)

    limit = int(AGING * 9 * (len(rivals) + 1)) + 20

    for now in range(limit):
        ended = [run for end, run in running if end == now]
        running = [(end, run) for end, run in running if end > now]

        for run, rival in enumerate(rivals):
            if rival.begins == now or run in ended:
                lines.put(run, 0, rival.priority, rival.needs, now)

        while len(running) < slots and (ref := lines.take(now, fits)) is not None:
            if ref[0] == VICTIM:
                return

            running.append((now + rivals[ref[0]].takes, ref[0]))

        assert all(taken(name) <= TOTAL[name] for name in TOTAL)

    raise AssertionError(f"it has waited for {limit} s")


steps = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put first", "take", "cancel"]),
        st.integers(0, 3),  # the run
        st.sampled_from([0.0, 1.0, 5.0]),  # its priority
        st.sampled_from([{}, {"gpu": 1.0}, {"gpu": 2.0}]),
        st.sampled_from([0.0, 1.0, 40.0]),  # seconds that pass
    ),
    max_size=60,
)


@given(steps)
def test_each_job_has_its_turn_once(
    steps: list[tuple[str, int, float, Needs, float]],
) -> None:
    """Whatever is given back to the head of its line, or waits no more."""
    waiting: set[tuple[int, int]] = set()
    lines = Queues(Waiting(waiting))
    now = 0.0

    def take() -> None:
        expected = lines.next(now, everything)
        ref = lines.take(now, everything)
        assert ref == expected
        assert (ref is None) == (not waiting)
        waiting.discard(ref or (0, -1))

    for index, (what, run, priority, needs, passing) in enumerate(steps):
        now += passing

        if what.startswith("put"):
            waiting.add((run, index))
            lines.put(run, index, priority, needs, now, first=what == "put first")
        elif what == "take":
            take()
        elif waiting:
            waiting.remove(min(waiting))

    while waiting:
        take()

    assert lines.take(now, everything) is None
    assert not lines._queues
