"""Records for tests."""

from __future__ import annotations

import enum
import math
from typing import Any

from hypothesis import strategies as st

from asyncflow.records import (
    AttemptRecord,
    BasisRecord,
    CycleRecord,
    DataNodeRecord,
    InputRecord,
    JobRecord,
    LogRecord,
    OrchestratorRecord,
    Record,
    ScenarioRecord,
    SubmissionRecord,
    VersionRecord,
)
from asyncflow.status import AttemptKind, Status, SubmissionStatus


def scenario_record(number: object, **changes: Any) -> ScenarioRecord:
    date = float(number) if isinstance(number, int) else 0.0
    record = ScenarioRecord(f"SCENARIO_c_{number}", "c", None, date, {})
    return record._replace(**changes)


def cycle_record(number: int, **changes: Any) -> CycleRecord:
    start, end = float(number), float(number + 1)
    record = CycleRecord(
        f"CYCLE_DAILY_{number}Z", str(number), "DAILY", start, end, 0.5
    )
    return record._replace(**changes)


def node_record(number: object, **changes: Any) -> DataNodeRecord:
    return DataNodeRecord(f"DATANODE_n_{number}", "n", None)._replace(**changes)


def version_record(number: int, **changes: Any) -> VersionRecord:
    return VersionRecord("DATANODE_n_1", number, b"1")._replace(**changes)


def submission_record(number: object, **changes: Any) -> SubmissionRecord:
    record = SubmissionRecord(
        id=f"SUBMISSION_s_{number}",
        entity_id="SCENARIO_c_1",
        scenario_id="SCENARIO_c_1",
        orchestrator_id="ORCHESTRATOR_1",
        status=SubmissionStatus.PENDING,
        submitted=1.5,
        finished=None,
        reason="",
        force=False,
        on_failure="continue",
        graph='[["t", [], ["n"]]]',
        properties={},
    )
    return record._replace(**changes)


def input_record(run: object, **changes: Any) -> InputRecord:
    record = InputRecord(f"SUBMISSION_s_{run}", "DATANODE_n_1", 7, b"given")
    return record._replace(**changes)


def job_record(number: object, **changes: Any) -> JobRecord:
    owner = "SUBMISSION_s_1"
    record = JobRecord(
        f"JOB_t_{number}", "TASK_t_1", owner, Status.COMPLETED, "", 1.5, 2.5, ""
    )
    return record._replace(**changes)


def log_record(number: object, **changes: Any) -> LogRecord:
    return LogRecord(f"JOB_t_{number}", "printed\n")._replace(**changes)


def basis_record(number: object, **changes: Any) -> BasisRecord:
    scenario = "SCENARIO_c_1"
    record = BasisRecord(f"TASK_t_{number}", scenario, "f", {"n": 1}, {"m": 2**60})
    return record._replace(**changes)


def orchestrator_record(number: object, **changes: Any) -> OrchestratorRecord:
    name = f"ORCHESTRATOR_{number}"
    record = OrchestratorRecord(name, "host", 1, "123.5", "/tmp/socket", 100.0)
    return record._replace(**changes)


ONE_OF_EACH: list[Record] = [
    scenario_record(
        1,
        name="é",
        properties={"a": [1, None, {"b": 1.5}]},
        tags=("", "é"),
        revision=2**56,
        cycle_id="CYCLE_DAILY_1Z",
        sequences={"part": {"tasks": ["a"], "properties": {"é": 1}}, "gone": None},
    ),
    node_record(1, owner_id="SCENARIO_c_1"),
    submission_record(
        1,
        properties={"t": (1, 2)},
        finished=3.5,
        force=True,
        priority=-1.5,
        run_timeout=60.0,
    ),
    job_record(
        1,
        status=Status.FAILED,
        reason="ValueError: no",
        traceback="a\nb",
        attempts=(
            AttemptRecord(1, 0.25, 0.5, "OSError: é", "c\nd"),
            AttemptRecord(2, None, 1.0, "it was killed", "", AttemptKind.CRASHED),
        ),
        cpu_seconds=0.75,
        peak_rss=2**33,
    ),
    orchestrator_record(1),
    version_record(1, job_id="JOB_t_1", comment="first"),
    basis_record(1),
    log_record(1, left_out=5),
    input_record(1),
]


class Color(enum.Enum):
    RED = "red"


ATTEMPTS = (
    AttemptRecord(1, None, 1763900000.1234567, "\0\ud83d\ude00", "half a pair: \udc80"),
    AttemptRecord(2**53, -0.0, math.inf, "", "\ufdd0 é \u2028"),
)

