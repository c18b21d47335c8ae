"""Where values are kept: in the folder of the store, in another, or at an address."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any

from anyio import CancelScope, to_thread

from asyncflow.abc import Executor, is_address
from asyncflow.background import temporary_folder
from asyncflow.config.lookup import Unresolved, found
from asyncflow.drivers._values_at import ValuesAt, is_of_process
from asyncflow.errors import StoreFailed, UsageError
from asyncflow.runtime.wiring import given_values
from asyncflow.secret import concealed
from asyncflow.values.files import ValueFiles
from asyncflow.values.lost import HERE
from asyncflow.worker.replacing import REMEDIES

if TYPE_CHECKING:
    from asyncflow.config import Configuration
    from asyncflow.runtime.session import Session

LOCAL = "file://"
"""How an address begins that is a path of this machine."""


async def open_files(
    session: Session, given: str, executor: Executor, stack: AsyncExitStack
) -> ValueFiles:
    """Find where values are kept, and see that all who write there can.

    :param given: a folder or an address
    :param executor: runs the jobs that name no other
    :raises StoreFailed: where values cannot be written there
    :raises PackageMissing: where what reaches the address is not installed
    :raises UsageError: where the address is of one process, and jobs run in others
    """
    store = session.store
    place, options = place_of(given, session.values_options, session.config)

    if not is_address(place):
        folder = await to_thread.run_sync(_probed_folder, place)
        await executor.reach(folder)
        return ValueFiles(folder)

    folder = store.values_folder or await temporary_folder(stack, "values")

    if is_of_process(place) and executor.in_processes:
        raise UsageError(
            f"values cannot be at {place}: what is in memory is of one process, and jobs "
            "run in others: give an address that all processes reach"
        )

    mark = os.path.join(folder, f"{session.owner_id}-{HERE}")
    address = ValuesAt(place, options, mark)
    await to_thread.run_sync(_touch, mark)
    stack.push_async_callback(_in_thread, _remove, mark)
    await to_thread.run_sync(address.probe)
    await executor.reach(folder, address)
    files = ValueFiles(folder, address)

    if store.values_folder is None:  # nothing outlives it
        stack.push_async_callback(files.sweep_own, session.owner_id, ())

    return files


def place_of(
    given: str, options: Mapping[str, Any] | None, config: Configuration
) -> tuple[str, Mapping[str, Any]]:
    """Return the folder or address that is given, and its options.

    :param options: None for those of the configuration
    :raises UsageError: where they name what the environment has not
    """
    try:
        place = concealed("", found(given))
        options = found(
            config.core_config.values_options if options is None else options
        )
    except Unresolved as error:
        raise UsageError(f"where values are kept is not known: {error}") from None

    return place.removeprefix(LOCAL) if place.startswith(LOCAL) else place, options


def files_at(
    folder: str | None,
    given: str | None,
    options: Mapping[str, Any] | None,
    config: Configuration,
) -> ValueFiles | None:
    """Return the files of values of a store, to be looked at: nothing is opened.

    :param folder: that of the store, on this host; None for none
    :param given: a folder or an address; None for what the environment says, or the
        configuration
    :raises UsageError: where they name what the environment has not
    """
    given = given or given_values() or config.core_config.values

    if not given:
        return None if folder is None else ValueFiles(folder)

    place, options = place_of(given, options, config)

    if not is_address(place):
        return ValueFiles(os.path.abspath(os.path.expanduser(place)))

    return ValueFiles(folder or os.devnull, ValuesAt(place, options, os.devnull))


def _probed_folder(place: str) -> str:
    """Return the path of a folder that can be written; it is made where it is missing."""
    folder = os.path.abspath(os.path.expanduser(place))
    path = os.path.join(folder, f".{os.urandom(8).hex()}.probe")

    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        _touch(path)
        os.unlink(path)
    except OSError as error:
        raise StoreFailed(
            f"of values in {folder}",
            f"it cannot be written ({error.strerror})",
            REMEDIES.get(error.errno or 0, "give a folder that can be written"),
        ) from error

    return folder


async def _in_thread(function: Callable[[str], None], path: str) -> None:
    with CancelScope(shield=True):
        await to_thread.run_sync(function, path)


def _touch(path: str) -> None:
    with open(path, "wb"):
        pass


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)
