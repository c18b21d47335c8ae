"""Values that are found in the environment, and where they are not."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from asyncflow import ConfigError, Configuration, Orchestrator
from asyncflow.alternatives import DRIVERS
from asyncflow.config.lookup import Unresolved, looked_up
from asyncflow.entities.data_node import node_of
from asyncflow.secret import Secret
from tests.support import flows


@pytest.fixture(autouse=True)
def _toy() -> Iterator[None]:
    DRIVERS.register("toy", "tests.support.toy_driver:ToyDriver")
    yield
    DRIVERS.unregister("toy")


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("ENV[A_1]", "text", "text"),
        ("ENV[A_1]", "", ""),
        ("ENV[A_1]:str", "7", "7"),
        ("ENV[A_1]:int", "7", 7),
        ("ENV[A_1]:float", "7", 7.0),
        ("ENV[A_1]:bool", "True", True),
        ("ENV[A_1]:bool", "FALSE", False),
        ("ENV[A_1:7]:int", None, 7),
        ("ENV[A_1:7]:int", "8", 8),
        ("ENV[A_1:]", None, ""),
        ("ENV[A_1:sqlite:///a[1].db]", None, "sqlite:///a[1].db"),
    ],
)
def test_what_is_found(
    monkeypatch: pytest.MonkeyPatch, text: str, value: str | None, expected: object
) -> None:
    monkeypatch.delenv("A_1", raising=False)

    if value is not None:
        monkeypatch.setenv("A_1", value)

    found = looked_up(text)
    assert found == expected
    assert type(found) is (Secret if isinstance(expected, str) else type(expected))


@pytest.mark.parametrize(
    ("text", "value", "message"),
    [
        ("ENV[A_1]", None, "A_1 is not set"),
        ("ENV[A_1]:int", "hunter2", "A_1 is no int"),
        ("ENV[A_1]:bool", "1", "A_1 is no bool"),
        ("ENV[A_1]:integer", "1", "'integer', which is no kind"),
        ("ENV[A 1]", "1", "no value of the environment"),
        ("ENV[A_1", "1", "no value of the environment"),
        ("ENV[]", "1", "no value of the environment"),
    ],
)
def test_what_is_not_to_be_had(
    monkeypatch: pytest.MonkeyPatch, text: str, value: str | None, message: str
) -> None:
    monkeypatch.delenv("A_1", raising=False)

    if value is not None:
        monkeypatch.setenv("A_1", value)

    with pytest.raises(Unresolved, match=message) as caught:
        looked_up(text)

    assert "hunter2" not in str(caught.value)


def declare(config: Configuration) -> None:
    config.configure_job_executions("ENV[A_MODE]", "ENV[A_COUNT]:int")  # type: ignore[arg-type]  # a text for a number
    config.configure_data_node("given", "toy", level="ENV[A_LEVEL]:int")


def test_all_that_is_missing_is_told_at_once(config: Configuration) -> None:
    declare(config)
    found = [(one.section, one.field) for one in config.problems()]
    assert found == [
        ("JOB", "mode"),
        ("JOB", "max_nb_of_workers"),
        ("DATA_NODE.given", "level"),
    ]
    assert "A_COUNT is not set" in str(config.problems()[1])
    assert config.job_config.mode == "ENV[A_MODE]"


def test_what_is_found_is_checked(
    config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(config)
    monkeypatch.setenv("A_MODE", "standalone")
    monkeypatch.setenv("A_COUNT", "3")
    monkeypatch.setenv("A_LEVEL", "12")
    (problem,) = config.problems()
    assert (problem.section, problem.field) == ("DATA_NODE.given", "level")
    assert problem.message == "12 is not known"
    assert problem.remedy == "give a level from 0 to 9"

    monkeypatch.setenv("A_LEVEL", "2")
    assert config.problems() == ()
    assert config.job_config.max_nb_of_workers == 3


def test_a_file_keeps_the_text_and_problems_name_the_line(
    config: Configuration, file: Path
) -> None:
    declare(config)
    config.export(file)
    text = file.read_text()
    assert 'level = "ENV[A_LEVEL]:int"' in text
    lines = text.splitlines()

    other = Configuration()
    other.load(file)
    other.export(file)
    assert file.read_text() == text

    for problem in other.problems():
        assert problem.file == str(file)
        assert problem.line is not None
        assert lines[problem.line - 1].startswith(problem.field)


def test_what_code_says_has_no_line(config: Configuration, file: Path) -> None:
    declare(config)
    config.export(file)
    config.load(file)
    config.configure_job_executions("ENV[ANOTHER]")
    first, *_ = config.problems()
    assert (first.field, first.file) == ("mode", None)


@pytest.mark.anyio
async def test_a_run_with_what_is_found(
    config: Configuration, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    config.configure_job_executions("ENV[A_MODE:standalone]", "ENV[A_COUNT]:int")  # type: ignore[arg-type]  # a text for a number
    given = config.configure_data_node(
        "given", "toy", default_data="a", marker="ENV[A_MARKER]"
    )
    made = config.configure_data_node("made", "ENV[A_KIND]", level="ENV[A_LEVEL]:int")
    task = config.configure_task(
        "copy",
        flows.identity,
        given,
        made,
        run_timeout="ENV[A_LIMIT]:float",  # type: ignore[arg-type]  # the same
    )
    cfg = config.configure_scenario("toys", task)

    monkeypatch.setenv("A_KIND", "toy")

    with pytest.raises(ConfigError) as caught:
        async with Orchestrator(config, store=path):
            pass

    assert len(caught.value.problems) == 4

    monkeypatch.setenv("A_COUNT", "1")
    monkeypatch.setenv("A_LEVEL", "2")
    monkeypatch.setenv("A_LIMIT", "20.5")
    monkeypatch.setenv("A_MARKER", "hunter2")

    async with Orchestrator(config, store=path) as orchestrator:
        assert orchestrator.max_nb_of_workers == 1
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        assert await scenario.made.read() == "a"
        assert node_of(scenario.made).driver.options.level == 2
        assert scenario.tasks["copy"].config.run_timeout == 20.5
        twin = await orchestrator.create_scenario(scenario.config)
        await twin.submit()

    async with Orchestrator(config, store=path) as orchestrator:
        again = await orchestrator.get(scenario.id)
        assert await again.made.read() == "a"  # type: ignore[union-attr]  # a scenario

    kept = b"".join(one.read_bytes() for one in Path(path).parent.rglob("*.db*"))
    assert b"hunter2" not in kept
    assert "ENV[A_LIMIT]:float" in repr(cfg.task_configs[0])


def test_values_are_data(
    config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.configure_data_node("given", default_data="ENV[NOT_THERE]")
    assert config.problems() == ()


def test_secrets_go_on_being_secret() -> None:
    secret = pickle.loads(pickle.dumps(Secret("hunter2", "ENV[A]")))
    assert (secret, repr(secret)) == ("hunter2", "'ENV[A]'")
