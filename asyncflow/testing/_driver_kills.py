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

fraction, appends = float(sys.argv[1]), sys.argv[2] == "True"
driver, values, paths = pickle.load(sys.stdin.buffer)
driver.locate()
kept = None


def put(number):
    global kept
    path = f"{paths}-{number}.value"

    if appends and number % 2:
        staged = driver.append(values[1], kept, path, "node")
    else:
        value = values[0 if appends else number % len(values)]
        staged = driver.write(value, path, "node")

    kept = driver.publish(staged, path)


for number in range(3 + appends):
    start = time.perf_counter()
    put(number)

took = time.perf_counter() - start
signal.setitimer(signal.ITIMER_REAL, 1e-6 + 2 * fraction * took)

while True:
    number += 1
    put(number)
"""
"""Writes one value after the other, or every other time appends one, until a signal ends
it that it knows nothing of."""


def kill_writes(
    driver: Driver,
    values: Sequence[object],
    folder: str,
    *,
    kills: int,
    same: Callable[[object, object], bool],
) -> Iterator[None]:
    """Kill programs that write, then such as append, each at another point; see what is
    there then.

    Yields after each kill, once what is left is removed.

    :param folder: the one in which it writes
    :param kills: how many programs of either kind; none that append, where it does not
    :raises AssertionError: where the value is not whole, or something is left
    """
    chance = random.Random(kills)  # noqa: S311  # has to be the same each time
    paths = os.path.join(folder, ORCHESTRATOR)
    first, second = f"{paths}-first.value", f"{paths}-second.value"

    for appends in (False, True) if driver.appends else (False,):
        kept = driver.publish(driver.write(values[0], first, "node"), first)
        whole = list(values)

        if appends:
            both = driver.append(values[1], kept, second, "node")
            whole = [driver.read(kept), driver.read(driver.publish(both, second))]

        if driver.keeps_versions:
            whole = whole[:1]

        before = {*os.listdir(folder)}

        for _ in range(kills):
            _kill(dumps((driver, values, paths)), chance.random(), appends)

            if not appends:  # of what is appended readers may see a part, for a moment
                _check_whole(driver.read(kept), whole, same)

            _tidy_up(driver, folder, before)
            _check_whole(driver.read(kept), whole, same)
            yield


def _check_whole(
    value: object, whole: Sequence[object], same: Callable[[object, object], bool]
) -> None:
    assert any(same(value, candidate) for candidate in whole), (
        f"a killed write leaves a whole value; there is {value!r:.100}"
    )


def _tidy_up(driver: Driver, folder: str, before: set[str]) -> None:
    """Remove what is left, as when the next orchestrator is opened."""
    for name in {*os.listdir(folder)} - before:
        if name.endswith(STAGED):  # it is on a server, or a folder
            driver.discard(None, os.path.join(folder, name.removesuffix(STAGED)))

    left = {*os.listdir(folder)} - before

    if not driver.keeps_versions:
        found = {os.path.basename(path) for path in driver.staged(ORCHESTRATOR)}
        known = {name for name in left if name.startswith(f"{ORCHESTRATOR}-")}
        assert left - known <= found, "what a killed write has left is found"

    for name in left:
        os.unlink(os.path.join(folder, name))


def _kill(given: bytes, fraction: float, appends: bool) -> None:
    ended = subprocess.run(  # it is our own
        [sys.executable, "-c", _PROGRAM, str(fraction), str(appends)],
        input=given,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=False,
    )
    assert ended.returncode == -signal.SIGALRM, ended.stderr.decode(errors="replace")
