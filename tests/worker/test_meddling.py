"""Functions that may change what others in their process need, told by their code."""

from __future__ import annotations

import builtins
import ctypes
import functools
import json
import os
import sys
import time
from typing import Any

import pytest

from asyncflow import Orchestrator
from asyncflow.worker.meddling import may_meddle
from asyncflow.worker.replaced import REPLACEABLE
from tests.support.flows import configuration, fan, make_short

FAKE: Any = type(sys)("json")
LIBRARY = ctypes.CDLL(None)


def replace_module(_: object) -> None:
    sys.modules["json"] = FAKE


def lower_priority(_: object) -> None:
    os.nice(1)


def replace_function(_: object) -> None:
    time.time = lambda: 0.0


def hide(mask: int) -> int:
    return int(LIBRARY.umask(mask))


def by_helper(value: object) -> None:
    lower_priority(value)


def in_function() -> object:
    def inner() -> None:
        setattr(builtins, "open", len)  # noqa: B010  # as some do

    return inner


class Callable:
    def __call__(self) -> None:
        by_helper(1)


class Row:
    def __init__(self) -> None:
        self.value = 1


def plain(value: object) -> object:
    row = Row()
    row.value = len(json.dumps(value)) + round(time.time())
    return row, sorted(os.listdir()), isinstance(row, Row)


class Odd:
    @property
    def __wrapped__(self) -> object:
        raise ValueError


CASES = [
    (replace_module, True),
    (lower_priority, True),
    (replace_function, True),
    (by_helper, True),
    (hide, True),
    (in_function, True),
    (functools.partial(functools.partial(by_helper, 1)), True),
    (functools.cache(by_helper), True),
    (Callable(), True),
    (Odd(), True),
    (plain, False),
    (Row, False),
    (len, False),
    (json.dumps, False),
]


@pytest.mark.parametrize(("function", "may"), CASES, ids=range(len(CASES)))
def test_what_its_code_says(function: object, may: bool) -> None:
    assert may_meddle(function, REPLACEABLE) is may


MEDDLER = 5


def meets(value: int) -> object:
    import json

    met = json is FAKE, os.getpriority(os.PRIO_PROCESS, 0)

    if value == 2 * MEDDLER:
        replace_module(value)
        lower_priority(value)

    return met


@pytest.mark.anyio
async def test_a_short_job_meets_nothing_that_one_before_it_has_changed() -> None:
    config = configuration(workers=1)
    cfg = fan(config, meets, 30)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await make_short(orchestrator, scenario)
        before = os.getpriority(os.PRIO_PROCESS, 0)
        await scenario.source.write(2 * MEDDLER)
        await scenario.submit()
        found = [await scenario[f"r{index}"].read() for index in range(30)]

    assert found == [(False, before)] * 30
