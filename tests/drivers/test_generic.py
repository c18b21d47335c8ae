"""What functions of the user's read and write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from asyncflow import Configuration, JobFailed, Orchestrator, SubmissionFailed
from asyncflow.drivers.generic import GenericDriver, GenericOptions
from asyncflow.errors import DataNodeReadingError, DataNodeWritingError
from asyncflow.filters import as_where
from asyncflow.secret import Secret
from tests.support import flows


def read_lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def write_lines(value: list[str], path: str) -> None:
    Path(path).write_text("\n".join(value))


def append_lines(value: list[str], path: str) -> None:
    write_lines([*read_lines(path), *value], path)


async def read_slowly(path: str) -> list[str]:
    return (await anyio.Path(path).read_text()).splitlines()


async def write_slowly(value: list[str], path: str) -> None:
    await anyio.Path(path).write_text("\n".join(value))


def connect(word: str) -> list[str]:
    raise ConnectionError(f"login with {word} failed")


def connect_to_write(_: object, word: str) -> None:
    connect(word)


def driver(**options: Any) -> GenericDriver:
    return GenericDriver(None, GenericOptions(**options))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    arguments = [str(tmp_path / "a.txt")]
    one = driver(
        read_fct=read_lines,
        write_fct=write_lines,
        append_fct=append_lines,
        read_fct_args=arguments,
        write_fct_args=arguments,
    )
    one.publish(one.write(["a", "b"], "J-1", "node"), "J-1")
    assert one.read(None) == ["a", "b"]
    one.publish(one.append(["c"], None, "J-2", "node"), "J-2")
    assert one.read(None) == ["a", "b", "c"]
    one.discard(one.write([], "J-3", "node"), "J-3")
    assert one.read(None) == ["a", "b", "c"]


def test_parts_are_picked_after_reading() -> None:
    one = driver(read_fct=lambda: [{"a": 1, "b": 2}, {"a": 3, "b": 4}])
    assert one.read(None, columns=["b"], where=as_where(("a", 3))) == [{"b": 4}]


def test_what_is_not_given_is_named() -> None:
    with pytest.raises(DataNodeReadingError, match="it has no read_fct"):
        driver(write_fct=write_lines).read(None)

    with pytest.raises(DataNodeWritingError, match=r"'node' .* it has no write_fct"):
        driver(read_fct=read_lines).write([], "J-1", "node")

    config = Configuration()
    config.configure_data_node("a", "generic")
    config.configure_data_node("b", "generic", read_fct="read", read_fct_args="x")
    assert [one.field for one in config.problems()] == [
        "storage_type",
        "read_fct",
        "read_fct_args",
    ]


def test_an_error_is_the_users_unless_it_shows_a_secret() -> None:
    with pytest.raises(ConnectionError, match="login with open failed"):
        driver(read_fct=connect, read_fct_args=["open"]).read(None)

    word = Secret("hunter2", "ENV[WORD]")

    with pytest.raises(RuntimeError, match=r"ConnectionError.*ENV\[WORD\]") as caught:
        driver(read_fct=connect, read_fct_args=[word]).read(None)

    assert "hunter2" not in str(caught.value)


def declare(config: Configuration, path: Path, read: Any, write: Any) -> None:
    arguments = [str(path)]
    given = config.configure_data_node("given", default_data=["a", "b"])
    made = config.configure_data_node(
        "made",
        "generic",
        read_fct=read,
        write_fct=write,
        read_fct_args=arguments,
        write_fct_args=arguments,
    )
    end = config.configure_data_node("end")
    config.configure_scenario(
        "lines",
        [
            config.configure_task("write", flows.identity, given, made),
            config.configure_task("read", flows.identity, made, end),
        ],
    )


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("read", "write"),
    [(read_lines, write_lines), (read_slowly, write_slowly)],
    ids=["plain", "async"],
)
async def test_a_run(
    tmp_path: Path, config: Configuration, path: str, read: Any, write: Any
) -> None:
    declare(config, tmp_path / "a.txt", read, write)

    with anyio.fail_after(40):
        async with Orchestrator(config, store=path) as orchestrator:
            scenario = await orchestrator.create_scenario("lines")
            await scenario.submit()
            assert await scenario.end.read() == ["a", "b"]
            await scenario.made.write(["c"])
            assert await scenario.made.read() == ["c"]


@pytest.mark.anyio
@pytest.mark.parametrize("executor", ["process", "thread"])
async def test_a_secret_argument_is_nowhere(
    config: Configuration, path: str, monkeypatch: pytest.MonkeyPatch, executor: str
) -> None:
    monkeypatch.setenv("WORD", "hunter2")
    given = config.configure_data_node("given", default_data=1)
    made = config.configure_data_node(
        "made", "generic", write_fct=connect_to_write, write_fct_args=["ENV[WORD]"]
    )
    task = config.configure_task("copy", flows.identity, given, made, executor=executor)
    config.configure_scenario("s", task)

    with anyio.fail_after(40):
        async with Orchestrator(config, store=path) as orchestrator:
            scenario = await orchestrator.create_scenario("s")

            with pytest.raises(SubmissionFailed) as caught:
                await scenario.submit()

    (failed,) = caught.value.exceptions
    assert isinstance(failed, JobFailed)
    assert "ENV[WORD]" in str(failed)
    assert "hunter2" not in f"{failed} {failed.__cause__} {failed.__cause__!r}"
