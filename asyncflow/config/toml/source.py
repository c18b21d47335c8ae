"""A TOML file, parsed once: what is loaded, and what is kept over that which is declared."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import attrs

from asyncflow.config.checks import values
from asyncflow.config.registry import Registry
from asyncflow.config.toml.lines import Name, lines_of
from asyncflow.config.toml.read import Reader
from asyncflow.config.toml.taipy import Translator, is_of_taipy
from asyncflow.errors import ConfigError, Problem, UsageError

Table = dict[str, Any]

DIALECTS = ("asyncflow", "taipy")
"""How a file may say it: with TOML's own types, or with Taipy's suffixes."""


@attrs.define(eq=False)
class Source:
    """A file, parsed, and translated where it is Taipy's."""

    file: str
    lines: dict[Name, int]
    tables: Table
    layer: str
    translator: Translator | None = None
    _is_told: bool = attrs.field(init=False, default=False)

    def over(self, draft: Registry) -> list[Problem]:
        """Merge the file into a draft, as far as it can be read; return what is wrong."""
        reader = self._reader(draft)
        reader.merge()
        self._tell(reader)
        return reader.problems

    def loaded(self, registry: Registry) -> Registry:
        """Return a copy of a registry with the file merged over it.

        :raises ConfigError: every problem of the file.
        """
        reader = self._reader(registry.copy())
        found = reader.read()
        self._tell(reader)
        return found

    def _reader(self, draft: Registry) -> Reader:
        return Reader(
            draft=draft,
            file=self.file,
            lines=self.lines,
            tables=self.tables,
            layer=self.layer,
            translator=self.translator and self.translator.copy(),
        )

    def _tell(self, reader: Reader) -> None:
        if reader.translator is not None and not self._is_told:
            self._is_told = True
            reader.translator.tell()


def source(
    path: str | os.PathLike[str], layer: str = "load", dialect: str | None = None
) -> Source:
    """Parse a file.

    :param layer: as what it counts: ``load``, ``override`` or ``environment``
    :param dialect: one of `DIALECTS`; None for what the file shows
    :raises ConfigError: there is no such file, or it is not TOML.
    :raises OSError: the file cannot be read.
    """
    if dialect not in (None, *DIALECTS):
        message, remedy = f"{dialect!r} is no dialect", values.one_of(dialect, DIALECTS)
        raise UsageError(f"{message}: {remedy}")

    file = os.path.expanduser(path)
    text, tables = parse(file)
    lines = dict(lines_of(text))
    translator = None

    if dialect == "taipy" or (dialect is None and is_of_taipy(tables)):
        translator = Translator(file=file, lines=lines)
        tables = translator.translated(tables)

    return Source(file, lines, tables, layer, translator)


def parse(path: str | os.PathLike[str]) -> tuple[str, Table]:
    """Return the text of a TOML file, and its tables.

    :raises ConfigError: there is no such file, or it is not TOML.
    :raises OSError: the file cannot be read.
    """
    text = ""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
        return text, tomllib.loads(text)
    except FileNotFoundError:
        problem = _not_toml(path, "there is no such file", None)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problem = _not_toml(path, "the file is not UTF-8", line)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        line = int(at[1]) if at else text.count("\n") + 1
        problem = _not_toml(path, f"the file is not TOML: {error}", line)

    raise ConfigError([problem])


def _not_toml(path: str | os.PathLike[str], message: str, line: int | None) -> Problem:
    missing = line is None
    return Problem(
        section="TOML",
        field="",
        message=message,
        remedy="check the path" if missing else "mend that line",
        file=os.fspath(path),
        line=line,
    )
