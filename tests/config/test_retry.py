"""When a job is tried again: waits, and the errors after which it is."""

from __future__ import annotations

import math
import pickle
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import asyncflow
from asyncflow.config.checks.exception_names import name_of
from asyncflow.config.retry import LONGEST_WAIT, Retry, to_table


class Refused(ConnectionError):
    class Again(Exception): ...


def local() -> type[Exception]:
    class Local(Exception): ...

    return Local


def mro(error: type[BaseException]) -> set[str]:
    """Name the classes as who reports an error does."""
    return {f"{each.__module__}.{each.__qualname__}" for each in error.__mro__}


@pytest.mark.smoke
def test_defaults() -> None:
    retry = Retry()
    assert asyncflow.Retry is Retry
    assert (retry.attempts, retry.wait, retry.factor) == (3, 0.0, 2.0)
    assert (retry.max_wait, retry.jitter, retry.on) == (None, 0.0, (Exception,))


def test_only_attempts_may_be_given_by_position() -> None:
    assert Retry(5) == Retry(attempts=5)
    with pytest.raises(TypeError, match="positional"):
        Retry(5, 1.0)  # type: ignore[call-arg]  # that is what is tested


def test_it_travels() -> None:
    retry = Retry(2, wait=1, on=[ValueError, "a.b:C"])
    assert pickle.loads(pickle.dumps(retry)) == retry


# ------------------------------------------------------------------------------- waits


@pytest.mark.parametrize(
    ("retry", "waits"),
    [
        pytest.param(Retry(), [0, 0, 0], id="none"),
        pytest.param(Retry(wait=1), [1, 2, 4], id="doubling"),
        pytest.param(Retry(wait=0.5, factor=1), [0.5, 0.5, 0.5], id="even"),
        pytest.param(Retry(wait=1, factor=3, max_wait=5), [1, 3, 5], id="at_most"),
        pytest.param(Retry(wait=7, max_wait=5), [5, 5, 5], id="less_at_once"),
        pytest.param(Retry(wait=7, max_wait=0), [0, 0, 0], id="at_most_none"),
        pytest.param(Retry(wait=1e300, factor=1e300), [LONGEST_WAIT] * 3, id="year"),
    ],
)
@pytest.mark.parametrize("chance", [0, 0.5, 1])
def test_waits(retry: Retry, waits: list[float], chance: float) -> None:
    assert [retry.wait_before(attempt, chance) for attempt in (2, 3, 4)] == waits


@pytest.mark.parametrize(
    ("chance", "waits"),
    [(0, [9, 18, 18]), (0.5, [10, 19, 19]), (1, [11, 20, 20])],
    ids=["shortest", "middle", "longest"],
)
def test_jitter_keeps_to_the_longest_wait(chance: float, waits: list[float]) -> None:
    retry = Retry(wait=10, jitter=0.1, max_wait=20)
    found = [retry.wait_before(attempt, chance) for attempt in (2, 3, 4)]
    assert found == pytest.approx(waits)
    assert max(found) <= 20


@given(
    retry=st.builds(
        Retry,
        st.integers(1, 10**6),
        wait=st.floats(0, sys.float_info.max),
        factor=st.floats(1, sys.float_info.max) | st.integers(1),
        max_wait=st.none() | st.floats(0, sys.float_info.max),
        jitter=st.floats(0, 1),
    ),
    attempt=st.integers(2, 10**6),
    chances=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_every_wait_is_within_its_bounds(
    retry: Retry, attempt: int, chances: tuple[float, float]
) -> None:
    longest = LONGEST_WAIT if retry.max_wait is None else retry.max_wait
    first, second = sorted(chances)
    low, high = retry.wait_before(attempt, first), retry.wait_before(attempt, second)
    assert 0 <= low <= high <= longest
    assert math.isfinite(high)


# ------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("on", "error", "is_for"),
    [
        pytest.param(Exception, ValueError, True, id="default"),
        pytest.param(Exception, KeyboardInterrupt, False, id="no_exception"),
        pytest.param(BaseException, SystemExit, True, id="anything"),
        pytest.param(OSError, Refused, True, id="subclass"),
        pytest.param(Refused, OSError, False, id="superclass"),
        pytest.param([KeyError, OSError], Refused, True, id="several"),
        pytest.param({KeyError}, Refused, False, id="others"),
        pytest.param("builtins:OSError", Refused, True, id="name"),
        pytest.param("builtins.OSError", Refused, True, id="name_with_dots"),
        pytest.param(name_of(Refused.Again), Refused.Again, True, id="nested_name"),
        pytest.param(["x:Y", "builtins.KeyError"], KeyError, True, id="names"),
        pytest.param(["x:Y"], KeyError, False, id="other_names"),
        pytest.param(local(), local(), True, id="local"),
        pytest.param((), KeyError, False, id="nothing"),
    ],
)
def test_after_which_errors(on: Any, error: type[BaseException], is_for: bool) -> None:
    assert Retry(on=on).is_for(mro(error)) is is_for
    assert Retry(on=on).is_for(sorted(mro(error))) is is_for


def test_one_class_and_several_become_a_tuple() -> None:
    assert Retry(on=ValueError).on == (ValueError,)
    assert Retry(on="a:B").on == ("a:B",)
    several: list[type[BaseException] | str] = [ValueError, "a:B"]
    assert Retry(on=iter(several)).on == (ValueError, "a:B")
    assert Retry(on=None).on == ()  # type: ignore[arg-type]  # the checks report it


def test_a_class_and_its_name_are_the_same() -> None:
    retries = {
        Retry(on=(ValueError, KeyError)),
        Retry(on=("builtins.KeyError", "builtins:ValueError")),
    }
    assert len(retries) == 1
    assert Retry(on=ValueError) not in retries


# -------------------------------------------------------------------------------- TOML


@pytest.mark.parametrize(
    ("retry", "table"),
    [
        (Retry(), {"attempts": 3}),
        (Retry(5, factor=2, on="builtins:Exception"), {"attempts": 5}),
        (
            Retry(2, wait=1.5, factor=1, max_wait=60, jitter=0.1, on=[KeyError, "a.B"]),
            {
                "attempts": 2,
                "wait": 1.5,
                "factor": 1,
                "max_wait": 60,
                "jitter": 0.1,
                "on": ["builtins:KeyError", "a.B"],
            },
        ),
    ],
    ids=["default", "attempts", "all"],
)
def test_a_table_of_it(retry: Retry, table: dict[str, Any]) -> None:
    assert to_table(retry) == table
    assert Retry(**table) == retry
