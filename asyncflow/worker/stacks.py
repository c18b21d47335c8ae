"""Where the Python of a worker is: told when a signal ends it, and when its parent asks."""

from __future__ import annotations

import faulthandler
import os
import signal
import threading

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


def forget_in_forks() -> None:
    """Have a process that is forked from this one write none, from its first step on.

    A pool that ends at once has SIGTERM sent to processes that are hardly forked: it
    waits until they are no workers any more.
    """
    forking = threading.local()

    def hold_signal() -> None:
        forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def let_signal_come() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, forking.mask)

    os.register_at_fork(before=hold_signal, after_in_parent=let_signal_come)
    os.register_at_fork(after_in_child=forget)
    os.register_at_fork(after_in_child=let_signal_come)


def path_of(log_path: str) -> str:
    """Return the path of the file that gets the stacks of the worker of a log."""
    return f"{log_path.removesuffix('.log')}.stacks"
