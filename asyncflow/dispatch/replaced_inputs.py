"""Jobs whose inputs were replaced by others before they could be read."""

from __future__ import annotations

from functools import partial

import attrs

from asyncflow.abc import Outcome, Raised
from asyncflow.dispatch.attempt import Attempt
from asyncflow.dispatch.pins import Pins
from asyncflow.dispatch.store_retry import retry_until_available
from asyncflow.plan.instructions import Ref
from asyncflow.values.versions import Versions
from asyncflow.worker.errors import ValueMissing

MOST = 5
"""How often a job is given back for this."""

_MISSING = f"{ValueMissing.__module__}.{ValueMissing.__qualname__}"


@attrs.define(eq=False, repr=False)
class ReplacedInputs:
    """Tells whether a job failed only because its input is not the current one any more.

    Another process cannot know who reads the versions that it drops: it leaves their
    files for a lease. A job that comes later reads the version that took their place.
    """

    versions: Versions
    pins: Pins
    _counts: dict[Ref, int] = attrs.field(init=False, factory=dict)

    def may_concern(self, attempt: Attempt, outcome: Outcome) -> bool:
        """Tell whether it is worth a look."""
        return (
            isinstance(outcome, Raised)
            and bool(attempt.read_versions)
            and attempt.verdict is None
            and _MISSING in outcome.kinds
            and self._counts.get(attempt.ref, 0) < MOST
        )

    async def concerns(self, attempt: Attempt) -> bool:
        """Look in the store whether it has other versions now.

        :raises StoreFailed: where it cannot be asked any more
        """
        inputs = list(attempt.task.input.values())
        await retry_until_available(partial(self.versions.stored.refresh, inputs))

        if attempt.run.pins:
            await retry_until_available(partial(self.pins.renew, attempt.run))

        self._counts[attempt.ref] = self._counts.get(attempt.ref, 0) + 1
        current = {id(node.version) for node in inputs}
        return any(id(version) not in current for version in attempt.read_versions)

    def forget(self, run: int) -> None:
        """Forget the jobs of a run that has ended."""
        if self._counts:
            for ref in [ref for ref in self._counts if ref[0] == run]:
                del self._counts[ref]
