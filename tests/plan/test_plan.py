"""The plan is pure: feed it events, compare its instructions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncflow.plan.graph import Graph
from asyncflow.plan.instructions import (
    Block,
    End,
    Finish,
    Instruction,
    Kill,
    MakeReady,
    Ref,
)
from asyncflow.plan.plan import Plan
from asyncflow.plan.queues import Needs
from asyncflow.status import DONE, FINAL, Status
from tests.support.graphs import chain, fan, submit

History: TypeAlias = dict[int, Status]


@pytest.mark.smoke
def test_a_chain_becomes_ready_job_by_job() -> None:
    plan = Plan()

    assert submit(plan, 1, chain(3)) == [MakeReady(1, [0])]
    assert plan.offered() == (1, 0)
    assert plan.offered() is None
    assert plan.ended((1, 0), Status.COMPLETED) == [MakeReady(1, [1])]
    assert plan.offered() == (1, 1)
    assert plan.ended((1, 1), Status.SKIPPED) == [MakeReady(1, [2])]
    assert plan.offered() == (1, 2)
    assert plan.ended((1, 2), Status.COMPLETED) == [Finish(1)]
    assert plan.is_idle


def test_a_failure_abandons_all_that_needs_it() -> None:
    plan = Plan()
    submit(plan, 1, chain(3))
    plan.offered()

    assert plan.ended((1, 0), Status.FAILED) == [
        End((1, 1), Status.ABANDONED, "it needs t0, which failed"),
        End((1, 2), Status.ABANDONED, "it needs t1, which was abandoned"),
        Finish(1),
    ]
    assert plan.is_idle


def test_a_failure_leaves_independent_jobs_alone() -> None:
    plan = Plan()
    submit(plan, 1, fan(2))
    plan.offered()

    assert plan.ended((1, 0), Status.FAILED) == []
    assert plan.offered() == (1, 1)


def test_stop_ends_the_rest_of_the_run() -> None:
    plan = Plan()
    submit(plan, 1, fan(3), stop=True)
    plan.offered()
    plan.offered()

    why = "the run stops as t0 failed"
    assert plan.ended((1, 0), Status.FAILED) == [
        Kill((1, 1), why),
        End((1, 2), Status.CANCELED, why),
    ]
    assert plan.offered() is None
    assert plan.ended((1, 1), Status.CANCELED) == [Finish(1)]
    assert plan.is_idle


def test_cancel_kills_what_runs_and_ends_what_waits() -> None:
    plan = Plan()
    submit(plan, 1, chain(3))
    plan.offered()

    assert plan.canceled(1, "enough") == [
        Kill((1, 0), "enough"),
        End((1, 1), Status.CANCELED, "enough"),
        End((1, 2), Status.CANCELED, "enough"),
    ]
    assert plan.ended((1, 0), Status.CANCELED) == [Finish(1)]
    assert plan.canceled(1, "again") == []


def test_what_ends_for_its_time_has_a_job_that_failed() -> None:
    """Also where none has begun: the run is what one of its jobs is."""
    plan = Plan()
    submit(plan, 1, chain(2))
    assert plan.canceled(1, "late", killed=Status.FAILED) == [
        End((1, 0), Status.FAILED, "late"),
        End((1, 1), Status.CANCELED, "late"),
        Finish(1),
    ]


def test_a_job_that_finished_before_the_kill_stays_completed() -> None:
    plan = Plan()
    submit(plan, 1, chain(2))
    plan.offered()
    plan.canceled(1, "enough")

    assert plan.ended((1, 0), Status.COMPLETED) == [Finish(1)]


def test_an_empty_run_is_finished_at_once() -> None:
    assert submit(Plan(), 1, fan(0)) == [Finish(1)]


def test_an_earlier_failure_does_not_abandon_a_later_run() -> None:
    plan = Plan()
    submit(plan, 1, chain(2))
    submit(plan, 2, chain(2))
    plan.offered()

    assert MakeReady(2, [0]) in plan.ended((1, 0), Status.FAILED)


def test_who_will_write_is_known_until_the_end() -> None:
    plan = Plan()
    submit(plan, 1, chain(1))

    assert plan.will_be_written("n1")
    assert not plan.will_be_written("n0")
    plan.offered()
    plan.ended((1, 0), Status.COMPLETED)
    assert not plan.will_be_written("n1")


def test_a_run_goes_on_after_a_crash() -> None:
    plan = Plan()
    ended = {0: Status.COMPLETED, 1: Status.SKIPPED}
    names = ["t0", "t1", "t2"]

    assert plan.submitted(1, chain(3), names, ended=ended) == []
    assert plan.admitted(10) == [MakeReady(1, [2])]
    assert plan.offered() == (1, 2)
    assert plan.ended((1, 2), Status.COMPLETED) == [Finish(1)]
    assert plan.is_idle


def test_after_a_crash_a_failure_abandons_what_needed_it() -> None:
    ended = {0: Status.COMPLETED, 1: Status.FAILED}

    assert Plan().submitted(1, chain(3), ["t0", "t1", "t2"], ended=ended) == [
        End((1, 2), Status.ABANDONED, "it needs t1, which failed"),
        Finish(1),
    ]


def test_after_a_crash_a_stop_goes_on() -> None:
    plan = Plan()
    ended = {0: Status.FAILED}
    why = "the run stops as a job failed"

    assert plan.submitted(1, fan(2), ["t0", "t1"], stop=True, ended=ended) == [
        End((1, 1), Status.CANCELED, why),
        Finish(1),
    ]


def test_after_a_crash_only_the_end_may_be_left_to_tell() -> None:
    plan = Plan()

    assert plan.submitted(1, fan(1), ["t0"], ended={0: Status.COMPLETED}) == [Finish(1)]
    assert plan.admitted(10) == []
    assert plan.is_idle


@st.composite
def rows(draw: st.DrawFn) -> Graph:
    """Jobs in a row, which also read and write what runs share."""
    count = draw(st.integers(2, 5))
    run = draw(st.integers(0, 2))
    graph = chain(count, f"row{run}.")
    index, node = (
        draw(st.integers(0, count - 1)),
        draw(st.sampled_from(["shared0", ""])),
    )
    shared = [[node] if node and at == index else [] for at in range(count)]

    is_read = draw(st.booleans())
    return Graph(
        successors=graph.successors,
        predecessors=graph.predecessors,
        reads=_joined(graph.reads, shared) if is_read else graph.reads,
        writes=graph.writes if is_read else _joined(graph.writes, shared),
    )


def _joined(
    some: Sequence[Sequence[str]], others: Sequence[Sequence[str]]
) -> list[list[str]]:
    return [[*one, *other] for one, other in zip(some, others, strict=True)]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Random graphs over a few data nodes; each job comes after what it needs."""
    count = draw(st.integers(0, 8))
    run = draw(st.integers(0, 2))
    shared = [f"shared{index}" for index in range(3)]
    # A job writes at most one shared node, and no two jobs of a run write the same.
    owners = draw(st.permutations([*shared, *[""] * 8]))
    writes = [
        [f"own{run}.{index}"] + ([owners[index]] if owners[index] else [])
        for index in range(count)
    ]
    writers = {node: index for index, nodes in enumerate(writes) for node in nodes}
    reads: list[list[str]] = []
    needs: list[set[int]] = []

    for index in range(count):
        earlier = sorted(node for node, writer in writers.items() if writer < index)
        outer = sorted(node for node in shared if node not in writers)
        pool = [*earlier, *outer]
        read = draw(st.lists(st.sampled_from(pool), unique=True)) if pool else []
        reads.append(read)
        needs.append({writers[node] for node in read if node in writers})

    return Graph(
        successors=[
            [later for later in range(count) if index in needs[later]]
            for index in range(count)
        ],
        predecessors=[len(needed) for needed in needs],
        reads=reads,
        writes=writes,
    )


