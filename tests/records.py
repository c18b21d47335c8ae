"""Records for tests."""

from __future__ import annotations

from typing import Any

from asyncflow.records import (
    BasisRecord,
    DataNodeRecord,
    JobRecord,
    OrchestratorRecord,
    Record,
    ScenarioRecord,
    SubmissionRecord,
    VersionRecord,
)


def scenario_record(number: object, **changes: Any) -> ScenarioRecord:
    date = float(number) if isinstance(number, int) else 0.0
    record = ScenarioRecord(f"SCENARIO_c_{number}", "c", None, date, {})
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
        status="PENDING",
        submitted_at=1.5,
        finished_at=None,
        reason="",
        force=False,
        on_failure="continue",
        graph='[["t", [], ["n"]]]',
        properties={},
    )
    return record._replace(**changes)


def job_record(number: object, **changes: Any) -> JobRecord:
    owner = "SUBMISSION_s_1"
    record = JobRecord(
        f"JOB_t_{number}", "TASK_t_1", owner, "COMPLETED", "", 1.5, 2.5, ""
    )
    return record._replace(**changes)


def basis_record(number: object, **changes: Any) -> BasisRecord:
    scenario = "SCENARIO_c_1"
    record = BasisRecord(f"TASK_t_{number}", scenario, "f", {"n": 1}, {"m": 2**60})
    return record._replace(**changes)


def orchestrator_record(number: object, **changes: Any) -> OrchestratorRecord:
    name = f"ORCHESTRATOR_{number}"
    record = OrchestratorRecord(name, "host", 1, "123.5", "/tmp/socket", 100.0)
    return record._replace(**changes)


ONE_OF_EACH: list[Record] = [
    scenario_record(1, name="é", properties={"a": [1, None, {"b": 1.5}]}),
    node_record(1, owner_id="SCENARIO_c_1"),
    submission_record(1, properties={"t": (1, 2)}, finished_at=3.5, force=True),
    job_record(1, status="FAILED", reason="ValueError: no", traceback="a\nb"),
    orchestrator_record(1),
    version_record(1, job_id="JOB_t_1", comment="first"),
    basis_record(1),
]

NOT_FOUND_BY_ID = (type(ONE_OF_EACH[-2]), type(ONE_OF_EACH[-1]))
