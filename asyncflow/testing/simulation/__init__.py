"""The simulator: the engine over simulated workers, stores, clocks and chance.

The plan, the dispatch, values, recovery and notifications are those of asyncflow; what is
simulated is the world around them: processes, their workers, the disk, sockets, clocks and
chance. All of it runs on one event loop with a clock of its own, and follows from one seed::

    from asyncflow.testing.simulation import simulate

    outcome = simulate(7)
    assert not outcome.violations, outcome.violations

``python -m asyncflow.testing.simulation --hours 1`` plays trials for a night.
"""

from __future__ import annotations

from asyncflow.abc import Executor
from asyncflow.testing.simulation.drawing import drawn
from asyncflow.testing.simulation.play import Outcome as Outcome
from asyncflow.testing.simulation.play import played
from asyncflow.testing.simulation.stage import MakeStore

__all__ = ["Outcome", "simulate"]


def simulate(
    seed: int | str,
    *,
    store: MakeStore | None = None,
    executor: type[Executor] | None = None,
) -> Outcome:
    """Play the trial of a seed; tell which promises were broken in it.

    It blocks, and runs an event loop of its own: call it where none runs. While it plays,
    the clock, the random bytes and the threads of this process are simulated ones.

    What a store or an executor does is replayed by the seed as long as it uses the event
    loop, `anyio.to_thread`, `time` and `os.urandom`, and no thread of its own.

    :param seed: a number, or a number and a theme, as in ``7-batches``
    :param store: makes the store of a process from a folder for all of them and the
        number of the process (-1 for the one that looks into it at the end); None for a
        simulated one, whose writes fail, too
    :param executor: what runs the jobs, in this process; None for a simulated one, whose
        workers die, too
    :return: what came of it: its ``violations``, its ``trace`` and the ``digest`` of that
    :raises UsageError: there is no such theme, or the executor calls functions in other
        processes
    """
    return played(drawn(seed), store, executor)