UNUSUAL: list[Record] = [
    scenario_record(1, properties={"tuple": (1, [2]), "enum": Color.RED}),
    scenario_record(2, properties={"": {1: "int key"}, "é": math.inf, "b": b"\0"}),
    scenario_record(3, name="\0", properties={"half a pair": "\udc80", "long": 7**99}),
    scenario_record(4, name="", properties={"two halves": "\ud83d\ude00", "no": None}),
    scenario_record(5, name="\udc80 name", properties={"flags": [True, 1, 1.0]}),
    scenario_record(6, created=1763900000.1234567, properties={"a": -0.0}),
    node_record(1, owner_id="é", config_id="\udcff"),
    node_record(2, editor_id="\0", editor_expires=1763900000.1234567),
    submission_record(1, properties={"made": Color.RED}, reason="\ud800"),
    submission_record(2, graph='["\udc80", "\0"]', properties={"a": "\udc80"}),
    submission_record(3, graph="x" * 700_000, finished=0.0, force=True),
    job_record(1, reason="OSError: no file 'a\udce9'", traceback="\ud800\0\n"),
    job_record(2, started=None, finished=None),
    job_record(3, attempts=ATTEMPTS),
    log_record(1, text="\udc80\0\ud83d\ude00\n" * 1000),
    log_record(2, text="", left_out=2**40),
    log_record("\udcff\0", text="of no job"),
    orchestrator_record(1, host="\udcff", pid=2**40, lease=math.inf),
    version_record(1, kept=b""),
    version_record(2, kept=""),
    version_record(3, kept="/a/path", comment="\0\n", editor_id=""),
    version_record(4, kept=None, is_kept=False),
    version_record(2**40, kept=b"\xff" * 100_000, job_id="j", holder_id="o"),
    version_record(2**63 - 1, kept="/no/utf-8/\udcff", comment="\udcff"),
    basis_record(1, inputs={}, outputs={"é\0": 2**63 - 1}),
    input_record(1, kept="/no/utf-8/\udcff", number=2**63 - 1),
    input_record(2, node_id="\udcff\0", kept=b""),
]


TEXT = st.text(st.characters())
MAYBE = st.none() | TEXT
TIME = st.floats(allow_nan=False)
NUMBER = st.integers(0, 2**63 - 1)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(TEXT | st.integers(), inner)
        | st.tuples(inner)
    ),
    max_leaves=8,
)
PROPERTIES = st.dictionaries(TEXT, VALUE, max_size=3)
TAGS = st.lists(st.text(), unique=True, max_size=2).map(tuple)
NUMBERS = st.dictionaries(st.text(), NUMBER, max_size=2)
ATTEMPT = st.lists(
    st.builds(
        AttemptRecord,
        NUMBER,
        st.none() | TIME,
        TIME,
        TEXT,
        TEXT,
        st.sampled_from(AttemptKind),
    ),
    max_size=3,
).map(tuple)
RECORD = st.one_of(
    st.builds(
        ScenarioRecord,
        *(TEXT, TEXT, MAYBE, TIME, PROPERTIES, TAGS, NUMBER, MAYBE, st.just({})),
    ),
    st.builds(
        DataNodeRecord,
        *(TEXT, TEXT, MAYBE, MAYBE, st.none() | TIME, MAYBE, TEXT, NUMBER),
    ),
    st.builds(
        SubmissionRecord,
        *(TEXT, TEXT, TEXT, TEXT, st.sampled_from(SubmissionStatus)),
        *(TIME, st.none() | TIME),
        *(TEXT, st.booleans(), TEXT, TEXT, PROPERTIES, TIME, st.none() | TIME),
    ),
    st.builds(
        JobRecord,
        *(TEXT, TEXT, TEXT, st.sampled_from(Status), TEXT),
        *(st.none() | TIME, st.none() | TIME, TEXT),
        *(ATTEMPT, st.none() | TIME, st.none() | NUMBER),
    ),
    st.builds(LogRecord, TEXT, TEXT, NUMBER),
    st.builds(OrchestratorRecord, TEXT, TEXT, NUMBER, TEXT, TEXT, TIME),
    st.builds(
        VersionRecord,
        *(TEXT, NUMBER, st.none() | st.binary() | TEXT, st.booleans()),
        *(MAYBE, MAYBE, TEXT, MAYBE),
    ),
)
