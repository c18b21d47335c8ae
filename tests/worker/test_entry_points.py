"""Entry points are sent by name, and are not loaded by who sends them."""

import subprocess
import sys

from asyncflow.worker import entry_points, trip


def test_they_call_the_functions_of_trip() -> None:
    asked = iter([False, True])
    entry_points.load(["no_such_module", "another"], lambda: next(asked))
    assert [*asked] == []


def test_their_file_is_where_the_frames_of_a_trip_are() -> None:
    assert entry_points.PATH == trip.__file__ == trip.run.__code__.co_filename


def test_a_parent_does_not_load_them() -> None:
    code = (
        "import asyncflow.executors.process.executor, sys; "
        "print('asyncflow.worker.trip' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"False\n", done.stderr
