"""Searches for runs give the same in every store, however many have a text."""

from __future__ import annotations

import random
from typing import Any

import pytest

from asyncflow.options import Page, SubmissionFilter
from asyncflow.records import Record
from asyncflow.stores import _submission_search
from asyncflow.stores._submission_list import may_be_of_id
from asyncflow.stores.memory import MemoryStore
from tests.support.records import job_record, scenario_record, submission_record
from tests.support.stores import STORES, Place
from tests.support.stores import kind as kind
from tests.support.stores import place as place
from tests.support.stores import server as server
from tests.support.stores import tables as tables

TEXTS = (
    "name 1",
    "NAME",
    "100%",
    "_",
    "3",
    "submission_0a",
    "nothing",
    "0A",
    "error",
    "COLUMN",
    "exit",
)
FAILURES = (
    "ValueError: no column",
    "KeyError: 'price'",
    "",
    "100% of it",
    "exit code 3",
)
REASONS = ("", "", "Error: 100% wrong", "error 3", "too late")


def records() -> list[Record]:
    return [
        *(
            scenario_record(number, name=f"Name {number}" if number % 2 else None)
            for number in range(12)
        ),
        *(
            submission_record(
                number,
                id=f"SUBMISSION_{number:02x}",
                scenario_id=f"SCENARIO_c_{number % 14}",
                status="FAILED" if number % 3 else "COMPLETED",
                submitted=float(number),
                finished=number + number % 5 + 0.5,
                reason=REASONS[number % len(REASONS)],
            )
            for number in range(40)
        ),
        *(
            job_record(
                number,
                submission_id=f"SUBMISSION_{number // 3:02x}",
                status="FAILED" if number % 4 else "COMPLETED",
                reason=FAILURES[number % len(FAILURES)],
            )
            for number in range(60)
        ),
    ]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", STORES, indirect=True, scope="session")
@pytest.mark.parametrize("few", [0, 5, 4000])
async def test_all_stores_find_the_same(
    place: Place, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_submission_search, "FEW", few)
    chance = random.Random(few)

    async with place.store() as store, MemoryStore() as other:
        for one in (store, other):
            one.save(*records())

        for text in TEXTS:
            for by_duration in (False, True):
                where = SubmissionFilter(text=text, by_duration=by_duration)
                page = Page(newest_first=chance.random() < 0.5, limit=7)
                asked: dict[str, Any] = {"status": chance.choice([None, "FAILED"])}
                found = await store.submissions(where=where, page=page, **asked)
                expected = await other.submissions(where=where, page=page, **asked)
                assert found == expected, (text, by_duration, page, asked)

                if found:
                    after = where._replace(after_id=chance.choice(found).id)
                    assert await store.submissions(
                        where=after, page=page, **asked
                    ) == await other.submissions(where=after, page=page, **asked)


def test_a_text_that_no_id_has_is_not_looked_for_in_ids() -> None:
    assert may_be_of_id("SUBMISSION_0a9f")
    assert may_be_of_id("DEAD")
    assert not may_be_of_id("nothing")
    assert not may_be_of_id("a b")
