"""Each fault of a place, for each driver: the error names node, place and remedy."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
from anyio import to_thread

from asyncflow import Configuration, DataNode, Orchestrator
from asyncflow.alternatives import DRIVERS
from asyncflow.errors import DataNodeReadingError, DataNodeWritingError, NoData
from tests.support.buckets import fsspec_is_warm as fsspec_is_warm
from tests.support.nobody import as_nobody

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("tables_are_warm")]

FRAME = pd.DataFrame({"a": [1], "b": ["é"]})
ROWS = FRAME.to_dict("records")
FORMS: dict[str, tuple[str, dict[str, Any], Any]] = {
    "pickle": ("pickle", {}, ROWS),
    "json": ("json", {}, ROWS),
    **{
        f"{kind}-{exposed}": (kind, {"exposed_type": exposed, **more}, FRAME)
        for kind, more, kinds in (
            ("csv", {}, ("pandas", "polars", "arrow", "list[dict]")),
            ("parquet", {}, ("pandas", "polars", "list[dict]")),
            ("excel", {"sheet_name": "one"}, ("pandas", "list[dict]")),
        )
        for exposed in kinds
    },
}


def missing(path: Path) -> None:
    path.unlink()


def no_folder(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_file_for_a_folder(path: Path) -> None:
    no_folder(path)
    path.parent.touch()


def a_loop_of_links(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def a_link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nothing"))


def a_device(path: Path) -> None:
    """It has no end."""
    path.unlink()
    path.symlink_to("/dev/zero")


def a_full_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/full")


def a_pipe(path: Path) -> None:
    """It has no end, as long as nobody writes to it."""
    path.unlink()
    os.mkfifo(path)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def truncated(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def wrong_encoding(path: Path) -> None:
    path.write_bytes("a,é\n1,é\n".encode("latin-1"))


GONE = (missing, no_folder, a_link_to_nothing)
OTHER = (a_folder, a_file_for_a_folder, a_loop_of_links)
SPECIAL = (a_device, a_full_device, a_pipe)
BROKEN = (empty, truncated, wrong_encoding)


@pytest.fixture(params=FORMS)
async def given(
    request: pytest.FixtureRequest, config: Configuration, tmp_path: Path
) -> AsyncIterator[tuple[DataNode, Path, Any]]:
    kind, options, value = FORMS[request.param]
    path = tmp_path / "folder" / "place"
    await to_thread.run_sync(path.parent.mkdir)
    config.configure_job_executions(mode="development")
    node = config.configure_data_node("own", kind, default_path=path, **options)
    config.configure_scenario("flow", [], node)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario("flow")
        await scenario.own.write(value)
        yield scenario.own, path, value


@pytest.fixture
def public() -> Iterator[Path]:
    """Give a folder that everybody may look into."""
    with TemporaryDirectory(dir="/tmp") as folder:  # TMPDIR is ours alone
        yield Path(folder)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_not_permitted(form: str, public: Path) -> None:
    kind, options, value = FORMS[form]
    found = DRIVERS.load(kind)
    path = public / "own"
    made = found(str(path), found.Options(**options) if found.Options else None)

    def write() -> None:
        made.publish(made.write(value, "A-1.value", "node"), "A-1.value")

    write()
    made.read(None)  # all is imported
    path.chmod(0)
    path.parent.chmod(0o555)
    more = {"append": lambda: made.append(value, None, "A-1.value", "node")}

    with as_nobody():
        for verb in (lambda: made.read(None), *(more.values() if made.appends else ())):
            with pytest.raises(DataNodeReadingError, match="not permitted: give the"):
                verb()

        with pytest.raises(PermissionError, match=r"'node' .*write in its folder.*own"):
            write()


def names_all(error: BaseException, path: Path) -> bool:
    """Tell whether an error names the data node, its place, and what to do."""
    text = str(error)
    return "data node 'own'" in text and str(path) in text and ": " in text


@pytest.mark.parametrize("fault", [*GONE, *OTHER])
async def test_what_is_not_there(
    given: tuple[DataNode, Path, Any], fault: Callable[[Path], None]
) -> None:
    node, path, _ = given
    await to_thread.run_sync(fault, path)

    if fault is a_folder and node.storage_type == "parquet":
        return  # which is read

    copy = path.parent.with_name("copy")

    for verb in (node.read, node.preview, lambda: node.download(copy)):
        with pytest.raises((NoData, DataNodeReadingError)) as caught:
            await verb()

        assert names_all(caught.value, path), str(caught.value)


@pytest.mark.parametrize("fault", SPECIAL)
async def test_what_is_no_file(
    given: tuple[DataNode, Path, Any], fault: Callable[[Path], None]
) -> None:
    node, path, value = given
    await to_thread.run_sync(fault, path)
    copy, words = path.parent.with_name("copy"), "is a device, a pipe or a socket: give"

    for verb in (node.read, node.preview, lambda: node.download(copy)):
        with pytest.raises(DataNodeReadingError, match=words) as caught:
            await verb()

        assert names_all(caught.value, path), str(caught.value)

    with pytest.raises(DataNodeWritingError, match=words) as refused:
        await node.write(value)

    assert names_all(refused.value, path), str(refused.value)
    mode = (await to_thread.run_sync(path.stat)).st_mode
    assert not stat.S_ISREG(mode)

    with pytest.raises(DataNodeReadingError, match=words):
        await node.upload(path)


@pytest.mark.parametrize("fault", BROKEN)
async def test_what_is_not_whole(
    given: tuple[DataNode, Path, Any], fault: Callable[[Path], None]
) -> None:
    node, path, _ = given
    kind = node.storage_type
    await to_thread.run_sync(fault, path)

    if kind == "csv" and fault is not wrong_encoding:
        return  # any text is whole

    with pytest.raises(DataNodeReadingError) as caught:
        await node.read()

    assert names_all(caught.value, path), str(caught.value)
    assert caught.value.remedy

    with pytest.raises(DataNodeReadingError, match=r"upload a whole|name that with"):
        await node.upload(path)


@pytest.mark.parametrize("fault", [no_folder, *OTHER])
async def test_where_nothing_can_be_written(
    given: tuple[DataNode, Path, Any], fault: Callable[[Path], None]
) -> None:
    node, path, value = given
    await to_thread.run_sync(fault, path)

    with pytest.raises((DataNodeWritingError, OSError)) as caught:
        await node.write(value)

    text = str(caught.value)
    assert "data node 'own'" in text, text
    assert str(path) in text, text
    assert re.search(": (make|move|mend|append) ", text), text


@pytest.mark.parametrize("fault", [missing, *BROKEN])
async def test_a_write_mends_what_is_broken(
    given: tuple[DataNode, Path, Any], fault: Callable[[Path], None]
) -> None:
    node, path, value = given
    before = await to_thread.run_sync(path.read_bytes)
    await to_thread.run_sync(fault, path)
    await node.write(value)

    with suppress(AssertionError):  # a workbook says when it was written
        assert await to_thread.run_sync(path.read_bytes) == before

    await node.read()


async def test_a_wrong_column(given: tuple[DataNode, Path, Any]) -> None:
    node, _, _ = given

    with pytest.raises(DataNodeReadingError, match="data node 'own'") as caught:
        await node.read(columns=["wrong"])

    assert "'wrong'" in str(caught.value)
    assert caught.value.remedy


def test_a_folder_with_a_pipe_in_it(tmp_path: Path, tables_are_warm: None) -> None:
    made = DRIVERS.load("parquet")
    FRAME.to_parquet(tmp_path / "a.parquet")
    os.mkfifo(tmp_path / "b.parquet")

    for path in (tmp_path, tmp_path / "*.parquet"):
        for verb in ("read", "preview"):
            given = (None,) if verb == "read" else (None, 3)

            with pytest.raises(DataNodeReadingError, match=r"b\.parquet.*a pipe"):
                getattr(made(str(path)), verb)(*given)


@pytest.mark.parametrize("form", FORMS)
def test_a_device_at_an_address(
    form: str, tmp_path: Path, fsspec_is_warm: None
) -> None:
    kind, options, _ = FORMS[form]
    found = DRIVERS.load(kind)

    for address in ("local:///dev/zero", "file:///dev/zero"):
        declared = found.options_at(address) or found.Options
        made = found.at(address, declared(**options) if declared else None)

        with pytest.raises(DataNodeReadingError, match=r"/dev/zero.*is a device"):
            made.read(None)


@pytest.mark.parametrize("form", FORMS)
def test_a_folder_at_an_address(
    form: str, tmp_path: Path, fsspec_is_warm: None
) -> None:
    kind, options, value = FORMS[form]
    found, address = DRIVERS.load(kind), f"local://{tmp_path}/own"
    declared = found.options_at(address)
    assert declared is not None
    made = found.at(address, declared(**options))
    path = str(tmp_path / "A-1.value")

    def write() -> None:
        made.publish(made.write(value, path, "node"), path)

    write()
    (tmp_path / "own").unlink()
    (tmp_path / "own").mkdir()

    with pytest.raises(DataNodeWritingError, match=r"node.*own.*(move it away|append)"):
        write()

    assert not [*(tmp_path / "own").iterdir()]

    if kind != "parquet":
        with pytest.raises(DataNodeReadingError, match="move it away"):
            made.read(None)


async def test_a_wrong_comparison(given: tuple[DataNode, Path, Any]) -> None:
    node, path, _ = given

    with pytest.raises(DataNodeReadingError, match="cannot be compared") as caught:
        await node.read(where=("a", {"x": 1}, ">"))

    assert names_all(caught.value, path), str(caught.value)
    assert "value of its own type" in caught.value.remedy


@pytest.mark.parametrize("name", [one for one in FORMS if "-" in one])
async def test_an_option_that_no_library_has(
    config: Configuration, tmp_path: Path, name: str
) -> None:
    kind, given, value = FORMS[name]
    config.configure_job_executions(mode="development")
    options: dict[str, Any] = {**given, "default_path": tmp_path / "place"}
    wrong: dict[str, Any] = {"no_such": 1}
    nodes = [
        config.configure_data_node("read", kind, **options, read_options=wrong),
        config.configure_data_node("written", kind, **options, write_options=wrong),
    ]
    config.configure_scenario("flow", [], nodes)

    async with Orchestrator(config, ":memory:") as orchestrator:
        found = (await orchestrator.create_scenario("flow")).data_nodes
        await found["read"].write(value)

        with pytest.raises(DataNodeReadingError, match="correct read_options") as told:
            await found["read"].read()

        assert str(tmp_path / "place") in str(told.value)

        with pytest.raises(DataNodeWritingError, match="correct write_options"):
            await found["written"].write(value)


@pytest.mark.parametrize(
    ("address", "given", "words"),
    [
        ("local://{}/own", {"auto_mkdr": True}, "did you mean 'auto_mkdir'"),
        ("memory://own", {"hunter2": 1}, "it has .*asynchronous"),
        ("simplecache::memory://own", {"memry": {}}, "did you mean 'memory'"),
        ("simplecache::memory://own", {"memory": {"no_such": 1}}, "memory:// has no"),
        ("s3://bucket/own", {"anonn": True}, "did you mean 'anon'"),
        ("s3://bucket/own", {"no_such_thing": 1}, "no_such_thing"),
    ],
)
def test_an_option_that_no_file_system_has(
    tmp_path: Path,
    fsspec_is_warm: None,
    address: str,
    given: dict[str, Any],
    words: str,
) -> None:
    kind: Any = DRIVERS.load("csv")
    place = address.format(tmp_path)
    made = kind.at(place, kind.Options(storage_options=given))

    with pytest.raises(DataNodeReadingError, match=words) as caught:
        made.read(None)

    assert caught.value.remedy == "correct storage_options"

    with pytest.raises(DataNodeWritingError, match=words):
        made.write(FRAME, str(tmp_path / "A-1.value"), "node")


def test_options_that_file_systems_have(tmp_path: Path, fsspec_is_warm: None) -> None:
    kind: Any = DRIVERS.load("csv")

    for address, given in (
        (f"local://{tmp_path}/new/own", {"auto_mkdir": True, "max_paths": 3}),
        (f"simplecache::local://{tmp_path}/new/own", {"local": {"auto_mkdir": True}}),
        (
            f"simplecache::local://{tmp_path}/new/own",
            {"simplecache": {"cache_storage": str(tmp_path / "cache")}},
        ),
    ):
        made = kind.at(address, kind.Options(storage_options=given))

        if address.startswith("local"):
            path = str(tmp_path / "A-1.value")
            made.publish(made.write(FRAME, path, "node"), path)

        assert made.read(None).equals(FRAME)


async def test_a_copy_that_cannot_be_written(
    given: tuple[DataNode, Path, Any], public: Path
) -> None:
    node, _, _ = given
    await to_thread.run_sync(public.chmod, 0o755)

    with pytest.raises(DataNodeWritingError, match=r"a copy at .*: make its folder"):
        await node.download(public / "nowhere" / "copy")

    await to_thread.run_sync((public / "file").touch)

    with pytest.raises(DataNodeWritingError, match=r"a copy at .*: a part of its path"):
        await node.download(public / "file" / "copy")


@pytest.mark.parametrize("sheet", ["two", ["one", "two"]])
async def test_a_wrong_sheet(
    config: Configuration, tmp_path: Path, sheet: str | list[str]
) -> None:
    path = tmp_path / "own.xlsx"
    await to_thread.run_sync(
        lambda: FRAME.to_excel(path, sheet_name="one", index=False)
    )
    config.configure_job_executions(mode="development")
    node = config.configure_excel_data_node("own", path, sheet_name=sheet)
    config.configure_scenario("flow", [], node)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario("flow")

        with pytest.raises(DataNodeReadingError) as caught:
            await scenario.own.read()

    assert names_all(caught.value, path)
    assert "no sheet 'two': use one of 'one'" in str(caught.value)


def fail(*_: object) -> None:
    raise ConnectionError("the line is dead")


async def test_what_a_function_of_a_users_raises(config: Configuration) -> None:
    """It is the user's own, with a note of the data node."""
    config.configure_job_executions(mode="development")
    node = config.configure_generic_data_node("own", fail, fail, append_fct=fail)
    config.configure_scenario("flow", [], node)

    async with Orchestrator(config, ":memory:") as orchestrator:
        own = (await orchestrator.create_scenario("flow")).own
        verbs = {"reading": own.read, "writing": lambda: own.write(1)}

        for what, verb in verbs.items():
            with pytest.raises(ConnectionError) as caught:
                await verb()

            assert f"while {what} data node 'own'" in caught.value.__notes__
