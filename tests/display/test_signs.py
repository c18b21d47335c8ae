"""The signs of statuses."""

from __future__ import annotations

from asyncflow.display.signs import leading, sign_of, words
from asyncflow.status import Status


def test_every_status_has_a_sign_of_its_own() -> None:
    assert len({sign_of(status)[0] for status in Status}) == len(Status)


def test_what_matters_most_leads() -> None:
    counts = {Status.COMPLETED: 5, Status.FAILED: 1, Status.RUNNING: 2}
    assert leading(counts) is Status.FAILED
    assert words(counts) == "1 FAILED, 2 RUNNING, 5 COMPLETED"
    assert words({Status.SKIPPED: 1}) == "SKIPPED"
    assert words({}) == ""