def before_a_crash(draw: Callable[[list[Status]], Status], graph: Graph) -> History:
    """Choose how jobs of a graph had ended when its orchestrator was killed."""
    ended: dict[int, Status] = {}

    for index in range(len(graph.successors)):
        needed = {
            ended.get(earlier)
            for earlier, successors in enumerate(graph.successors)
            if index in successors
        }
        outcomes = [Status.SUBMITTED]  # it had not ended

        if needed <= {Status.COMPLETED, Status.SKIPPED}:
            outcomes += [Status.COMPLETED, Status.SKIPPED, Status.FAILED]
        elif needed & {Status.FAILED, Status.CANCELED, Status.ABANDONED}:
            outcomes += [Status.ABANDONED]

        status = draw([*outcomes, Status.CANCELED])

        if status is not Status.SUBMITTED:
            ended[index] = status

    return ended


RESOURCES = {"gpu": 2.0, "disk": 1.0}


class World:
    """Carries the plan's instructions out, and holds what must always be true."""

    def __init__(self, pick: Callable[[int], int]) -> None:
        self.plan = Plan(RESOURCES)
        self.pick = pick
        self.graphs: dict[int, Graph] = {}
        self.needs: dict[Ref, Needs] = {}
        self.status: dict[Ref, Status] = {}
        self.running: list[Ref] = []
        self.links: dict[Ref, Ref] = {}
        """For a job that has a slot, the one that follows it on that slot."""
        self.killed: set[Ref] = set()
        self.postponed: list[Ref] = []
        self.finished: list[int] = []
        self.now = 0.0

    def carry_out(self, instructions: list[Instruction]) -> None:
        for instruction in instructions:
            match instruction:
                case Block(run, places):
                    for ref in [(run, place) for place in places]:
                        assert self.status[ref] is Status.SUBMITTED
                        self.status[ref] = Status.BLOCKED
                case MakeReady(run, places):
                    for ref in [(run, place) for place in places]:
                        assert self.status[ref] in (Status.SUBMITTED, Status.BLOCKED)
                        assert ref not in self.postponed
                        self.status[ref] = Status.PENDING
                case End(ref, status, reason):
                    assert self.status[ref] not in {Status.RUNNING, *FINAL}
                    assert status in (Status.CANCELED, Status.ABANDONED)
                    assert reason
                    self.status[ref] = status
                case Kill(ref, _):
                    assert self.status[ref] is Status.RUNNING
                    self.killed.add(ref)
                case Finish(run):
                    self.finished.append(run)

        self.check()

    def check(self) -> None:
        waiting = [ref for ref, one in self.status.items() if one is Status.PENDING]
        assert self.plan.ready == len(waiting)

        for name, most in RESOURCES.items():
            assert self.taken(name) <= most

    def taken(self, name: str) -> float:
        return sum(self.needs.get(ref, {}).get(name, 0) for ref in self.running)

    def fits(self, ref: Ref) -> bool:
        needs = self.needs.get(ref, {})
        return all(self.taken(one) + needs[one] <= RESOURCES[one] for one in needs)

    def submit(
        self,
        graph: Graph,
        *,
        stop: bool,
        ended: Mapping[int, Status] = {},
        priority: float = 0.0,
        needs: Mapping[int, Needs] = {},
    ) -> None:
        run = len(self.graphs) + 1
        self.graphs[run] = graph
        self.needs.update(((run, index), one) for index, one in needs.items())
        self.status.update(
            ((run, index), Status.SUBMITTED) for index in range(len(graph.successors))
        )
        self.status.update(((run, index), status) for index, status in ended.items())
        names = [f"t{index}" for index in range(len(graph.successors))]
        self.carry_out(
            self.plan.submitted(
                run,
                graph,
                names,
                stop=stop,
                ended=ended,
                priority=priority,
                needs=needs,
            )
        )

        if not ended:
            for writes in graph.writes:
                assert all(self.plan.will_be_written(node) for node in writes)

    def start(self) -> bool:
        expected = self.plan.next(self.now)
        assert self.plan.offered(self.now, lambda _: False) is None
        ref = self.plan.offered(self.now, lambda ref: ref == expected)
        assert ref == expected

        if ref is None:
            # Who has waited for long for a resource holds it back from others.
            ready = [ref for ref, one in self.status.items() if one is Status.PENDING]
            assert not any(self.fits(ref) and not self.needs.get(ref) for ref in ready)
            assert self.running or not ready
            return False

        assert self.status[ref] is Status.PENDING
        assert self.fits(ref)
        self.check_needs(ref)
        self.check_order(ref, self.running)
        self.status[ref] = Status.RUNNING
        self.running.append(ref)
        self.check()
        return True

    def follow(self) -> None:
        """Give a slot to the next link of a chain as well."""
        may = [(ref, self.plan.follower(ref)) for ref in self.running]
        pairs = [(ref, after) for ref, after in may if after is not None]

        if not pairs:
            return

        ref, after = pairs[self.pick(len(pairs))]
        assert self.status[after] is Status.BLOCKED
        assert after not in self.needs
        assert self.needed(after) - {ref} == {
            one for one in self.needed(after) if self.status[one] in DONE
        }
        self.check_order(after, [one for one in self.running if one[0] != after[0]])
        self.plan.followed(after)
        self.status[after] = Status.RUNNING
        self.running.append(after)
        self.links[ref] = after
        self.check()

    def give_back(self, ref: Ref) -> None:
        """Take a job off its slot that has not started, and those that follow it."""
        self.give_back_followers(ref)
        self.running.remove(ref)

        if ref in self.killed:
            self.status[ref] = Status.CANCELED
            self.carry_out(self.plan.ended(ref, Status.CANCELED, self.now))
        else:
            is_free = all(self.status[one] in DONE for one in self.needed(ref))
            self.status[ref] = Status.PENDING if is_free else Status.BLOCKED
            self.plan.returned(ref, self.now)
            self.check()

    def give_back_followers(self, ref: Ref) -> None:
        after = self.links.pop(ref, None)

        if after in self.running:
            self.give_back(after)

    def needed(self, ref: Ref) -> set[Ref]:
        """Return the jobs whose values a job needs."""
        run, index = ref
        successors = self.graphs[run].successors
        return {(run, one) for one, after in enumerate(successors) if index in after}

    def check_needs(self, ref: Ref) -> None:
        assert all(self.status[one] in DONE for one in self.needed(ref))

    def check_order(self, ref: Ref, running: Sequence[Ref]) -> None:
        """No job that runs or waits in an earlier run clashes with this one."""
        mine = self.graphs[ref[0]]
        reads, writes = set(mine.reads[ref[1]]), set(mine.writes[ref[1]])

        for (run, index), status in self.status.items():
            if run < ref[0] and status not in FINAL:
                other = self.graphs[run]
                assert not writes & {*other.reads[index], *other.writes[index]}
                assert not reads & set(other.writes[index])

        for run, index in running:
            other = self.graphs[run]
            assert not writes & {*other.reads[index], *other.writes[index]}
            assert not reads & set(other.writes[index])

    @property
    def started(self) -> list[Ref]:
        """Those that may have started: what they need has ended."""
        return [
            ref
            for ref in self.running
            if all(self.status[one] in DONE for one in self.needed(ref))
        ]

    def end(self) -> None:
        started = self.started
        ref = started[self.pick(len(started))]
        outcomes = [Status.COMPLETED, Status.COMPLETED, Status.FAILED]
        status = outcomes[self.pick(3)]

        if ref in self.killed and self.pick(2):
            status = Status.CANCELED

        if status is not Status.COMPLETED:
            self.give_back_followers(ref)

        self.links.pop(ref, None)
        self.running.remove(ref)
        self.status[ref] = status
        self.carry_out(self.plan.ended(ref, status, self.now))

    def end_together(self) -> None:
        """Have several jobs complete at once, each after those that it follows."""
        ended = self.started[: 1 + self.pick(4)]

        for ref in ended:
            self.links.pop(ref, None)
            self.running.remove(ref)
            self.status[ref] = Status.COMPLETED

        self.carry_out(self.plan.completed(ended, self.now))

    def postpone(self) -> None:
        """Have a job fail that is to be tried again."""
        may = [ref for ref in self.started if ref not in self.killed]

        if may:
            ref = may[self.pick(len(may))]
            self.give_back_followers(ref)
            self.running.remove(ref)
            self.plan.postponed(ref)
            self.status[ref] = Status.BLOCKED
            self.postponed.append(ref)
            self.check()

    def come_due(self) -> None:
        """Try a job again, whatever has become of it meanwhile."""
        ref = self.postponed.pop(self.pick(len(self.postponed)))
        was = self.status[ref]
        self.carry_out(self.plan.due(ref, self.now))
        assert self.status[ref] is (Status.PENDING if was is Status.BLOCKED else was)

    def cancel_job(self, ref: Ref) -> None:
        was = self.status[ref]
        self.carry_out(self.plan.canceled_job(ref, "because", self.now))

        if was is Status.RUNNING:
            assert ref in self.killed
        else:
            assert self.status[ref] is (was if was in FINAL else Status.CANCELED)

    def admit(self, count: int) -> None:
        self.carry_out(self.plan.admitted(count, self.now))

    def drain(self) -> None:
        while self.plan.has_arrivals:
            self.admit(3)

        while self.postponed:
            self.come_due()

        while True:
            while self.start():
                pass

            if not self.running:
                break

            self.end()

        assert set(self.status.values()) <= FINAL
        assert sorted(self.finished) == sorted(self.graphs)
        assert self.plan.is_idle
        assert self.plan.ready == 0
        assert not self.plan._takers


