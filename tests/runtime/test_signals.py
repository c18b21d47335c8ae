"""Signals: each is noted by who is open, then passed on to whoever has handled it before."""

from __future__ import annotations

import signal
from functools import partial

import pytest
from anyio import Event, fail_after
from anyio.lowlevel import checkpoint

from asyncflow.runtime.signals import Signals

pytestmark = pytest.mark.anyio


class Program:
    """Is open, then closes."""

    def __init__(self) -> None:
        self.hurried = Event()

    def end(self) -> None:
        raise AssertionError("it was called")

    def hurry(self) -> None:
        self.hurried.set()


class Serving:
    """Is open while a web server waits for its requests."""

    def __init__(self) -> None:
        self.interrupted = Event()

    def interrupt_soon(self) -> None:
        self.interrupted.set()


async def test_a_signal_is_noted_and_passed_on(noted: list[int]) -> None:
    signals = Signals(Program())
    signals.open()
    signal.raise_signal(signal.SIGTERM)
    assert signals.has_come
    assert noted == [signal.SIGTERM]
    signals.close()
    signal.raise_signal(signal.SIGINT)
    assert noted == [signal.SIGTERM, signal.SIGINT]


async def test_an_opening_begins_without_a_signal(noted: list[int]) -> None:
    signals = Signals(Program())
    signals.open()
    signal.raise_signal(signal.SIGINT)
    signals.close()
    signals.open()
    assert not signals.has_come
    signals.close()
    assert noted == [signal.SIGINT]


async def test_a_further_signal_makes_it_hurry_once(noted: list[int]) -> None:
    program = Program()
    signals = Signals(Program())
    signals.open()
    signal.raise_signal(signal.SIGINT)
    signals.closes(program)
    await checkpoint()
    assert not program.hurried.is_set()
    signal.raise_signal(signal.SIGINT)

    with fail_after(10):
        await program.hurried.wait()

    assert not signals.hear(is_fatal=False)  # it hurries already
    signals.close()
    assert noted == [signal.SIGINT] * 2


async def test_the_first_signal_while_it_closes_makes_nothing_hurry(
    noted: list[int],
) -> None:
    program = Program()
    signals = Signals(Program())
    signals.open()
    signals.closes(program)
    signal.raise_signal(signal.SIGINT)
    await checkpoint()
    assert not program.hurried.is_set()
    assert not signals._is_hurried
    signal.raise_signal(signal.SIGINT)

    with fail_after(10):
        await program.hurried.wait()

    signals.close()
    assert noted == [signal.SIGINT] * 2


async def test_an_interrupt_while_it_hurries_ends_no_event_loop() -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    signals = Signals(Program())

    try:
        signals.open()

        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

        signals.closes(Program())
        signal.raise_signal(signal.SIGINT)
        signals.close()
        assert signal.getsignal(signal.SIGINT) is interrupt
    finally:
        signal.signal(signal.SIGINT, before)


class Runner:
    """Has the handler of `asyncio.Runner`: a second interrupt is raised wherever it hits."""

    count = 0

    def _on_sigint(self, *_: object) -> None:
        self.count += 1

        if self.count > 1:
            raise KeyboardInterrupt


async def test_an_interrupt_while_it_opens_ends_no_event_loop() -> None:
    """The first one has cancelled the opening, which is to end as a whole."""
    runner = Runner()
    before = signal.signal(signal.SIGINT, partial(runner._on_sigint))
    signals = Signals(Program())

    try:
        signals.open()
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert runner.count == 2
        signals.close()
        runner.count = 0
        signals.open()
        signals.is_opening = False
        signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):  # nobody knows what the first one ends
            signal.raise_signal(signal.SIGINT)

        signals.close()
    finally:
        signal.signal(signal.SIGINT, before)


async def test_handlers_are_back_once_nobody_listens(noted: list[int]) -> None:
    one, other = Signals(Program()), Signals(Program())
    one.open()
    other.open()
    one.close()
    signal.raise_signal(signal.SIGINT)
    assert not one.has_come
    assert other.has_come
    other.close()
    assert noted == [signal.SIGINT]


async def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    signals = Signals(Program())

    try:
        signals.open()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        signal.raise_signal(signal.SIGINT)
        assert not signals.has_come
        signals.close()
    finally:
        signal.signal(signal.SIGINT, before)


async def test_the_signal_of_a_web_server_begins_the_end_of_runs() -> None:
    serving = Serving()
    noted: list[int] = []

    def handle_exit(number: int, _: object) -> None:
        noted.append(number)

    handle_exit.__module__ = "uvicorn.server"
    before = signal.signal(signal.SIGTERM, handle_exit)

    try:
        signals = Signals(Program(), serving)
        signals.open()
        signal.raise_signal(signal.SIGTERM)

        with fail_after(10):
            await serving.interrupted.wait()

        signals.close()
    finally:
        signal.signal(signal.SIGTERM, before)

    assert noted == [signal.SIGTERM]


async def test_other_handlers_decide_what_becomes_of_runs(noted: list[int]) -> None:
    serving = Serving()
    signals = Signals(Program(), serving)
    signals.open()
    signal.raise_signal(signal.SIGTERM)
    await checkpoint()
    signals.close()
    assert not serving.interrupted.is_set()
    assert noted == [signal.SIGTERM]
