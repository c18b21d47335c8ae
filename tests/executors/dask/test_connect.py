"""The way to a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from asyncflow import ClusterFailed, Configuration, Orchestrator
from asyncflow.executors.dask import connect
from asyncflow.log import logger
from tests.support.dask_cluster import configuration


def versions(**packages: Any) -> dict[str, Any]:
    whole = {
        "python": "3.11.7.final.0",
        "asyncflow": "0.1.0",
        "cloudpickle": "3.1.3",
        "distributed": "2026.8.0",
    }
    return {"packages": {**whole, **packages}}


def found(**packages: Any) -> dict[str, Any]:
    workers = {"tcp://w:1": versions(**packages), "tcp://w:2": versions()}
    return {"client": versions(), "scheduler": versions(), "workers": workers}


def test_same_versions_do() -> None:
    connect.check_versions("tcp://s:1", found(python="3.11.9.final.0"))


@pytest.mark.parametrize(
    "packages",
    [{"python": "3.12.1.final.0"}, {"asyncflow": None}, {"cloudpickle": "2.2.1"}],
    ids=str,
)
def test_other_versions_are_told_in_a_table(packages: dict[str, Any]) -> None:
    with pytest.raises(ClusterFailed) as told:
        connect.check_versions("tcp://s:1", found(**packages))

    lines = str(told.value).splitlines()
    assert lines[1].split() == ["python", "asyncflow", "cloudpickle", "distributed"]
    assert [line.split()[0] for line in lines[2:6]] == [
        *("here", "scheduler", "tcp://w:1", "tcp://w:2")
    ]
    assert str(*packages.values()) in lines[4]
    assert "install the same ones everywhere" in lines[-1]


class WithAddress:
    scheduler_address = "tls://s:1"
    security = "its own"


class ClientLike:
    scheduler = type("Scheduler", (), {"address": "tcp://s:2"})
    security = None


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("tcp://s:3", ("tcp://s:3", None)),
        (WithAddress(), ("tls://s:1", "its own")),
        (ClientLike(), ("tcp://s:2", None)),
        (None, (None, None)),
    ],
    ids=["text", "cluster", "client", "none"],
)
def test_the_address_of_a_scheduler(
    given: object, place: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(connect.VARIABLE, raising=False)
    assert connect.place_of(given, None) == place


def test_the_environment_has_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(connect.VARIABLE, "tcp://s:4")
    assert connect.place_of(None, None) == ("tcp://s:4", None)
    assert connect.place_of("tcp://s:3", None) == ("tcp://s:3", None)


def test_security_is_made_of_a_table() -> None:
    _, security = connect.place_of("tls://s:1", {"tls_ca_file": "ca.pem"})
    assert security.tls_ca_file == "ca.pem"


def test_what_has_no_address_is_refused() -> None:
    with pytest.raises(ClusterFailed, match="no address of a scheduler"):
        connect.place_of(5, None)


@pytest.mark.anyio
async def test_where_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "PATIENCE", 0.3)

    with pytest.raises(ClusterFailed, match="nobody answers as a scheduler"):
        async with Orchestrator(configuration("tcp://127.0.0.1:9")):
            pass


@pytest.mark.parametrize(
    ("address", "is_told"),
    [
        ("tcp://10.0.0.7:8786", True),
        ("node7:8786", True),
        ("tcp://[2001:db8::1]:8786", True),
        ("tls://10.0.0.7:8786", False),
        ("tcp://127.0.0.1:8786", False),
        ("tcp://[::1]:8786", False),
        ("localhost:8786", False),
    ],
)
def test_who_can_be_reached_without_encryption_is_told_once(
    address: str, is_told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    connect.tell_if_open.cache_clear()

    for _ in range(2):
        connect.tell_if_open(address)

    logger.wait()
    assert len(caplog.records) == is_told


def test_what_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    config = Configuration()
    config.configure_job_executions("cluster")
    assert [(one.field, one.message, one.remedy) for one in config.problems()] == [
        ("mode", "the mode 'cluster' needs distributed", "pip install '.[dask]'")
    ]
