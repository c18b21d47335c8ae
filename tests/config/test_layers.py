"""Files over that which is declared, and where each value comes from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncflow import Configuration, JobConfig, Orchestrator, Origin
from asyncflow.errors import ConfigError
from tests.support.declaring import chain, double
from tests.support.toml_files import refused, write


def data_of(config: Configuration, id: str) -> object:
    """Return the default data of a data node, as it now counts."""
    return config.data_nodes[id].default_data


VARIABLES = ("ASYNCFLOW_CONFIG", "TAIPY_CONFIG_PATH")


def test_code_after_a_load_wins_and_after_an_override_does_not(
    config: Configuration, file: Path
) -> None:
    file.write_text("[DATA_NODE.a]\ndefault_data = 1\n")
    config.load(file)
    config.configure_data_node("a", default_data=7)
    assert data_of(config, "a") == 7
    assert config.problems() == ()

    config.override(file)
    assert data_of(config, "a") == 1
    config.configure_data_node("a", default_data=7)
    config.load(file)
    assert data_of(config, "a") == 1
    assert config.problems() == ()


def test_a_later_override_wins_over_an_earlier_one(
    config: Configuration, tmp_path: Path
) -> None:
    for count in (2, 3):
        file = tmp_path / f"{count}.toml"
        file.write_text(f"[JOB]\nmax_nb_of_workers = {count}\n")
        config.override(file)

    config.configure_job_executions("standalone", 8, kill_grace=1.0)
    jobs = config.job_config
    assert (jobs.mode, jobs.max_nb_of_workers, jobs.kill_grace) == (
        "standalone",
        3,
        1.0,
    )


def test_it_holds_for_what_is_declared_later(config: Configuration, file: Path) -> None:
    write(
        file,
        """
        [DATA_NODE.my_input]
        default_data = 5
        note = "over"
        [TASK.double]
        skippable = true
        [SCENARIO.s]
        tasks = ["add"]
        """,
    )
    config.override(file)
    nodes, problems = config.data_nodes, config.problems()
    assert {problem.file for problem in problems} == {str(file)}

    tasks = chain(config)
    declared = config.configure_scenario("s", tasks, sequences={"one": tasks[0]}, x=1)
    assert nodes["my_input"].default_data == 5
    assert config.tasks["double"].skippable
    assert config.tasks["double"].input == (nodes["my_input"],)
    scenario = config.scenario(declared)
    assert scenario is config.scenarios["s"]
    assert scenario.task_configs == (config.tasks["add"],)
    assert scenario.properties == {"x": 1}


def test_lists_are_replaced_and_properties_merged(
    config: Configuration, file: Path
) -> None:
    tasks = chain(config)
    config.configure_scenario("s", tasks, sequences={"one": tasks}, x=1, y=1)
    write(
        file,
        """
        [SCENARIO.s]
        y = 2
        z = 2
        [SCENARIO.s.sequences]
        two = ["add"]
        """,
    )
    config.override(file)
    scenario = config.scenarios["s"]
    assert scenario.task_configs == tuple(config.tasks.values())
    assert scenario.sequences == {"two": (config.tasks["add"],)}
    assert scenario.properties == {"x": 1, "y": 2, "z": 2}
    config.check()


def test_sections_from_before_and_after_are_one(
    config: Configuration, file: Path
) -> None:
    first = config.configure_data_node("a", default_data=1)
    file.write_text("[DATA_NODE.a]\ndefault_data = 2\n")
    config.override(file)
    applied = config.data_nodes["a"]
    task = config.configure_task("t", double, applied)
    other = config.configure_task("u", double, first)
    scenario = config.configure_scenario("s", [task, other])
    config.check()
    node = config.data_nodes["a"]
    assert [each.input for each in config.scenario(scenario).task_configs] == 2 * [
        (node,)
    ]
    assert node.default_data == 2


@pytest.mark.parametrize("variable", VARIABLES)
def test_the_file_of_the_environment_is_over_all(
    config: Configuration,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    files = [tmp_path / name for name in ("over.toml", "env.toml")]
    for number, file in enumerate(files):
        file.write_text(f"[DATA_NODE.a]\ndefault_data = {number}\n")

    config.override(files[0])
    monkeypatch.setenv(variable, str(files[1]))
    config.configure_data_node("a", default_data=7)
    assert data_of(config, "a") == 1
    assert config.problems() == ()

    monkeypatch.delenv(variable)
    assert config.problems() == ()
    assert data_of(config, "a") == 0


def test_the_first_variable_counts(
    config: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, variable in enumerate(VARIABLES):
        file = tmp_path / f"{number}.toml"
        file.write_text(f"[JOB]\nmax_nb_of_workers = {number + 1}\n")
        monkeypatch.setenv(variable, str(file))

    assert config.job_config.max_nb_of_workers == 1


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize(
    ("text", "piece"),
    [(None, "there is no such file"), ("[JOB\n", "not TOML"), (b"\xff", "not UTF-8")],
    ids=["missing", "syntax", "bytes"],
)
def test_a_file_of_the_environment_that_cannot_be_read_is_told(
    config: Configuration,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    text: str | bytes | None,
    piece: str,
) -> None:
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())

    monkeypatch.setenv(variable, str(file))
    config.configure_data_node("a", default_data=7)
    assert data_of(config, "a") == 7
    (problem,) = config.problems()
    assert problem.file == str(file)
    assert piece in problem.message
    assert variable in problem.message
    assert variable in problem.remedy

    file.write_text("[DATA_NODE.a]\ndefault_data = 8\n")  # mended
    assert config.problems() == ()
    assert data_of(config, "a") == 8


def test_a_folder_in_its_place_is_told(
    config: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASYNCFLOW_CONFIG", str(tmp_path))
    (problem,) = config.problems()
    assert "ASYNCFLOW_CONFIG" in problem.message
    assert problem.file == str(tmp_path)


@pytest.mark.anyio
async def test_no_orchestrator_opens_without_it(
    config: Configuration, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASYNCFLOW_CONFIG", str(file))

    with pytest.raises(ConfigError, match="ASYNCFLOW_CONFIG"):
        async with Orchestrator(config, store=":memory:"):
            pytest.fail("it opened")


def test_problems_name_file_and_line(config: Configuration, file: Path) -> None:
    config.configure_data_node("mine")
    write(
        file,
        """\
        [JOB]
        max_nb_of_workers = 0
        [DATA_NODE.mine]
        keep_versions = "many"
        [TASK.new]
        function = "HERE:double"
        inputs = ["nothing"]
        skipable = true
        """,
    )
    config.override(file)
    found = [
        (each.file, each.line, each.section, each.field) for each in config.problems()
    ]
    assert sorted(found) == sorted(
        [
            (str(file), 2, "JOB", "max_nb_of_workers"),
            (str(file), 4, "DATA_NODE.mine", "keep_versions"),
            (str(file), 7, "TASK.new", "inputs"),
            (str(file), 8, "TASK.new", "skipable"),
        ]
    )


def test_an_override_that_is_not_there_is_refused(
    config: Configuration, file: Path
) -> None:
    (problem,) = refused(lambda: config.override(file))
    assert problem.file == str(file)
    assert config.revision == 0
    assert config.problems() == ()


def test_a_file_is_parsed_once(
    config: Configuration, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("[JOB]\nmax_nb_of_workers = 3\n")
    monkeypatch.setenv("ASYNCFLOW_CONFIG", str(file))
    config.override(file)
    assert config.job_config.max_nb_of_workers == 3
    file.unlink()

    for number in range(3):
        config.configure_data_node(f"n{number}")
        assert config.job_config.max_nb_of_workers == 3
        assert config.problems() == ()


def test_origins(config: Configuration, tmp_path: Path) -> None:
    load, over = tmp_path / "load.toml", tmp_path / "over.toml"
    load.write_text("[DATA_NODE.a]\nkeep_versions = 2\nx = 1\n")
    over.write_text("[TASK.t]\n\nskippable = true\noutputs = []\n[APP]\nz = 1\n")
    config.load(load)
    config.configure_task("t", double, config.data_nodes["a"], y=1)
    config.override(over)
    origins = config.origins()

    assert origins["DATA_NODE.a.keep_versions"] == Origin(
        layer="load", file=str(load), line=2
    )
    assert str(origins["DATA_NODE.a.x"]) == f"load ({load}:3)"
    assert str(origins["TASK.t.skippable"]) == f"override ({over}:3)"
    assert str(origins["TASK.t.output"]) == f"override ({over}:4)"
    assert str(origins["APP.z"]) == f"override ({over}:6)"
    assert [str(origins[f"TASK.t.{name}"]) for name in ("function", "y", "retry")] == [
        "code",
        "code",
        "default",
    ]
    assert str(origins["JOB.mode"]) == "default"

    config.configure_data_node("a", keep_versions=2)
    assert str(config.origins()["DATA_NODE.a.keep_versions"]) == "code"


def test_export_backup_and_restore(config: Configuration, tmp_path: Path) -> None:
    over, out, whole = (tmp_path / name for name in ("over", "out", "whole"))
    over.write_text("[DATA_NODE.my_input]\ndefault_data = 5\n")
    config.override(over)
    chain(config)
    config.export(out)
    config.backup(whole)
    assert "default_data = 21" in out.read_text()
    assert "default_data = 5" in whole.read_text()

    config.configure_data_node("more")
    config.restore(whole)
    assert list(config.data_nodes) == ["my_input", "intermediate", "my_output"]
    assert data_of(config, "my_input") == 5
    config.configure_data_node("my_input", default_data=6)
    assert data_of(config, "my_input") == 6
    assert config.tasks["double"].input == (config.data_nodes["my_input"],)
    assert config.problems() == ()


def test_what_cannot_be_restored_leaves_all_as_it_was(
    config: Configuration, file: Path
) -> None:
    chain(config)
    file.write_text("[TASK.t]\nfunction = 'nowhere:f'\n")
    refused(lambda: config.restore(file))
    assert len(config.tasks) == 2
    assert config.problems() == ()


def test_clear_forgets_files_as_well(config: Configuration, file: Path) -> None:
    file.write_text("[JOB]\nmode = 'standalone'\n")
    config.override(file)
    config.clear()
    assert config.job_config.mode == "development"


@pytest.fixture
def overridden(config: Configuration, file: Path) -> Configuration:
    """Give a chain with a file over it."""
    file.write_text("[DATA_NODE.my_input]\ndefault_data = 5\n")
    config.override(file)
    config.configure_scenario("s", chain(config))
    return config


@pytest.mark.anyio
async def test_a_run_is_of_what_counts(overridden: Configuration) -> None:
    async with Orchestrator(overridden, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario("s")
        await scenario.submit()
        assert await scenario.my_output.read() == 20


NAMES = ("max_nb_of_workers", "max_log_size", "max_jobs_per_worker")
VALUES = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 900))


def text_of(values: dict[str, int]) -> str:
    return "[JOB]\n" + "".join(f"{name} = {values[name]}\n" for name in values)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(VALUES, min_size=5, max_size=5), st.permutations(range(4)))
def test_the_highest_file_counts_in_any_order(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    layers: list[dict[str, int]],
    order: list[int],
) -> None:
    code, load, first, second, named = layers
    config = Configuration()

    for number, values in enumerate(layers[1:]):
        (tmp_path / f"{number}.toml").write_text(text_of(values))

    monkeypatch.setenv("ASYNCFLOW_CONFIG", str(tmp_path / "3.toml"))
    verbs: list[Callable[[], object]] = [
        lambda: config.configure_job_executions(**code),  # type: ignore[arg-type]  # ints
        lambda: config.load(tmp_path / "0.toml"),
        lambda: config.override(tmp_path / "1.toml"),
        lambda: config.job_config,
    ]

    for number in order:
        verbs[number]()

    config.override(tmp_path / "2.toml")
    base = {**code, **load} if order.index(0) < order.index(1) else code
    wanted = {**base, **first, **second, **named}
    assert config.problems() == ()
    found = config.job_config
    usual = JobConfig()
    for name in NAMES:
        assert getattr(found, name) == wanted.get(name, getattr(usual, name))
