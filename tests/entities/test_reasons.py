from __future__ import annotations

from asyncflow.entities.reasons import (
    HasNoCycle,
    HasUnfinishedRun,
    IsPrimaryWithSiblings,
    IsUnknown,
)


def test_each_says_what_it_is_about() -> None:
    assert str(IsUnknown(entity_id="JOB_1")) == "nothing is known under the id 'JOB_1'"
    assert str(HasNoCycle(entity_id="SCENARIO_1")) == "SCENARIO_1 belongs to no cycle"
    run = HasUnfinishedRun(entity_id="SCENARIO_1", submission_id="SUBMISSION_2")
    assert str(run) == "SUBMISSION_2 of SCENARIO_1 has not ended"


def test_others_are_counted() -> None:
    def said(siblings: int) -> str:
        reason = IsPrimaryWithSiblings(entity_id="S", cycle_id="C", siblings=siblings)
        return str(reason)

    assert said(1) == "S is the primary scenario of C with another"
    assert said(2) == "S is the primary scenario of C with 2 others"
