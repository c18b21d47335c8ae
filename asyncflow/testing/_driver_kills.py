"""What a driver leaves when its process is killed while it writes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence

from asyncflow.abc import Driver
from asyncflow.worker.codec import dumps
from asyncflow.worker.intent import STAGED

ORCHESTRATOR = "ORCHESTRATOR_1"
"""Whose writes they seem to be."""

_PROGRAM = """
import pickle, signal, sys, time

fraction = float(sys.argv[1])
driver, values, paths = pickle.load(sys.stdin.buffer)
driver.locate()


def put(number):
    path = f"{paths}-{number}.value"
    driver.publish(driver.write(values[number % len(values)], path, "node"), path)


for number in range(3):
    start = time.perf_counter()
    put(number)

took = time.perf_counter() - start
signal.setitimer(signal.ITIMER_REAL, 1e-6 + 2 * fraction * took)

while True:
    number += 1
    put(number)
"""
"""Writes one value after the other, until a signal ends it that it knows nothing of."""


def kill_writes(
    driver: Driver,
    values: Sequence[object],
    folder: str,
    *,
    kills: int,
    same: Callable[[object, object], bool],
) -> Iterator[None]:
    """Kill programs that write, each at another point; see what is there then.

    Yields after each kill, once what is left is removed.

    :param folder: the one in which it writes
    :param kills: how many programs
    :raises AssertionError: where the value is not whole, or something is left
    """
    chance = random.Random(kills)  # noqa: S311  # has to be the same each time
    paths = os.path.join(folder, ORCHESTRATOR)
    first = f"{paths}-first.value"
    kept = driver.publish(driver.write(values[0], first, "node"), first)
    before = {*os.listdir(folder)}

    for _ in range(kills):
        _kill(dumps((driver, values, paths)), chance.random())
        value = driver.read(kept)
        likely = values[:1] if driver.keeps_versions else values
        assert any(same(value, likely_value) for likely_value in likely), (
            f"a killed write leaves a whole value; there is {value!r:.100}"
        )
        left = {*os.listdir(folder)} - before

        for name in [
            name for name in left if name.endswith(STAGED)
        ]:  # it is on a server
            left.remove(name)
            driver.discard(None, os.path.join(folder, name.removesuffix(STAGED)))

        if not driver.keeps_versions:
            found = {os.path.basename(path) for path in driver.staged(ORCHESTRATOR)}
            assert left <= found, "what a killed write has left is found"

        for name in left:  # as when the next orchestrator is opened
            os.unlink(os.path.join(folder, name))

        yield


def _kill(given: bytes, fraction: float) -> None:
    ended = subprocess.run(  # it is our own
        [sys.executable, "-c", _PROGRAM, str(fraction)],
        input=given,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=False,
    )
    assert ended.returncode == -signal.SIGALRM, ended.stderr.decode(errors="replace")
