"""Mutations: the engine is broken in ways that are listed, and the simulator finds each.

By hand: ``python -m tests.testing.simulation.mutations [--seconds 60] [NAME ...]``. Each
mutation is one change of a copy of the package; the copy is simulated until a promise is
broken, or the time is up.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import attrs

PACKAGE = Path(__file__).parents[3] / "asyncflow"


@attrs.frozen
class Mutation:
    """A change of one file.

    :param old: what is there once
    :param new: what takes its place
    """

    name: str
    file: str
    old: str
    new: str

    def applied(self, text: str) -> str:
        """Return the changed text.

        :raises ValueError: where there is nothing to change, or several times
        """
        if text.count(self.old) != 1:
            found = text.count(self.old)
            raise ValueError(f"{self.name}: found {found} times in {self.file}")

        return text.replace(self.old, self.new)


MUTATIONS = (
    Mutation(
        "a commit is dropped",
        "dispatch/in_flight.py",
        "        self.store.save(*completion.records)\n",
        "        self.store.save(*completion.records[:-1])\n",
    ),
    Mutation(
        "an outcome lands twice",
        "dispatch/in_flight.py",
        "        self.runs.save(attempt.ref[0], status, record, *records)\n",
        "        self.runs.save(attempt.ref[0], status, record, *records)\n"
        "        self.runs.save(attempt.ref[0], status, record)\n",
    ),
    Mutation(
        "a value goes without its outcome",
        "dispatch/in_flight.py",
        "            records += self.versions.replace(node, one, job_id=job.id)\n",
        "            self.store.save(*self.versions.replace(node, one, job_id=job.id))\n",
    ),
    Mutation(
        "a resource is not given back",
        "plan/plan.py",
        "        run, index = ref\n        state = self._runs[run]\n"
        "        self._takers.pop(ref, None)\n",
        "        run, index = ref\n        state = self._runs[run]\n",
    ),
    Mutation(
        "a slot is not given back",
        "dispatch/slots.py",
        "        self.limiter.release_on_behalf_of(slot)\n",
        "",
    ),
    Mutation(
        "resources that others have are not counted",
        "plan/readiness.py",
        "            amount + sum(taken.get(name, 0) for taken in self._takers.values())\n",
        "            amount\n",
    ),
    Mutation(
        "two lines of the plan are swapped: a job waits for itself, not for readers",
        "plan/run_order.py",
        "            for reader in self._readers.pop(name, ()):\n"
        "                self._wait_for(ref, state, reader)\n\n"
        "            self._writers[name] = ref\n",
        "            self._writers[name] = ref\n\n"
        "            for _reader in self._readers.pop(name, ()):\n"
        "                self._wait_for(ref, state, self._writers[name])\n",
    ),
    Mutation(
        "runs do not wait for each other",
        "plan/readiness.py",
        "            or state.waits_for_jobs[index]\n"
        "            or state.waits_for_runs[index]\n",
        "            or state.waits_for_jobs[index]\n",
    ),
    Mutation(
        "what needs a failed job is not ended",
        "plan/plan.py",
        "        else:\n            self._abandon(run, state, index, instructions, now)\n\n"
        "    def _abandon",
        "\n    def _abandon",
    ),
    Mutation(
        "a job that was given back is forgotten",
        "plan/readiness.py",
        "            self._put(ref, state, now, first=True)\n",
        "            pass\n",
    ),
    Mutation(
        "a crash is taken for a return",
        "dispatch/attempt.py",
        "            return Status.FAILED, why, ()\n        case Killed",
        "            return Status.COMPLETED, why, ()\n        case Killed",
    ),
    Mutation(
        "a crash while an orchestrator died is ignored",
        "dispatch/suspects.py",
        '    if config.on_restart == "fail":\n',
        "    if False:\n",
    ),
    Mutation(
        "a job that must not run twice is not marked before it runs",
        "dispatch/running_marks.py",
        "        if fragile:\n            await self.store.flush()\n",
        "",
    ),
    Mutation(
        "the run of a live peer is adopted",
        "recovery/liveness.py",
        "        return now is not None and record.lease < now\n\n"
        "    return record.pid == os.getpid() or started(record.pid) != record.started\n",
        "        return True\n\n    return True\n",
    ),
    Mutation(
        "jobs that have ended run again after an adoption",
        "recovery/recovery.py",
        "                ended[job.id] = record\n            elif",
        "                begun.append(job)\n            elif",
    ),
    Mutation(
        "events are told before the commit",
        "notify/bus.py",
        "                await self.store.flush()\n        except Exception as error:\n"
        "            self._pending.clear()\n",
        "                pass\n        except Exception as error:\n"
        "            self._pending.clear()\n",
    ),
    Mutation(
        "who awaits a run does not wait for the disk",
        "entities/submission.py",
        "        await verbs_of(run.entity).flush()\n",
        "        pass\n",
    ),
    Mutation(
        "the end of a run is not saved",
        "dispatch/runs.py",
        "            self.store.save(run.record())\n        except",
        "            pass\n        except",
    ),
    Mutation(
        "what a run reads is not pinned",
        "dispatch/pins.py",
        "        is_awaited, is_held, last_at = False, False, 0.0\n",
        "        return 0\n",
    ),
    Mutation(
        "jobs are not started again after an outage",
        "dispatch/scheduler.py",
        "        self.in_flight.batcher.is_paused = False\n",
        "",
    ),
    Mutation(
        "a job that is to be tried again is not due",
        "dispatch/retries.py",
        "        del self.clocks[ref]\n        self.retrier.due(ref)\n",
        "        del self.clocks[ref]\n",
    ),
    Mutation(
        "a cancelled job is not killed",
        "dispatch/in_flight.py",
        "        for attempt in attempts:\n            self._kill(attempt)\n",
        "",
    ),
    Mutation(
        "a file is removed that is kept",
        "values/retention.py",
        "            or version in self.pinned\n",
        "",
    ),
    Mutation(
        "files of dropped values are left",
        "values/retention.py",
        "        self.garbage.add(version.kept)\n",
        "        pass\n",
    ),
)


def found(mutation: Mutation, seconds: float) -> float | None:
    """Simulate a broken copy; return after how many seconds that was found, or None.

    :param seconds: for how long at most
    """
    with tempfile.TemporaryDirectory(prefix="asyncflow-mutation-") as folder:
        copy = Path(folder, "asyncflow")
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        file = copy / mutation.file
        file.write_text(mutation.applied(file.read_text()))
        command = [sys.executable, "-m", "asyncflow.testing.simulation"]
        command += ["--no-shrink", "--seconds", str(seconds)]
        began = time.monotonic()
        environment = {**os.environ, "PYTHONPATH": folder, "PYTHONHASHSEED": "0"}
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, check=False
        )
        took = time.monotonic() - began

    if done.returncode not in (0, 1):
        raise RuntimeError(f"{mutation.name}: {done.stderr.decode()}")

    return took if done.returncode else None


def main() -> None:
    """Try mutations, all or some; print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.testing.simulation.mutations"
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("names", nargs="*", help="parts of the names of some")
    given = parser.parse_args()
    count = 0
    tried = [
        mutation
        for mutation in MUTATIONS
        if not given.names or any(name in mutation.name for name in given.names)
    ]

    for mutation in tried:
        took = found(mutation, given.seconds)
        count += took is not None
        shown = "not found" if took is None else f"{took:8.1f} s"
        sys.stdout.write(f"{shown:>10}  {mutation.name}\n")
        sys.stdout.flush()

    sys.stdout.write(f"{count} of {len(tried)} found\n")


if __name__ == "__main__":
    main()
