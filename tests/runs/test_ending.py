"""Why a run ends early."""

from __future__ import annotations

import pytest

from asyncflow.runs.ending import Ending
from asyncflow.worker.shortened import REASON

pytestmark = pytest.mark.smoke


def test_a_run_that_just_goes_on() -> None:
    ending = Ending()
    assert (ending.reason, ending.failure, ending.is_left) == (None, None, False)


def test_the_first_of_each_kind_stays() -> None:
    ending = Ending()
    ending.interrupt("the end of the day")
    assert ending.reason == "the end of the day"
    ending.cancel("enough")
    ending.cancel("more than enough")
    ending.interrupt("another day")
    assert (ending.reason, ending.interrupt_reason) == ("enough", "the end of the day")

    first = OSError("first")
    ending.fail(first)
    ending.fail(OSError("second"))
    assert ending.failure is first


def test_what_goes_on_elsewhere_is_left() -> None:
    interrupted, failed, canceled = Ending(), Ending(), Ending()
    interrupted.interrupt("the end of the day")
    failed.fail(OSError())
    canceled.cancel("enough")
    assert (interrupted.is_left, failed.is_left, canceled.is_left) == (
        True,
        True,
        False,
    )


def test_a_reason_is_bounded() -> None:
    ending = Ending()
    ending.cancel("x" * 10 * REASON)
    assert len(ending.cancel_reason or "") <= 2 * REASON
