"""The versions of data nodes: read, replaced, and removed when nobody needs them."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

import attrs
from anyio import CancelScope, to_thread
from anyio.abc import TaskGroup

from asyncflow.abc import Kept
from asyncflow.entities.data_node import DataNode, Version
from asyncflow.errors import NoData, NotPicklable


@attrs.define(eq=False)
class Versions:
    """Every value that is kept.

    A version that was replaced stays as long as somebody reads it.

    :param folder: where the files of large values are
    :param group: removes files in the background
    """

    folder: str
    group: TaskGroup
    _paths: int = attrs.field(init=False, default=0)
    _count: int = attrs.field(init=False, default=0)
    _garbage: list[str] = attrs.field(init=False, factory=list)

    def new_path(self) -> str:
        """Return the name of a file that a new value may have."""
        self._paths += 1
        return f"{self.folder}/{self._paths}.value"

    async def read(self, node: DataNode) -> Any:
        """Read the current version of a data node.

        :raises NoData: where there is none
        """
        version = node.version

        if version is None:
            raise NoData(node.config_id)

        if isinstance(version.kept, bytes):
            return node.driver.read(version.kept)

        self.pin(version)

        try:
            return await to_thread.run_sync(node.driver.read, version.kept)
        except FileNotFoundError as error:
            raise NoData(node.config_id) from error
        finally:
            self.unpin(version)

    async def write(self, node: DataNode, value: object) -> None:
        """Give a data node a new version, which is written as a whole or not at all.

        :raises NotPicklable: where the value cannot be kept
        """
        with CancelScope(shield=True):
            kept = await to_thread.run_sync(_keep, node, value, self.new_path())
            self.replace(node, kept)

    async def write_defaults(self, nodes: Collection[DataNode]) -> None:
        """Write the default data of the data nodes that have no version yet."""
        fresh = [node for node in nodes if node.version is None and _has_default(node)]

        if not fresh:
            return

        paths = [self.new_path() for _ in fresh]

        with CancelScope(shield=True):
            kept = await to_thread.run_sync(_keep_defaults, fresh, paths)

            for node, one in zip(fresh, kept, strict=True):
                if node.version is None:  # a shared one may have been written meanwhile
                    self.replace(node, one)

    def replace(self, node: DataNode, kept: Kept, job_id: str | None = None) -> None:
        """Make a kept value the current version of a data node."""
        old = node.version
        self._count += 1
        node.version = Version(self._count, kept, time.time(), job_id)

        if old is not None:
            old.replaced = True
            self._discard(old)

    def pin(self, version: Version) -> None:
        """Keep a version while it is read."""
        version.readers += 1

    def unpin(self, version: Version) -> None:
        """Let a version go that was pinned."""
        version.readers -= 1
        self._discard(version)

    def _discard(self, version: Version) -> None:
        if version.replaced and not version.readers and isinstance(version.kept, str):
            if not self._garbage:
                self.group.start_soon(self._collect)

            self._garbage.append(version.kept)

    async def _collect(self) -> None:
        paths = self._garbage[:]
        self._garbage.clear()
        await to_thread.run_sync(_remove, paths)


def _has_default(node: DataNode) -> bool:
    return node.config.default_data is not None or node.config.default_path is not None


def _keep_defaults(nodes: Sequence[DataNode], paths: Sequence[str]) -> list[Kept]:
    return [_keep_default(node, path) for node, path in zip(nodes, paths, strict=True)]


def _keep_default(node: DataNode, path: str) -> Kept:
    """Keep default data; a file of the user's that is there already stays."""
    default = node.config.default_data

    if node.config.default_path is None:
        return _keep(node, default, path)

    if default is None or node.driver.exists():
        return None

    return _keep(node, default, path)


def _keep(node: DataNode, value: object, path: str) -> Kept:
    try:
        return node.driver.publish(node.driver.write(value, path, node.config_id), path)
    except NotPicklable as error:
        raise NotPicklable(f"data node {error.path}", error.why) from error


def _remove(paths: Sequence[str]) -> None:
    for path in paths:
        with suppress(FileNotFoundError):
            os.unlink(path)
