"""Checks of how jobs are executed, and of what is kept of runs."""

from __future__ import annotations

import math
from typing import Any

import pytest

from asyncflow.config import Configuration, CoreConfig, JobConfig
from asyncflow.config.checks.settings import core_problems
from tests.support.declaring import (
    Declare,
    Row,
    check_refused,
    in_mode,
    jobs,
)

BAD: dict[str, tuple[Declare, list[Row]]] = {
    "mode": (jobs(mode="standalon"), [("JOB", "mode", "did you mean 'standalone'")]),
    "mode_no_string": (jobs(mode=5), [("JOB", "mode", "5 is not known")]),
    "workers_bool": (
        jobs(max_nb_of_workers=True),
        [("JOB", "max_nb_of_workers", "True is not an int from 1 to 1024")],
    ),
    "workers_float": (
        jobs(max_nb_of_workers=2.0),
        [("JOB", "max_nb_of_workers", "2.0")],
    ),
    "workers_none": (jobs(max_nb_of_workers=0), [("JOB", "max_nb_of_workers", "0 is")]),
    "workers_many": (
        jobs(max_nb_of_workers=1025),
        [("JOB", "max_nb_of_workers", "1025 is not")],
    ),
    "echo": (jobs(echo=1), [("JOB", "echo", "1 is not a bool")]),
    "address": (jobs(address=5), [("JOB", "address", "5 is no address")]),
    "address_empty": (jobs(address=""), [("JOB", "address", "'' is no address")]),
    "security": (
        jobs(security=5),
        [("JOB", "security", "it is of type int, and no way to a cluster")],
    ),
    "security_name": (
        jobs(security={"tls_ca": 1}),
        [("JOB", "security", "did you mean 'tls_ca_file'")],
    ),
    "prewarm": (jobs(prewarm=0), [("JOB", "prewarm", "0 is not a bool")]),
}


def test_how_jobs_are_executed_by_default(config: Configuration) -> None:
    jobs = config.configure_job_executions()
    assert jobs.same_content(JobConfig())
    assert (jobs.resources, jobs.kill_grace, jobs.shutdown_grace) == ({}, 2.0, 5.0)
    assert (jobs.max_jobs_per_worker, jobs.max_worker_age) == (None, None)
    assert (jobs.max_worker_rss, jobs.max_log_size) == (None, 1_048_576)
    assert jobs.loop_lag_warning is None


SECONDS = [0, -1, "1", True, math.nan, math.inf, 10**400, (1,)]
GRACES = [-0.1, None, "1", False, math.nan, math.inf]
BYTES = [0, -1, 1.0, True, "1G", 2**61]
COUNTS = [0, -1, 1.0, True, "1", 10**7]

NUMBERS: dict[str, tuple[Declare, list[Row]]] = {}

for _field, _values in (
    ("kill_grace", GRACES),
    ("shutdown_grace", GRACES),
    ("max_jobs_per_worker", COUNTS),
    ("max_worker_age", SECONDS),
    ("max_worker_rss", BYTES),
    ("max_log_size", [-1, None, 1.0, True, "1M", 2**61]),
    ("loop_lag_warning", SECONDS),
):
    for _value in _values:
        NUMBERS[f"{_field} {str(_value)[:9]} {type(_value).__name__}"] = (
            jobs(**{_field: _value}),
            [("JOB", _field, f"{_value!r} is not a")],
        )


@pytest.mark.parametrize("mode", ["development", "standalone"])
@pytest.mark.parametrize(("declare", "rows"), NUMBERS.values(), ids=NUMBERS)
def test_a_number_in_each_mode(
    config: Configuration, declare: Declare, rows: list[Row], mode: str
) -> None:
    check_refused(config, in_mode(mode, declare), rows)


@pytest.mark.parametrize(("declare", "rows"), BAD.values(), ids=BAD)
def test_check(config: Configuration, declare: Declare, rows: list[Row]) -> None:
    check_refused(config, declare, rows)


@pytest.mark.parametrize("echo", [True, False, "live"])
def test_what_may_be_echoed(config: Configuration, echo: Any) -> None:
    config.configure_job_executions(echo=echo)
    assert config.problems() == ()


# ------------------------------------------------------------- what is kept of runs


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"keep_days": 0, "keep_submissions": 0, "keep_log_days": 0},
        {"keep_days": 0.5, "keep_log_days": 36_500},
        {"keep_submissions": 10**9},
    ],
    ids=["nothing", "least", "fraction", "most"],
)
def test_a_rule(given: Any) -> None:
    assert list(core_problems(CoreConfig(**given))) == []


@pytest.mark.parametrize(
    ("field", "value", "piece"),
    [
        ("keep_days", -1, "-1 is not a number from 0 to 36500; give days, or None"),
        ("keep_days", 36_501, "36501 is not a number"),
        ("keep_days", math.nan, "nan is not a number"),
        ("keep_log_days", "7", "'7' is not a number"),
        ("keep_log_days", True, "True is not a number"),
        ("keep_submissions", 1.5, "1.5 is not an int from 0 to 1000000000; give one"),
        ("keep_submissions", 10**9 + 1, "1000000001 is not an int"),
        ("values", 5, "it is of type int, and no folder or address; give a text"),
        ("values", b"x", "it is of type bytes"),
        ("values", "", "it is empty"),
        (
            "values_options",
            "x",
            "it is of type str, and no options by name; give a dict",
        ),
        ("values_options", 0, "it is of type int"),
        ("values_options", {5: 1}, "it is of type dict"),
    ],
)
def test_what_is_no_rule(field: str, value: Any, piece: str) -> None:
    (problem,) = core_problems(CoreConfig(**{field: value}))
    assert (problem.section, problem.field) == ("CORE", field)
    assert piece in str(problem)


def test_each_wrong_field_is_told() -> None:
    wrong: Any = {"keep_days": -1, "keep_submissions": -1, "keep_log_days": -1}
    found = [problem.field for problem in core_problems(CoreConfig(**wrong))]
    assert found == ["keep_days", "keep_submissions", "keep_log_days"]


@pytest.mark.parametrize(
    "wrong",
    [
        *({"keep_days": -1}, {"keep_submissions": 1.5}, {"keep_log_days": "7"}),
        *({"values": 5}, {"values_options": "x"}, {"values_options": []}),
    ],
)
def test_a_wrong_rule_is_told(config: Configuration, wrong: dict[str, Any]) -> None:
    config.configure_core(**wrong)
    (problem,) = config.problems()
    assert problem.section == "CORE"
    assert problem.field in wrong
