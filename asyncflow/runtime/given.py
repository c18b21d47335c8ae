"""What verbs are given: handles of their own orchestrator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncflow import ids
from asyncflow.config.checks.values import check_entity, check_submittable
from asyncflow.errors import UsageError

if TYPE_CHECKING:
    from asyncflow.runtime.session import Session


def check_own(session: Session, entity: Any) -> None:
    """Refuse to submit what cannot be, or is of another orchestrator.

    :raises TypeError: where it is no scenario, sequence or task
    :raises UsageError: where another orchestrator has made it, whose its runs are
    """
    check_submittable(entity)
    verbs = getattr(entity, "_verbs", None)

    if getattr(verbs, "session", None) is not session:
        raise UsageError(
            f"{entity.id} is a handle of another Orchestrator: get it from this one, "
            f"`await orchestrator.get({entity.id!r})`, or call its own verbs"
        )


def check_own_scenario(session: Session, scenario: Any) -> None:
    """Refuse what is no scenario of this orchestrator; None is one of any."""
    if scenario is not None:
        check_entity(scenario, ids.SCENARIO)
        check_own(session, scenario)


def check_own_run(session: Session, what: Any) -> None:
    """Refuse what is no submission, and no job, of this orchestrator."""
    check_entity(what, ids.SUBMISSION, ids.JOB)
    check_own(session, getattr(what, "submission", what).entity)