EVENTS = [
    *["submit", "submit", "resume", "admit", "admit", "start", "start", "start"],
    *["end", "end together"],
    *[
        "cancel",
        "cancel job",
        "follow",
        "follow",
        "give back",
        "postpone",
        "due",
        "age",
    ],
]

NEEDS: st.SearchStrategy[Mapping[int, Needs]] = st.dictionaries(
    st.integers(0, 7),
    st.sampled_from([{"gpu": 1.0}, {"gpu": 2.0}, {"gpu": 1.0, "disk": 1.0}]),
    max_size=4,
)


@pytest.mark.limit(300)
@settings(max_examples=5 * settings().max_examples)
@given(st.data())
def test_any_runs_in_any_order(data: st.DataObject) -> None:
    def pick(count: int) -> int:
        return data.draw(st.integers(0, count - 1))

    world = World(pick)

    for _ in range(data.draw(st.integers(1, 25))):
        match data.draw(st.sampled_from(EVENTS)):
            case "submit":
                graph = data.draw(graphs() | rows())
                count = len(graph.successors)
                needs = data.draw(NEEDS)
                world.submit(
                    graph,
                    stop=data.draw(st.booleans()),
                    priority=data.draw(st.sampled_from([0, 0, 1, 5])),
                    needs={at: one for at, one in needs.items() if at < count},
                )
            case "resume":
                graph = data.draw(graphs())
                ended = before_a_crash(
                    lambda outcomes: data.draw(st.sampled_from(outcomes)), graph
                )
                world.submit(graph, stop=data.draw(st.booleans()), ended=ended)
            case "admit":
                world.admit(data.draw(st.integers(0, 5)))
            case "start":
                world.start()
            case "follow" if world.running:
                world.follow()
            case "give back" if world.running:
                world.give_back(world.running[pick(len(world.running))])
            case "end" if world.started:
                world.end()
            case "end together" if world.started:
                world.end_together()
            case "postpone":
                world.postpone()
            case "due" if world.postponed:
                world.come_due()
            case "age":
                world.now += data.draw(st.sampled_from([0.1, 30.0]))
            case "cancel" if world.graphs:
                run = data.draw(st.sampled_from(sorted(world.graphs)))
                world.carry_out(world.plan.canceled(run, "because", world.now))
            case "cancel job" if world.status:
                world.cancel_job(data.draw(st.sampled_from(sorted(world.status))))

    world.drain()
