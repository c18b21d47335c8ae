"""What is read from a TOML file, and what of a file is refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from asyncflow.config import Configuration, Scope
from tests.support.declaring import add, double
from tests.support.toml_files import (
    declare,
    loaded,
    refused,
    same,
    write,
)

HOUR = timedelta(hours=1)


def test_a_file_changes_what_it_names(config: Configuration, file: Path) -> None:
    declare(config)
    before = config.revision
    stale = config.scenarios["my_scenario"]
    write(
        file,
        """
        [JOB]
        max_nb_of_workers = 4

        [DATA_NODE.my_input]
        default_data = 22
        unit = "kg"

        [DATA_NODE.new]
        scope = "GLOBAL"

        [TASK.add]
        outputs = ["new"]
        """,
    )
    config.load(file)

    jobs = config.job_config
    assert (jobs.mode, jobs.max_nb_of_workers, jobs.echo) == ("standalone", 4, False)
    node = config.data_nodes["my_input"]
    assert (node.default_data, node.properties) == (22, {"unit": "kg"})
    task = config.tasks["add"]
    assert task.output == (config.data_nodes["new"],)
    assert (task.function, task.skippable, task.executor) == (add, True, "thread")
    assert config.data_nodes["new"].scope is Scope.GLOBAL

    # Whatever refers to a section refers to it as it is now.
    assert config.tasks["double"].input == (node,)
    scenario = config.scenario(stale)
    assert scenario.task_configs == (config.tasks["double"], task)
    assert scenario.sequences == {"one": (config.tasks["double"],)}
    assert config.problems() == ()
    assert config.revision > before


def test_a_byte_order_mark_is_passed_over(config: Configuration, file: Path) -> None:
    file.write_text("[JOB]\nmode = 'standalone'", encoding="utf-8-sig")
    assert loaded(file, config).job_config.mode == "standalone"


Found = tuple[int, str, str, str]
"""Line, section, field, and a piece of the message or remedy."""


BAD: dict[str, tuple[str, list[Found]]] = {
    "syntax": ("\n[JOB\n", [(2, "TOML", "", "not TOML")]),
    "syntax_at_end": ("[JOB]\nx = '''\n", [(3, "TOML", "", "not TOML")]),
    "key_twice": ("[JOB]\nx = 1\nx = 2\n", [(3, "TOML", "", "mend that line")]),
    "table": ("[JOBS]\nx = 1\n", [(1, "JOBS", "", "did you mean 'JOB'?")]),
    "key_at_top": ("x = 1\n", [(1, "x", "", "choose one of 'JOB'")]),
    "job": ("JOB = 1\n", [(1, "JOB", "", "1 is not a table")]),
    "kind": ("TASK = []\n", [(1, "TASK", "", "[] is not a table")]),
    "section": ("[TASK]\nt = 1\n", [(2, "TASK.t", "", "1 is not a table")]),
    "job_values": (
        "[JOB]\nmode = 1\nmax_nb_of_workers = '2'\necho = 1\nresources = 2\n",
        [
            (2, "JOB", "mode", "1 is not known"),
            (3, "JOB", "max_nb_of_workers", "'2' is not an int"),
            (4, "JOB", "echo", "1 is not a bool"),
            (5, "JOB", "resources", "2 does not map names to amounts"),
        ],
    ),
    "node_values": (
        "[DATA_NODE.n]\nstorage_type = 'csw'\nscope = ['x']\ndefault_path = 1\n",
        [
            (2, "DATA_NODE.n", "storage_type", "'csw' is not known"),
            (3, "DATA_NODE.n", "scope", "['x'] is not a Scope"),
            (4, "DATA_NODE.n", "default_path", "1 is not a path"),
            (4, "DATA_NODE.n", "default_path", "has no file"),
        ],
    ),
    "node_scope": (
        "[DATA_NODE.n]\nscope = 'global'\n",
        [(2, "DATA_NODE.n", "scope", "'global' is not a Scope")],
    ),
    "period": (
        (
            "[DATA_NODE.n]\nvalidity_period = '1 day'\n"
            "[DATA_NODE.m]\n\nvalidity_period = 60\n"
            "[DATA_NODE.o]\nvalidity_period = '0s'\n"
            "[DATA_NODE.p]\nvalidity_period = '-1d'\n"
            "[DATA_NODE.q]\nvalidity_period = '999999999999d'\n"
        ),
        [
            (2, "DATA_NODE.n", "validity_period", "'1 day' is not a period"),
            (5, "DATA_NODE.m", "validity_period", "60 is not a period"),
            (7, "DATA_NODE.o", "validity_period", "(0) is not more than nothing"),
            (9, "DATA_NODE.p", "validity_period", "(in TOML: '1d2h3m4s')"),
            (11, "DATA_NODE.q", "validity_period", "'999999999999d' is not a period"),
        ],
    ),
    "versions": (
        (
            "[DATA_NODE.n]\nkeep_versions = -1\n"
            "[DATA_NODE.m]\n\nkeep_versions = '2'\n"
            "[DATA_NODE.o]\nkeep_versions = true\n"
            "[DATA_NODE.p]\ndefault_path = 'p.p'\nkeep_versions = 3\n"
        ),
        [
            (2, "DATA_NODE.n", "keep_versions", "-1 is not an int from 0"),
            (5, "DATA_NODE.m", "keep_versions", "'2' is not an int"),
            (7, "DATA_NODE.o", "keep_versions", "True is not an int"),
            (10, "DATA_NODE.p", "keep_versions", "a file of your own has one"),
        ],
    ),
    "on_restart": (
        (
            "[TASK.t]\nfunction = 'math:sqrt'\non_restart = 'rerum'\n"
            "[TASK.u]\nfunction = 'math:sqrt'\non_restart = 1\n"
        ),
        [
            (3, "TASK.t", "on_restart", "did you mean 'rerun'?"),
            (6, "TASK.u", "on_restart", "1 is not known"),
        ],
    ),
    "id": ("[DATA_NODE.'a b']\n", [(1, "DATA_NODE.a b", "id", "identifier")]),
    "task_values": (
        (
            "[TASK.t]\nfunction = 1\ninputs = 'a'\noutputs = [1, 'b']\nskippable = 1\n"
            "executor = 'x'\nretry = 'x'\ninput = []\n"
        ),
        [
            (2, "TASK.t", "function", "write it as 'module:function'"),
            (3, "TASK.t", "inputs", 'write it as ["a"]'),
            (4, "TASK.t", "outputs", "1 is the id of nothing"),
            (4, "TASK.t", "outputs", "'b' is the id of nothing"),
            (5, "TASK.t", "skippable", "1 is not a bool"),
            (6, "TASK.t", "executor", "'x' is not known"),
            (7, "TASK.t", "retry", "'x' is not a Retry"),
            (8, "TASK.t", "input", "call it inputs"),
        ],
    ),
    "called_as_in_python": (
        (
            "[DATA_NODE.x]\n[TASK.t]\nfunction='math:sqrt'\ninput=['x']\n"
            "[SCENARIO.s]\ntask_configs=['t']\n"
        ),
        [
            (4, "TASK.t", "input", "call it inputs"),
            (6, "SCENARIO.s", "task_configs", "call it tasks"),
        ],
    ),
    "no_function": ("[TASK.t]\n", [(1, "TASK.t", "function", "has no function")]),
    "scenario_values": (
        (
            "[SCENARIO.s]\ntasks = 1\nadditional_data_nodes = ['x']\nfrequency = 1\n"
            "[SCENARIO.s.sequences]\none = ['t']\ntwo = 1\n"
        ),
        [
            (2, "SCENARIO.s", "tasks", "1 is not a list of ids"),
            (3, "SCENARIO.s", "additional_data_nodes", "'x' is the id of nothing"),
            (4, "SCENARIO.s", "frequency", "1 is no frequency"),
            (6, "SCENARIO.s", "sequences.one", "'t' is the id of nothing"),
            (7, "SCENARIO.s", "sequences.two", "1 is not a list of ids"),
        ],
    ),
    "sequences": (
        "[SCENARIO.s]\nsequences = 1\n",
        [(2, "SCENARIO.s", "sequences", "1 is not a table")],
    ),
    "graph": (
        (
            "[DATA_NODE.a]\n[TASK.t]\nfunction = 'math:sqrt'\ninputs = ['a']\n"
            "outputs = ['a']\n[SCENARIO.s]\n\ntasks = ['t', 't']\n"
        ),
        [
            (5, "TASK.t", "outputs", "reads the data node 'a' that it writes"),
            (8, "SCENARIO.s", "tasks", "'t' is there 2 times"),
        ],
    ),
    "several_tables": (
        "[JOB]\nmode = 'x'\n[JOBS]\n[TASK.t]\nfunction = 'math:sqr'\n",
        [
            (2, "JOB", "mode", "'x' is not known"),
            (3, "JOBS", "", "not known"),
            (5, "TASK.t", "function", "'math' has no 'sqr'"),
        ],
    ),
}


for _name, _why in {
    "math": "form 'module:function'",
    ":sqrt": "form 'module:function'",
    "no_such_module:f": "ModuleNotFoundError: No module named 'no_such_module'",
    ".x:f": "cannot be imported",
    "math:sqrt.x": "has no 'sqrt.x'",
    "__main__:no_such_function": "'__main__' has no 'no_such_function'",
    "x:f.<locals>.g": "made while its module runs",
    "math:pi": "cannot be called",
}.items():
    BAD[f"function {_name}"] = (
        f"[TASK.t]\n\nfunction = '{_name}'\n",
        [(3, "TASK.t", "function", _why)],
    )


@pytest.mark.parametrize(("text", "rows"), BAD.values(), ids=BAD)
def test_a_wrong_file_is_refused_as_a_whole(
    config: Configuration, file: Path, text: str, rows: list[Found]
) -> None:
    file.write_text(text + "[DATA_NODE.fine]\n" * (rows[0][1] != "TOML"))
    revision = config.revision
    problems = refused(lambda: config.load(file))

    found = [(each.line, each.section, each.field) for each in problems]
    assert found == [row[:3] for row in rows]
    for problem, (*_, piece) in zip(problems, rows, strict=True):
        assert piece in str(problem)
        assert str(problem).startswith(f"{file}:{problem.line}: ")

    assert (config.revision, config.data_nodes) == (revision, {})
    assert same(config, Configuration())


def test_a_module_that_fails_is_told(
    config: Configuration, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file.parent / "failing_module.py").write_text("raise KeyError('x')")
    monkeypatch.syspath_prepend(file.parent)
    write(file, "[TASK.t]\nfunction = 'failing_module:f'")
    (problem,) = refused(lambda: config.load(file))
    assert "(KeyError: 'x')" in problem.message


def test_what_is_wrong_in_code_is_not_the_files(
    config: Configuration, file: Path
) -> None:
    declare(config)
    config.configure_data_node("bad", "pickel")
    write(file, "[DATA_NODE.bad]\nscope = 'GLOBAL'")
    config.load(file)
    assert [each.file for each in config.problems()] == [None]


def test_a_missing_file_is_told(config: Configuration, file: Path) -> None:
    (problem,) = refused(lambda: config.load(file))
    assert problem.message == "there is no such file"
    assert problem.file == str(file)


def test_a_folder_is_told(config: Configuration, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=tmp_path.name):
        config.load(tmp_path)


def test_bytes_that_are_no_text_are_told(config: Configuration, file: Path) -> None:
    file.write_bytes(b"[JOB]\nx = '\xff'\n")
    (problem,) = refused(lambda: config.load(file))
    assert (problem.line, problem.message) == (2, "the file is not UTF-8")


def test_a_file_changes_how_values_are_kept(config: Configuration, file: Path) -> None:
    node = config.configure_data_node("a", validity_period=HOUR, keep_versions=2)
    config.configure_task("t", double, node)
    write(
        file,
        """
        [DATA_NODE.a]
        keep_versions = 4
        [TASK.t]
        on_restart = "fail"
        """,
    )
    config.load(file)
    node = config.data_nodes["a"]
    assert (node.validity_period, node.keep_versions) == (HOUR, 4)
    assert config.tasks["t"].on_restart == "fail"

    # In the place of the old text, with its comment.
    file.write_text("[DATA_NODE.a]\nvalidity_period = '1d' # a day\n")
    config.export(file)
    assert 'validity_period = "1h" # a day\n' in file.read_text()
    assert same(loaded(file), config)
