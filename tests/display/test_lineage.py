"""Where values come from, as a picture."""

from __future__ import annotations

import random
from xml.etree import ElementTree

import pytest

from asyncflow.display.lineage import Lineage, ShownVersion, ShownWriter, graph, text
from asyncflow.display.picture import LineagePicture
from tests.support.geometry import check_apart
from tests.support.pictures import HOSTILE

RAW = ShownVersion(key="raw@1", node="raw", at=0, editor="ann", comment="of May")
OLD = ShownVersion(
    key="raw@0", node="raw", at=-1, comment="default data", is_current=False
)
CLEAN = ShownVersion(key="clean@1", node="clean", at=60, job="J1", is_kept=False)
LOST = ShownVersion(key="lost@1", node="lost", at=90, job="JOB_gone_1")
WRITER = ShownWriter(
    key="J1", task="tidy", run="S1", reads=["raw@0"], given=["rate"], unknown=["x"]
)
FOUND = Lineage(versions=[OLD, RAW, CLEAN, LOST], writers={"J1": WRITER})


def test_a_version_leads_to_what_was_made_of_it() -> None:
    found = graph(FOUND)
    names = [box.label for box in found.boxes]
    assert names[:4] == ["raw", "raw", "clean", "lost"]
    edges = {(found.boxes[one].id, found.boxes[other].id) for one, other in found.edges}
    assert edges == {
        ("editor by hand default data", "raw@0"),
        ("editor ann of May", "raw@1"),
        ("raw@0", "job J1"),
        ("given rate S1", "job J1"),
        ("unknown x J1", "job J1"),
        ("job J1", "clean@1"),
        ("job JOB_gone_1", "lost@1"),
    }
    notes = {box.id: box.note for box in found.boxes}
    assert notes["raw@0"] == "old, 1969-12-31 23:59:59"
    assert notes["raw@1"] == "1970-01-01 00:00:00"
    assert notes["given rate S1"] == "given to the run"


def test_a_line_tells_who_wrote_a_version_and_of_what() -> None:
    assert text(FOUND) == (
        "raw    1969-12-31 23:59:59, replaced since  ← by hand: default data\n"
        "raw    1970-01-01 00:00:00                  ← ann: of May\n"
        "clean  1970-01-01 00:01:00, not kept        ← J1                     "
        "← raw, rate (given), x (?)\n"
        "lost   1970-01-01 00:01:30                  ← JOB_gone_1\n"
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_people_wrote_is_text(name: str) -> None:
    version = ShownVersion(key="a@1", node="a", at=0, editor=name, comment=name)
    picture = LineagePicture(Lineage(versions=[version], writers={}), name)
    ElementTree.fromstring(picture.svg())  # we have made it
    assert "<script" not in picture.svg()
    assert len(picture.text().splitlines()) == 1
    assert picture.mermaid().count("\n") == 4
    check_apart(picture.svg())


@pytest.mark.parametrize("versions", [2, 30, 200, 2000])
def test_boxes_and_labels_are_apart(versions: int) -> None:
    picture = LineagePicture(_lineage(versions)).svg()
    check_apart(picture)
    assert "<script" not in picture


def _lineage(count: int) -> Lineage:
    """Make versions that jobs wrote from earlier ones, and people the first of them."""
    numbers = random.Random(count)
    versions, writers = [], {}

    for place in range(count):
        job = None if place < max(2, count // 10) else f"J{place}"
        named = HOSTILE[place % 7] if not place % 5 else f"node {place}"
        versions.append(
            ShownVersion(
                key=f"{place}@1",
                node=named,
                at=60.0 * place,
                job=job,
                editor="ann" if place % 2 else None,
                comment=HOSTILE[place % 3],
                is_current=place % 4 != 0,
            )
        )

        if job is not None:
            near = [*range(max(0, place - 20), place)]
            writers[job] = ShownWriter(
                key=job,
                task=f"task {place % 7}",
                run="SUBMISSION_01a220ba2fa3ff0ab4026016dff24862",
                reads=[f"{one}@1" for one in numbers.sample(near, min(3, len(near)))],
                given=["rate"] if not place % 5 else [],
                unknown=["x"] if not place % 11 else [],
            )

    return Lineage(versions=versions, writers=writers)


def test_nothing_written_is_no_text() -> None:
    picture = LineagePicture(Lineage(versions=[], writers={}))
    assert repr(picture) == "<no value was written>"
