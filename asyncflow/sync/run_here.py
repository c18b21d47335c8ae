"""Runs in development mode: the thread that submits runs their jobs."""

from __future__ import annotations

from collections.abc import Callable

from asyncflow.callers import Caller
from asyncflow.entities.submission import Submission
from asyncflow.sync.loop import Loop

INTERRUPTED = "interrupted by Ctrl-C"


def run_here(loop: Loop, submit: Callable[[], Submission]) -> Submission:
    """Start a run; run its jobs in this thread, and return when it has ended.

    Ctrl-C ends the function that runs, and cancels the run; a second one is not waited
    for what is left of it.

    :param submit: starts it, on the event loop
    :raises KeyboardInterrupt: after Ctrl-C
    """
    caller = Caller()
    made: list[Submission] = []

    async def run() -> Submission:
        submission = submit()
        caller.begin(submission.id)
        made.append(submission)
        return submission if submission.waits_for_data else await submission.wait()

    def cancel() -> None:
        for submission in made:
            submission.cancel(reason=INTERRUPTED)

    future = loop.start(run)
    future.add_done_callback(lambda _: caller.end(made[0].id if made else ""))

    try:
        caller.serve()
    except KeyboardInterrupt:
        loop.call(cancel)
        caller.serve()
        raise
    finally:
        future.cancel()
        caller.leave()

    return future.result()
