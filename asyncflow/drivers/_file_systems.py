"""The file systems that fsspec has for addresses."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from inspect import Parameter, signature
from typing import Any

from asyncflow.drivers._options import check_known
from asyncflow.drivers._remote_log import mask_log
from asyncflow.drivers._remote_packages import needs
from asyncflow.secret import Secret, concealed, masked, revealed
from asyncflow.worker import current, process
from asyncflow.worker.errors import PackageMissing
from asyncflow.worker.replacing import OPTION, REMEDIES

MEMORY = "memory://"
"""How an address begins of which each process has its own files."""

WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "az"})
"""Of which file systems a file is there once all of it is, beside what is below its name; on
others it is renamed, and a folder is in its way."""

DROPPING = frozenset(
    {
        *("file", "local", "memory", "cached", "blockcache", "filecache"),
        *("simplecache", "zip", "tar"),
    }
)
"""The file systems that take any option, and drop what they do not know."""

COMMON = frozenset(
    {
        *("use_listings_cache", "listings_expiry_time", "max_paths", "batch_size"),
        *("skip_instance_cache", "asynchronous", "loop", "cache_options", "cache_type"),
    }
)
"""What all file systems take."""

REFUSALS = (401, 403, 407)
"""What servers answer to those who may not ask."""

_has_threads = False
"""Whether the threads of asynchronous file systems are there."""


class OfOneProcess(Exception):
    """A worker is asked for what it cannot see."""


def file_system(
    address: str, options: Mapping[str, Any], secrets: Iterable[Secret]
) -> tuple[Any, str]:
    """Return the file system of an address, and the place in it.

    :param options: those of fsspec
    :param secrets: what errors do not show
    :raises OfOneProcess: in a worker, where each process has files of its own
    :raises PackageMissing: where a package of it is not installed
    """
    if current.is_worker and address.startswith(MEMORY):
        raise OfOneProcess("what is in memory is of one process, and this is another")

    before = {*threading.enumerate()} if current.is_worker else set()

    try:
        from fsspec.core import url_to_fs

        mask_log()
        _check(address, options)
        files, at = url_to_fs(str(address), **revealed(dict(options)))
    except ImportError as error:
        for package, extra in needs(address).items():
            if find_spec(package) is None:
                what = f"the address {masked(address, secrets)}"
                raise PackageMissing(what, package, extra) from error

        raise

    if current.is_worker and files.async_impl:
        _keep_threads(before)

    return files, concealed("", at)  # it may be an address with a password


def _check(address: str, options: Mapping[str, Any]) -> None:
    """Refuse options that a file system would drop, and those that look like others of
    its own: many take any.
    """
    from fsspec import get_filesystem_class

    protocols = [part.partition("://")[0] for part in str(address).split("::")]

    for place, protocol in enumerate(protocols):
        own = options.get(protocol)
        given = {**(own if isinstance(own, Mapping) else {})}

        if place == 0:
            given |= {name: options[name] for name in options.keys() - {*protocols}}

        if not given:
            continue

        known = {*COMMON, *_parameters(get_filesystem_class(protocol))}
        drops = protocol in DROPPING

        for name in given.keys() - known:
            if drops or get_close_matches(str(name), {*known, *protocols}, 1, 0.8):
                check_known([name], [*known, *protocols[1:]], f"{protocol}://")


@cache
def _parameters(kind: type[Any]) -> frozenset[str]:
    """Return what a kind of file system, or what it is made of, takes."""
    made = [vars(base)["__init__"] for base in kind.__mro__ if "__init__" in vars(base)]
    return frozenset(
        parameter.name
        for each in made
        for parameter in signature(each).parameters.values()
        if parameter.name != "self"
        and parameter.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    )


def _keep_threads(before: Collection[threading.Thread]) -> None:
    """Have the threads of asynchronous file systems stay: they serve all jobs of a worker,
    which would be replaced after each of them otherwise.

    :param before: those that were there before the first file system
    """
    global _has_threads

    if _has_threads or process.settled is None:
        return

    from fsspec.asyn import get_loop

    _has_threads = True
    names = ThreadPoolExecutor(1)  # looks names up
    get_loop().set_default_executor(names)
    names.submit(int).result()
    process.settled.state.take_threads({*threading.enumerate()} - {*before})


def is_whole(files: Any) -> bool:
    """Tell whether a file system is one of `WHOLE`."""
    return not WHOLE.isdisjoint(_protocols(files))


def is_local(files: Any) -> bool:
    """Tell whether a file system is that of this machine."""
    return "local" in _protocols(files)


def is_directory(files: Any, at: str) -> bool:
    try:
        return bool(files.info(at)["type"] == "directory")
    except FileNotFoundError:
        return False


def is_there(files: Any, at: str) -> bool:
    """Tell whether there is a file or a folder.

    :raises OSError: where a server refuses to say so, and its file system does not
    """
    if files.exists(at):
        return True

    try:
        files.info(at)
    except FileNotFoundError as error:
        if (raised := refusal(error)) is not error:
            raise raised from None

        return False

    return True


def _protocols(files: Any) -> Collection[str]:
    protocol: str | tuple[str, ...] = files.protocol
    return [protocol] if isinstance(protocol, str) else protocol


def move(files: Any, source: str, to: str) -> None:
    """Give a file another name: by the server, in one step."""
    from fsspec import AbstractFileSystem

    if type(files).mv is not AbstractFileSystem.mv:
        files.mv(source, to)
        return

    files.cp_file(source, to)  # `mv` asks for lists before, and may not get them

    with suppress(Exception):  # it is there
        files.rm_file(source)


def move_all(files: Any, pairs: Iterable[tuple[str, str]]) -> None:
    """Give files other names; where the server does so by copies, these stay where they
    were.
    """
    from fsspec import AbstractFileSystem

    if type(files).mv is not AbstractFileSystem.mv:
        for source, to in pairs:
            files.mv(source, to)
    elif both := [*zip(*pairs, strict=True)]:
        files.copy(list(both[0]), list(both[1]))


def refusal(error: FileNotFoundError) -> OSError:
    """Return what to raise where a file is not there, as a file system says that takes a
    server's refusal for it.
    """
    status = getattr(error.__cause__, "status", None)
    is_refused = status in REFUSALS
    return PermissionError(f"the server answers {status}") if is_refused else error


def remedy_of(error: Exception) -> str:
    """Say what to do about what a file system has raised."""
    if isinstance(error, FileNotFoundError):
        return "make the bucket or the folder first, or correct the address"

    if isinstance(error, IsADirectoryError):
        return "move it away, or give the address of a file"

    if isinstance(error, PermissionError):
        return "see that what is in storage_options may do it"

    if isinstance(error, TypeError) and OPTION in str(error):
        return "correct storage_options"

    if isinstance(error, ValueError):
        return "correct the address"

    if isinstance(error, OSError) and (error.errno or 0) in REMEDIES:  # a disk's
        return REMEDIES[error.errno or 0]

    return "see that the server can be reached, or correct storage_options"
