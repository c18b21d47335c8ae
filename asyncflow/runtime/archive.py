"""The form of archives: a zip with one JSON file and the files of values, as they are.

Nothing in an archive is trusted. Its parts are stored without compression, so that none is
larger than the file itself; their names say nothing about where they go; what was pickled
stays so.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, BinaryIO

import attrs

from asyncflow.errors import ArchiveRefused
from asyncflow.worker.replacing import not_written, replace_file
from asyncflow.worker.values import INLINE, temporary_name

FORMAT = "asyncflow scenario"
SCHEMA = 1
"""Another number where an older asyncflow could not read what this one writes."""

RECORDS = "scenario.json"
MOST_RECORDS = 64 * 1024 * 1024
"""How long the text of the records may be, in bytes."""

MOST_INLINE = 2 * INLINE
CHUNK = 1024 * 1024

_PART = re.compile(r"values/\d{1,9}")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,16}")


@attrs.frozen(kw_only=True, eq=False)
class ArchivedVersion:
    """A version of a data node."""

    number: int
    comment: str
    editor_id: str | None
    facts: Mapping[str, Any]
    """What else who wrote it by hand has said of it."""
    part: str | None
    """The part of the archive that its value is in; None for no value."""
    is_inline: bool
    """Whether the store had the value itself."""
    ending: str
    """How the name of the file ended, without what told its content; ``""`` for none."""


@attrs.frozen(kw_only=True, eq=False)
class ArchivedNode:
    """A data node."""

    name: str
    """The id of its config."""
    storage_type: str
    scope: str
    attributes: Mapping[str, Any]
    versions: tuple[ArchivedVersion, ...]
    file: str | None
    """The part that has the user's own file; None for none."""


@attrs.frozen(kw_only=True, eq=False)
class ArchivedScenario:
    """What an archive has of a scenario."""

    scenario_id: str
    config_id: str
    name: str | None
    created: float
    tags: tuple[str, ...]
    properties: Mapping[str, Any] | bytes
    """As they are, or pickled."""
    nodes: tuple[ArchivedNode, ...]
    more: Mapping[str, Any]
    """What else its record had."""
    left_out: Mapping[str, str]


