"""Files that Taipy wrote: what of them is read, what is left out, what is written over."""

from __future__ import annotations

import datetime
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncflow import Configuration, Scope, UsageError
from asyncflow.config.frequency import Frequency
from asyncflow.config.periods import to_text
from asyncflow.config.toml.taipy import Translator
from asyncflow.config.toml.write import dump
from asyncflow.log import logger
from tests.support import taipy_functions
from tests.support.toml_files import loaded, refused

HERE = taipy_functions.__name__

TUTORIAL = """\
[TAIPY]

[JOB]
mode = "standalone"
max_nb_of_workers = "2:int"

[DATA_NODE.my_input]
default_data = "21:int"

[DATA_NODE.intermediate]
default_data = "21:int"

[DATA_NODE.my_output]

[TASK.double]
function = "HERE.double:function"
inputs = [ "my_input:SECTION",]
outputs = [ "intermediate:SECTION",]
skippable = "False:bool"

[TASK.add]
function = "HERE.add:function"
inputs = [ "intermediate:SECTION",]
outputs = [ "my_output:SECTION",]
skippable = "False:bool"

[SCENARIO.my_scenario]
tasks = [ "double:SECTION", "add:SECTION",]
additional_data_nodes = []

[SCENARIO.my_scenario.comparators]

[SCENARIO.my_scenario.sequences]

""".replace("HERE", HERE)

BROAD = """\
[TAIPY]
title = "my app"
nb = "ENV[NB]:int"
flag = "True:bool"

[CORE]
storage_folder = "data/"
read_entity_retry = "3:int"
mode = "experiment"
version_number = "1.0"
core_version = "4.1.1"
custom = "x"

[JOB]
mode = "standalone"
max_nb_of_workers = "ENV[NW]:int"

[DATA_NODE.hist]
storage_type = "csv"
scope = "GLOBAL:SCOPE"
validity_period = "1d2h3m4s:timedelta"
default_path = "hist.csv"
exposed_type = "HERE.Row:class"

[DATA_NODE.month]
scope = "CYCLE:SCOPE"
default_data = "2024-01-02T00:00:00:datetime"

[DATA_NODE.out]

[DATA_NODE.sq]
storage_type = "sql"
db_name = "db"
db_engine = "sqlite"
read_query = "select 1"
write_query_builder = "HERE.query:function"

[DATA_NODE.gen]
storage_type = "generic"
read_fct = "HERE.double:function"
write_fct = "HERE.add:function"
read_fct_args = [ "p", "1:int",]

[DATA_NODE.xl]
storage_type = "excel"
has_header = "False:bool"
sheet_name = [ "S1", "S2",]

[DATA_NODE.pq]
storage_type = "parquet"

[DATA_NODE.mem]
storage_type = "in_memory"
default_data = [ "1:int", "2.5:float", "s", "True:bool",]

[TASK.t1]
function = "HERE.double:function"
inputs = [ "hist:SECTION", "month:SECTION",]
outputs = [ "out:SECTION",]
skippable = "True:bool"
owner = "bob"

[SCENARIO.sc]
tasks = [ "t1:SECTION", "t2:SECTION",]
additional_data_nodes = [ "js:SECTION", "xl:SECTION", "pq:SECTION",]
frequency = "MONTHLY:FREQUENCY"
authorized_tags = [ "x",]

[DATA_NODE.sq.db_extra_args]
a = "b"

[DATA_NODE.pq.write_kwargs]
x = "1:int"

[SCENARIO.sc.comparators]
out = [ "HERE.compare:function",]

[SCENARIO.sc.sequences]
a = [ "t1:SECTION",]
"b c" = [ "t2:SECTION",]
""".replace("HERE", HERE)


