"""Where the Python of a worker is: told when a signal ends it, and when its parent asks."""

from __future__ import annotations

import faulthandler
import signal

ASK = int(getattr(signal, "SIGRTMAX", signal.SIGQUIT))
"""The signal by which a parent asks: one for which jobs have no use."""

SIGNALS = frozenset({int(signal.SIGTERM), ASK})


def tell(at_the_end: int, when_asked: int) -> None:
    """Have stacks written from now on; also anew, where a job has taken the signals.

    :param at_the_end: the descriptor that gets the one at the end
    :param when_asked: the descriptor that gets those of all threads, whenever asked
    """
    forget()
    faulthandler.enable(at_the_end, all_threads=False)
    faulthandler.register(signal.SIGTERM, at_the_end, all_threads=False, chain=True)
    faulthandler.register(ASK, when_asked, all_threads=True)


def forget() -> None:
    """Write none when a signal comes: this is no worker."""
    for number in SIGNALS:
        faulthandler.unregister(number)


def path_of(log_path: str) -> str:
    """Return the path of the file that gets the stacks of the worker of a log."""
    return f"{log_path.removesuffix('.log')}.stacks"
