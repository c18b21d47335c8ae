"""Folders at addresses: which of their files count, and how all of these change in one
step.

An object store replaces one object in one step, and no folder. So what is new is written
beside the folder, copied into it by the server, and counts as one object says so: a marker
in the folder, whose name tells of which write it is. While new files are copied a marker
has them not count; then another one has what they replace not count any more, until that
is gone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from glob import has_magic
from io import BytesIO
from typing import Any
from zipfile import ZipFile

from asyncflow.drivers._file_systems import is_whole, move, move_all

ADDS = "_asyncflow.adds."
"""How the name of a marker begins of which the files do not count yet."""

DROPS = "_asyncflow.drops."
"""How the name of a marker begins that names the files that do not count any more."""

WHOLE = "_asyncflow.whole"
"""A file beside what is staged, which is there once all of that is."""

REPLACE, APPEND = b"replace", b"append"
"""What that file has in it."""

TRIES = 10
"""How often a folder is looked at anew that changes meanwhile."""


def counted(files: Any, at: str) -> list[str]:
    """Return those files of a folder that count: all of a write, or none.

    Each of them has its own name, so a second look tells whether something has changed.

    :raises BlockingIOError: where it changes all the time
    """
    found = names_in(files, at)

    for _ in range(TRIES):
        before = found

        with suppress(FileNotFoundError):  # a marker is gone
            less = _uncounted(files, at, found)
            found = names_in(files, at)

            if found == before:
                return [name for name in found if name not in less]

        found = names_in(files, at)

    raise BlockingIOError("it is being replaced all the time: read it later")


def names_in(files: Any, at: str) -> list[str]:
    """Return all files of a folder."""
    files.invalidate_cache()
    found = files.find(at, detail=True)
    return sorted(name for name, info in found.items() if info["type"] != "directory")


def _uncounted(files: Any, at: str, names: Iterable[str]) -> set[str]:
    """Return the files that do not count, of those in a folder."""
    rest = {name: name[len(at) :].lstrip("/") for name in names}
    found = {name for name, part in rest.items() if _is_hidden(part)}
    drops = {part.removeprefix(DROPS) for part in rest.values() if _is(part, DROPS)}
    adds = {part.removeprefix(ADDS) for part in rest.values() if _is(part, ADDS)}

    for stem in drops:
        gone = {*json.loads(files.cat_file(f"{at}/{DROPS}{stem}"))}
        found |= {name for name, part in rest.items() if part in gone}

    for stem in adds - drops:
        found |= {*_made_by(stem, names)}

    return found


def _is(name: str, marker: str) -> bool:
    return name.startswith(marker)


def _is_hidden(part: str) -> bool:
    """Tell whether a file is none of those that are read, as Arrow and others have it."""
    return any(name.startswith(("_", ".")) for name in part.split("/"))


def _made_by(stem: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.rpartition("/")[2].startswith(f"{stem}-")]


def finish_staging(files: Any, staged: str, *, appends: bool) -> None:
    """Note that all is staged."""
    if not is_whole(files):
        files.makedirs(staged, exist_ok=True)

    files.pipe_file(f"{staged}/{WHOLE}", APPEND if appends else REPLACE)


def publish(files: Any, staged: str, at: str, stem: str) -> None:
    """Have what is staged count: go on where it was left, or do nothing once it does.

    :param staged: a folder
    :param at: the folder that it is put in
    :param stem: how the names of its files begin, and no others
    """
    adds, drops = f"{at}/{ADDS}{stem}", f"{at}/{DROPS}{stem}"
    whole = f"{staged}/{WHOLE}"

    if not files.exists(drops) and files.exists(whole):
        _put_in(files, staged, at, adds)

        if files.cat_file(whole) == REPLACE:
            _mark_dropped(files, staged, at, drops, stem)  # from here on it counts
        else:
            files.rm_file(whole)

    remove(files, [adds])  # what is appended counts from here on

    if files.exists(drops):
        gone = json.loads(files.cat_file(drops))
        remove(files, [f"{at}/{name}" for name in gone])
        _remove_folders(files, at, gone)
        remove(files, [whole])
        remove(files, [drops])

    remove_all(files, staged)


def is_published(files: Any, staged: str, at: str, stem: str) -> bool:
    files.invalidate_cache()
    waits = f"{staged}/{WHOLE}", f"{at}/{ADDS}{stem}", f"{at}/{DROPS}{stem}"
    return not any(map(files.exists, waits))


def withdraw(files: Any, staged: str, at: str, stem: str) -> None:
    """Remove what is staged; finish what counts already."""
    files.invalidate_cache()

    if files.exists(f"{at}/{DROPS}{stem}"):
        publish(files, staged, at, stem)
        return

    if files.exists(adds := f"{at}/{ADDS}{stem}"):
        made = _made_by(stem, names_in(files, at))
        remove(files, made)
        remove(files, [adds])
        _remove_folders(files, at, [name[len(at) + 1 :] for name in made])

    remove(files, [f"{staged}/{WHOLE}"])
    remove_all(files, staged)


def _put_in(files: Any, staged: str, at: str, adds: str) -> None:
    names = [
        name[len(staged) + 1 :]
        for name in names_in(files, staged)
        if not _is_hidden(name[len(staged) + 1 :])
    ]

    if not is_whole(files):
        for folder in {f"{at}/{name}".rpartition("/")[0] for name in [*names, "a"]}:
            files.makedirs(folder, exist_ok=True)

    files.pipe_file(adds, b"")
    move_all(files, [(f"{staged}/{name}", f"{at}/{name}") for name in names])


def _mark_dropped(files: Any, staged: str, at: str, drops: str, stem: str) -> None:
    """Say that what is there does not count any more, but what others are adding."""
    found = names_in(files, at)
    parts = {name: name[len(at) + 1 :] for name in found}
    adding = {part.removeprefix(ADDS) for part in parts.values() if _is(part, ADDS)}
    kept = {name for place in adding for name in _made_by(place, found)}
    gone = [parts[name] for name in found if name not in kept]
    data = json.dumps([name for name in gone if not _is_hidden(name)]).encode()

    if is_whole(files):
        files.pipe_file(drops, data)
        return

    draft = f"{staged}/{DROPS}{stem}"
    files.pipe_file(draft, data)
    move(files, draft, drops)


def remove(files: Any, names: Sequence[str]) -> None:
    """Remove files; those that are not there are passed over."""
    if len(names) > 1 and not any(map(has_magic, names)):
        with suppress(FileNotFoundError):
            files.rm([*names])
            return

    for name in names:
        with suppress(FileNotFoundError):
            files.rm_file(name)


def remove_all(files: Any, folder: str) -> None:
    """Remove a folder with all that is in it."""
    files.invalidate_cache()

    with suppress(FileNotFoundError):
        files.rm(folder, recursive=True)


def zipped(files: Any, names: Iterable[str], folder: str) -> bytes:
    """Return files in a ZIP file.

    :param folder: the one that they are in; ``""`` where they have no folder of their own
    """
    with BytesIO() as memory:
        with ZipFile(memory, "w") as packed:
            for name in names:
                part = name[len(folder) + 1 :] if folder else name.rpartition("/")[2]
                packed.writestr(part, files.cat_file(name))

        return memory.getvalue()


def _remove_folders(files: Any, at: str, names: Iterable[str]) -> None:
    """Remove the folders that files were in, where there are none any more."""
    if is_whole(files):
        return

    folders = {name.rpartition("/")[0] for name in names}

    for folder in sorted(filter(None, folders), key=len, reverse=True):
        parts = folder.split("/")

        with suppress(Exception):  # it has others
            for count in range(len(parts), 0, -1):
                files.rmdir("/".join([at, *parts[:count]]))
