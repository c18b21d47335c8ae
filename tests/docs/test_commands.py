"""The commands in ``console`` blocks of `docs/command-line.md` print what it says.

Each line that begins with ``$`` is a command, in one folder, one after the other; what it
prints follows. Ids, times and durations are others each time, and with them the columns.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from asyncflow import Config
from asyncflow.cli.group import cli
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "command-line.md"
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OTHER = {
    r"[0-9a-f]{32}": "KEY",
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d": "DATE",
    r"\b\d+(\.\d+)? (ms|s)\b": "TIME",
    r"/\S*/nowhere": "/nowhere",
    r"[ ]{2,}": " ",
}


def commands() -> Iterator[tuple[str, str]]:
    """Give each command of the page, and what it is to print."""
    for block in CONSOLE.findall(PAGE.read_text("utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


PRINTED = "extracting"
"""How lines begin that jobs print. A busy machine may show them late; `logs` has them."""


def masked(text: str) -> list[str]:
    for pattern, name in OTHER.items():
        text = re.sub(pattern, name, text)

    lines = (line.strip() for line in text.splitlines())
    return sorted(line for line in lines if line and not line.startswith(PRINTED))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (module,) = [block for block in blocks(PAGE) if block.kind == "python module"]
    (tmp_path / "flows.py").write_text(module.code, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASYNCFLOW_STORE", "")
    path = [*sys.path]
    yield tmp_path
    sys.path[:] = path
    sys.modules.pop("flows", None)
    Config.clear()


def test_commands_print_what_the_page_says(folder: Path) -> None:
    ids: dict[str, str] = {}

    def known(key: re.Match[str]) -> str:
        return ids[key[0]]

    for command, output in commands():
        name, *arguments = shlex.split(command)
        assert name == "asyncflow"
        given = [re.sub(r"[0-9a-f]{32}", known, one) for one in arguments]
        result = CliRunner().invoke(cli, given, catch_exceptions=False)
        assert masked(result.output) == masked(output), command
        shown = re.findall(r"[0-9a-f]{32}", output)
        found = re.findall(r"[0-9a-f]{32}", result.output)
        ids |= dict(zip(shown, found, strict=True))


def test_each_command_is_on_the_page() -> None:
    text = PAGE.read_text("utf-8")
    help_text = CliRunner().invoke(cli, ["--help"]).output
    names = re.findall(r"^  (\w+)  ", help_text, flags=re.MULTILINE)
    assert len(names) > 15
    assert [name for name in names if not re.search(rf"[`$ ]{name}\b", text)] == []