def write(path: str, records: Mapping[str, Any], parts: Iterable[str | bytes]) -> None:
    """Write an archive: as a whole, or not at all. Blocks.

    :param parts: the paths of files, or contents, in the order of their numbers
    :raises FileNotFoundError: where a file is gone
    """

    def fill(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            text = json.dumps(records, ensure_ascii=False, allow_nan=False)
            archive.writestr(RECORDS, text)

            for number, part in enumerate(parts):
                if isinstance(part, bytes):
                    archive.writestr(part_name(number), part)
                else:
                    archive.write(part, part_name(number))

    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.{os.urandom(6).hex()}.part")

    try:
        replace_file(path, fill, temporary, sync=True, is_users=True)
    except OSError as error:
        if error.filename not in (path, temporary):  # a part is gone
            raise

        raise not_written(error, path, "the archive") from error


def part_name(number: int) -> str:
    """Return the name of a part that has a value."""
    return f"values/{number}"


@attrs.frozen(eq=False)
class Archive:
    """An archive that is read: its records are right, and its parts are all there."""

    path: str
    scenario: ArchivedScenario
    _zip: zipfile.ZipFile

    def content(self, part: str) -> bytes:
        """Return a small part. Blocks.

        :raises ArchiveRefused: where it is damaged
        """
        with _refusing(self.path), self._zip.open(part) as source:
            return source.read(MOST_INLINE)

    def extract(self, part: str, path: str) -> None:
        """Copy a part to a file that is not there yet. Blocks.

        :raises ArchiveRefused: where it is damaged
        """
        replace_file(path, partial(self.copy, part), temporary_name(path), sync=True)

    def copy(self, part: str, file: BinaryIO) -> None:
        """Copy a part to the end of a file. Blocks.

        :raises ArchiveRefused: where it is damaged
        """
        with _reading(self.path, self._zip, part) as source:
            while data := source():
                file.write(data)

    def is_like(self, part: str, file: BinaryIO) -> bool:
        """Tell whether a part has what is left of a file. Blocks."""
        with _reading(self.path, self._zip, part) as source:
            while data := source():
                if file.read(len(data)) != data:
                    return False

        return not file.read(1)


@contextmanager
def _reading(
    path: str, archive: zipfile.ZipFile, part: str
) -> Iterator[Callable[[], bytes]]:
    """Give what reads the next bytes of a part; what fails there is the archive's."""
    with _refusing(path), archive.open(part) as source:

        def read() -> bytes:
            with _refusing(path):
                return source.read(CHUNK)

        yield read


@contextmanager
def _refusing(path: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise ArchiveRefused(path, f"it is damaged ({error})") from error


@contextmanager
def read(path: str) -> Iterator[Archive]:
    """Open an archive. Blocks.

    :raises ArchiveRefused: where it is none, or not whole
    :raises OSError: where the file cannot be read
    """
    with open(path, "rb") as file:
        with _refusing(path):
            archive = zipfile.ZipFile(file)

        with archive:
            _check_parts(path, archive, os.fstat(file.fileno()).st_size)
            yield Archive(path, _scenario(path, archive), archive)


def _check_parts(path: str, archive: zipfile.ZipFile, size: int) -> None:
    """Refuse what takes more room than the archive has, or is not whole."""
    infos = archive.infolist()
    names = [info.filename for info in infos]

    if RECORDS not in names:
        raise ArchiveRefused(
            path, f"it has no {RECORDS}: it is no archive of asyncflow"
        )

    for info in infos:
        if info.filename != RECORDS and not _PART.fullmatch(info.filename):
            why = f"it has a part that is called {info.filename!r:.100}"
            raise ArchiveRefused(path, why)

        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            why = f"{info.filename} is compressed, or encrypted, which asyncflow never does"
            raise ArchiveRefused(path, why)

        if info.file_size != info.compress_size:
            raise ArchiveRefused(path, f"{info.filename} has two sizes")

    if len({*names}) != len(names):
        raise ArchiveRefused(path, "it has several parts of one name")

    if sum(info.file_size for info in infos) > size:
        raise ArchiveRefused(path, "its parts are larger than it is")


def _scenario(path: str, archive: zipfile.ZipFile) -> ArchivedScenario:
    if archive.getinfo(RECORDS).file_size > MOST_RECORDS:
        raise ArchiveRefused(path, f"{RECORDS} is larger than {MOST_RECORDS} bytes")

    with _refusing(path):
        data = archive.read(RECORDS)

    try:
        facts = json.loads(data)

        if not isinstance(facts, dict) or facts.get("format") != FORMAT:
            raise ArchiveRefused(path, "it is no archive of asyncflow")

        if facts.get("schema") != SCHEMA:
            raise ArchiveRefused(
                path,
                f"its schema is {facts.get('schema')!r:.40}, and this asyncflow knows "
                f"{SCHEMA}: read it with the asyncflow that wrote it, or a newer one",
            )

        scenario = _loaded(facts)
    except ArchiveRefused:
        raise
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        why = f"{RECORDS} is damaged ({type(error).__name__}: {error})"
        raise ArchiveRefused(path, why) from error

    known = {info.filename: info.file_size for info in archive.infolist()}
    parts = [*_parts(scenario)]

    if sorted([RECORDS, *parts]) != sorted(known):
        raise ArchiveRefused(path, "its parts are not those that its records name")

    for node in scenario.nodes:
        for version in node.versions:
            if version.is_inline and known[str(version.part)] > MOST_INLINE:
                raise ArchiveRefused(path, f"{version.part} is no small value")

    return scenario


def _parts(scenario: ArchivedScenario) -> Iterator[str]:
    for node in scenario.nodes:
        if node.file is not None:
            yield node.file

        for version in node.versions:
            if version.part is not None:
                yield version.part


def _loaded(facts: Mapping[str, Any]) -> ArchivedScenario:
    found = _typed(facts["scenario"], dict)
    pickled = found.get("pickled")
    tags = [_typed(tag, str) for tag in _typed(found["tags"], list)]
    return ArchivedScenario(
        scenario_id=_typed(found["id"], str),
        config_id=_typed(found["config_id"], str),
        name=_typed(found["name"], str, type(None)),
        created=float(_typed(found["created"], float, int)),
        tags=tuple(tags),
        properties=_typed(found["properties"], dict)
        if pickled is None
        else bytes.fromhex(_typed(pickled, str)),
        nodes=tuple(map(_node, _typed(facts["data_nodes"], list))),
        more=_typed(found.get("more", {}), dict),
        left_out=_typed(facts.get("left_out", {}), dict),
    )


def _node(facts: Any) -> ArchivedNode:
    found = _typed(facts, dict)
    return ArchivedNode(
        name=_typed(found["config_id"], str),
        storage_type=_typed(found["storage_type"], str),
        scope=_typed(found["scope"], str),
        attributes=_typed(found["attributes"], dict),
        versions=tuple(map(_version, _typed(found["versions"], list))),
        file=_typed(found["file"], str, type(None)),
    )


def _version(facts: Any) -> ArchivedVersion:
    found = _typed(facts, dict)
    ending = _typed(found["ending"], str)
    number = _typed(found["number"], int)

    if ending and not _ENDING.fullmatch(ending):
        raise ValueError(f"a file ends in {ending!r:.40}")

    if not 0 <= number < 2**63:
        raise ValueError(f"a version has the number {number!r:.40}")

    return ArchivedVersion(
        number=number,
        comment=_typed(found["comment"], str),
        editor_id=_typed(found["editor_id"], str, type(None)),
        facts=_typed(found.get("facts", {}), dict),
        part=_typed(found["part"], str, type(None)),
        is_inline=_typed(found["is_inline"], bool),
        ending=ending,
    )


def _typed(value: Any, *kinds: type[Any]) -> Any:
    if type(value) not in kinds:
        raise TypeError(f"{value!r:.60} is no {kinds[0].__name__}")

    return value