def test_the_file_of_the_tutorial(config: Configuration, file: Path) -> None:
    file.write_text(TUTORIAL)
    config.load(file)
    assert config.problems() == ()

    jobs = config.job_config
    assert (jobs.mode, jobs.max_nb_of_workers) == ("standalone", 2)
    assert config.data_nodes["my_input"].default_data == 21
    double, add = config.tasks.values()
    assert (double.function, add.function) == (
        taipy_functions.double,
        taipy_functions.add,
    )
    assert double.output == add.input == (config.data_nodes["intermediate"],)
    assert config.scenarios["my_scenario"].task_configs == (double, add)
    assert not config.scenarios["my_scenario"].sequences


def test_a_broad_file(
    config: Configuration,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("NB", "3")
    monkeypatch.setenv("NW", "2")
    file.write_text(BROAD)
    config.load(file)

    assert config.job_config.max_nb_of_workers == 2
    assert config.core_config.properties["custom"] == "x"
    nodes = config.data_nodes
    assert nodes["hist"].scope is Scope.GLOBAL
    assert nodes["hist"].validity_period == timedelta(1, 4, hours=2, minutes=3)
    assert nodes["hist"].options["exposed_type"] is taipy_functions.Row
    assert nodes["month"].default_data == datetime.datetime(2024, 1, 2)  # noqa: DTZ001
    assert nodes["sq"].options["write_query_builder"] is taipy_functions.query
    assert nodes["sq"].options["db_extra_args"] == {"a": "b"}
    assert nodes["gen"].options["read_fct_args"] == ["p", 1]
    assert nodes["xl"].options["has_header"] is False
    assert nodes["pq"].options["write_options"] == {"x": 1}
    assert nodes["mem"].default_data == [1, 2.5, "s", True]
    task = config.tasks["t1"]
    assert (task.skippable, task.properties) == (True, {"owner": "bob"})
    scenario = config.scenarios["sc"]
    assert scenario.task_configs == (task,)
    assert scenario.additional_data_node_configs == (nodes["xl"], nodes["pq"])
    assert scenario.authorized_tags == ("x",)
    assert scenario.frequency is Frequency.MONTHLY
    assert scenario.comparators == {"out": (taipy_functions.compare,)}
    assert dict(scenario.sequences) == {"a": (task,), "b_c": ()}

    assert logger.wait(5)
    assert f"{file} is a file of Taipy's" in caplog.text
    for piece in ("line 64 [SCENARIO.sc.tasks]: 't2'", "line 80", "called 'b_c'"):
        assert piece in caplog.text


@pytest.mark.parametrize("text", [TUTORIAL, BROAD], ids=["tutorial", "broad"])
def test_export_over_it_writes_ours(
    config: Configuration, file: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NB", "3")
    monkeypatch.setenv("NW", "2")
    file.write_text(f"# kept\n{text}")
    config.load(file)
    config.export(file)

    written = file.read_text()
    assert written.startswith("# kept\n")
    assert "[TAIPY]" not in written
    assert ":SECTION" not in written
    again = loaded(file)
    assert again.problems() == config.problems()
    assert dump(again._registry) == dump(config._registry)


def test_another_tools_file_is_not_written_over(
    config: Configuration, file: Path
) -> None:
    file.write_text("[tool.black]\nline-length = 88\n")
    (problem,) = refused(lambda: config.export(file))
    assert "not a configuration of asyncflow" in problem.message
    assert file.read_text().startswith("[tool.black]")


def test_the_dialect_may_be_said(config: Configuration, file: Path) -> None:
    file.write_text('[DATA_NODE.a]\ndefault_data = "2:int"\n')
    for dialect, value in ((None, "2:int"), ("asyncflow", "2:int"), ("taipy", 2)):
        config.load(file, dialect=dialect)
        assert config.data_nodes["a"].default_data == value

    with pytest.raises(UsageError, match="did you mean 'taipy'"):
        config.load(file, dialect="taypi")


def test_sections_follow_the_default_one(config: Configuration, file: Path) -> None:
    file.write_text(
        """
        [TAIPY]
        [DATA_NODE.default]
        storage_type = "csv"
        scope = "GLOBAL:SCOPE"
        has_header = "False:bool"
        [DATA_NODE.a]
        [DATA_NODE.b]
        storage_type = "pickle"
        [TASK.default]
        skippable = "True:bool"
        [TASK.t]
        function = "math.sqrt:function"
        inputs = ["b:SECTION"]
        """
    )
    config.load(file)
    a, b = config.data_nodes.values()
    assert (a.storage_type, a.options) == ("csv", {"has_header": False})
    assert (b.storage_type, b.scope, b.options) == ("pickle", Scope.GLOBAL, {})
    assert list(config.tasks) == ["t"]
    assert config.tasks["t"].skippable


def test_a_backup_says_all_that_is_usual(config: Configuration, file: Path) -> None:
    file.write_text(
        f"""
[TAIPY]
[gui]
[CORE]
root_folder = "./taipy/"
storage_folder = "user_data/"
taipy_storage_folder = ".taipy/"
repository_type = "filesystem"
read_entity_retry = "1:int"
mode = "development"
version_number = ""
force = "False:bool"
[CORE.repository_properties]
[JOB]
mode = "development"
max_nb_of_workers = "1:int"
[DATA_NODE.default]
storage_type = "pickle"
scope = "SCENARIO:SCOPE"
[DATA_NODE.c]
storage_type = "csv"
scope = "SCENARIO:SCOPE"
encoding = "utf-8"
has_header = "True:bool"
exposed_type = "pandas"
[DATA_NODE.j]
storage_type = "json"
scope = "SCENARIO:SCOPE"
encoding = "utf-8"
encoder = "taipy.core.data.json._DefaultJSONEncoder:class"
decoder = "taipy.core.data.json._DefaultJSONDecoder:class"
[DATA_NODE.q]
storage_type = "parquet"
scope = "SCENARIO:SCOPE"
engine = "pyarrow"
compression = "snappy"
exposed_type = "pandas"
[DATA_NODE.q.read_kwargs]
[DATA_NODE.q.write_kwargs]
[DATA_NODE.s]
storage_type = "sql_table"
db_name = "d"
db_engine = "sqlite"
table_name = "t"
db_host = "localhost"
db_port = "1433:int"
db_driver = ""
sqlite_file_extension = ".db"
exposed_type = "pandas"
[TASK.default]
inputs = []
outputs = []
skippable = "False:bool"
[TASK.t]
function = "{HERE}.double:function"
inputs = ["c:SECTION"]
outputs = ["j:SECTION"]
skippable = "False:bool"
[SCENARIO.default]
tasks = []
additional_data_nodes = []
[SCENARIO.default.comparators]
[SCENARIO.default.sequences]
[SCENARIO.s1]
tasks = ["t:SECTION"]
additional_data_nodes = []
[SCENARIO.s1.comparators]
[SCENARIO.s1.sequences]
"""
    )
    config.load(file)
    assert list(config.data_nodes) == ["c", "j", "q", "s"]
    assert list(config.tasks) == ["t"]
    assert config.scenarios["s1"].task_configs == (config.tasks["t"],)
    assert "encoder" not in config.data_nodes["j"].options
    assert config.data_nodes["q"].options["write_options"] == {}
    assert config.core_config.properties["storage_folder"] == "user_data/"
    assert config.problems() == ()


@pytest.mark.parametrize("dialect", ["taipy", "asyncflow"])
def test_paths_of_windows_are_paths_here(
    config: Configuration, file: Path, dialect: str
) -> None:
    head = "[TAIPY]\n" if dialect == "taipy" else ""
    lines = "storage_type = \"csv\"\ndefault_path = 'data\\sales.csv'\n"
    file.write_text(f"{head}[DATA_NODE.c]\n{lines}")
    config.load(file)
    own = "data\\sales.csv"  # a name that a file may have
    expected = "data/sales.csv" if dialect == "taipy" else own
    assert config.data_nodes["c"].default_path == expected


def test_what_says_nothing_here_is_left_out(
    config: Configuration, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text(
        """[TAIPY]
        [gui]
        port = "5000:int"
        [JOB]
        nb_of_workers = "2:int"
        [DATA_NODE.a]
        cacheable = "False:bool"
        mine = "1:int"
        path = "x.p"
        [DATA_NODE.m]
        storage_type = "mongo_collection"
        db_name = "d"
        collection_name = "c"
        custom_document = "taipy.core.data.mongo.MongoDefaultDocument:class"
        """
    )
    config.load(file)
    assert config.data_nodes["a"].properties == {"mine": 1}
    assert config.job_config.properties == {}
    assert "custom_document" not in config.data_nodes["m"].options
    assert logger.wait(5)
    (record,) = caplog.records
    said = record.getMessage()
    for piece in ("line 2 [gui]", "line 5 [JOB.nb_", "line 7 [DATA", "line 9 [DATA"):
        assert piece in said


def test_what_is_wrong_names_its_line(config: Configuration, file: Path) -> None:
    file.write_text(
        """[TAIPY]
[JOB]
max_nb_of_workers = "two:int"
[DATA_NODE.a]
scope = "WORLD:SCOPE"
[SCENARIO.s]
frequency = "HOURLY:FREQUENCY"
[TASK.t]
function = "nowhere.at.all:function"
"""
    )
    problems = refused(lambda: config.load(file))
    assert [(each.line, each.section, each.field) for each in problems] == [
        (3, "JOB", "max_nb_of_workers"),
        (5, "DATA_NODE.a", "scope"),
        (7, "SCENARIO.s", "frequency"),
        (9, "TASK.t", "function"),
    ]
    assert all(each.file == str(file) for each in problems)
    assert not config.data_nodes


def test_a_function_of_a_spawned_main(
    config: Configuration, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import __main__

    monkeypatch.setattr(__main__, "of_main", taipy_functions.double, raising=False)
    file.write_text('[TAIPY]\n[TASK.t]\nfunction = "__mp_main__.of_main:function"\n')
    config.load(file)
    assert config.tasks["t"].function is taipy_functions.double


def test_functions_of_options_are_read_in_both_dialects(
    config: Configuration, file: Path
) -> None:
    config.configure_generic_data_node("g", taipy_functions.double)
    config.export(file)
    assert f'read_fct = "{HERE}:double"' in file.read_text()
    options: Any = loaded(file).data_nodes["g"].driver_options()
    assert options.read_fct is taipy_functions.double


SCALARS = (
    st.integers()
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.datetimes()
    | st.timedeltas(min_value=timedelta(0)).map(
        lambda period: timedelta(period.days, period.seconds)
    )
    | st.sampled_from([Scope.GLOBAL, Scope.CYCLE, Frequency.DAILY, taipy_functions.Row])
    | st.text().filter(lambda text: ":" not in text)
)
"""What Taipy's form has an own text for; a text that looks like it is another value."""


def as_taipy_writes(value: Any) -> Any:
    match value:
        case list():
            return [as_taipy_writes(part) for part in value]
        case dict():
            return {key: as_taipy_writes(part) for key, part in value.items()}
        case datetime.datetime():
            return f"{value.isoformat()}:datetime"
        case timedelta():
            return f"{to_text(value)}:timedelta"
        case Scope():
            return f"{value.name}:SCOPE"
        case Frequency():
            return f"{value.name}:FREQUENCY"
        case type():
            return f"{value.__module__}.{value.__qualname__}:class"
        case str():
            return value
        case _:
            return f"{value}:{type(value).__name__}"


@given(
    st.recursive(
        SCALARS,
        lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts),
        max_leaves=8,
    )
)
def test_every_value_that_taipy_writes_comes_back(value: Any) -> None:
    written = json.loads(json.dumps(as_taipy_writes(value)))
    translator = Translator(file="f", lines={})
    read = translator.translated({"DATA_NODE": {"a": {"x": written}}})
    assert read == {"DATA_NODE": {"a": {"x": value}}}
    assert translator.problems == translator.notes == []
