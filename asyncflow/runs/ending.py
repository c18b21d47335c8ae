"""Why a run ends otherwise than by the ends of its jobs."""

from __future__ import annotations

from asyncflow.worker.shortened import REASON, shortened


class Ending:
    """What ends a run early, as far as anything does. What comes first stays."""

    cancel_reason: str | None = None
    """Why it is cancelled; None where it is not."""
    interrupt_reason: str | None = None
    """Why it ends here alone; None where it does not."""
    failure: Exception | None = None
    """The error of the engine's that ended it; None for none."""

    @property
    def reason(self) -> str | None:
        """Why it is to end early, cancelled or interrupted; None where it is not."""
        return self.cancel_reason or self.interrupt_reason

    @property
    def is_left(self) -> bool:
        """Whether what becomes of it is not told here: it goes on elsewhere, or nobody
        knows.
        """
        return self.interrupt_reason is not None or self.failure is not None

    def cancel(self, reason: str) -> None:
        """Take note of why it is cancelled."""
        self.cancel_reason = self.cancel_reason or shortened(reason, REASON)

    def interrupt(self, reason: str) -> None:
        """Take note of why it ends here alone."""
        self.interrupt_reason = self.interrupt_reason or shortened(reason, REASON)

    def fail(self, error: Exception) -> None:
        """Take note of an error that is not a job's."""
        self.failure = self.failure or error
