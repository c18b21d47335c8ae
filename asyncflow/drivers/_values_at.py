"""Values at an address: what asyncflow keeps itself, on a server that all hosts reach."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from asyncflow.abc import Driver
from asyncflow.drivers._file_systems import (
    MEMORY,
    OfOneProcess,
    file_system,
    is_whole,
    move,
    remedy_of,
)
from asyncflow.drivers._mirrored import MirroredDriver
from asyncflow.drivers._server import Told
from asyncflow.errors import StoreFailed
from asyncflow.folder import temporary
from asyncflow.secret import Secret, concealed, masked, secrets_in
from asyncflow.worker.errors import (
    AsyncflowError,
    DataNodeReadingError,
    PackageMissing,
    ValueMissing,
)
from asyncflow.worker.values import temporary_name


class ValuesAt:
    """The files of values at an address. All methods block.

    :param address: the bucket or folder, with what their names are to begin with
    :param options: those of fsspec, for its file system
    :param mark: a file on the host where copies stay in the folder of values
    """

    def __init__(self, address: str, options: Mapping[str, Any], mark: str) -> None:
        self.address: str = concealed("", address.rstrip("/"))
        self.options: Mapping[str, Any] = concealed("", dict(options))
        self.mark = mark
        self._wrapped: dict[Driver, MirroredDriver] = {}
        self._found: tuple[Any, str] | None = None
        self._is_home: bool | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return ValuesAt, (self.address, self.options, self.mark)

    def __repr__(self) -> str:
        return f"ValuesAt({self.shown!r})"

    @property
    def shown(self) -> str:
        """How errors call the address."""
        return masked(self.address, self._secrets)

    @property
    def _secrets(self) -> set[Secret]:
        return {*secrets_in(self.options), *secrets_in(self.address)}

    @property
    def is_home(self) -> bool:
        """Whether copies of what is written or read here stay here.

        It is looked up once: the orchestrator asks on its event loop, after `probe`.
        """
        if self._is_home is None:
            self._is_home = os.path.exists(self.mark)

        return self._is_home

    def wrapped(self, driver: Driver) -> Driver:
        if isinstance(driver, MirroredDriver) or not driver.keeps_versions:
            return driver

        if (found := self._wrapped.get(driver)) is None:
            found = self._wrapped[driver] = MirroredDriver(driver, self)

        return found

    def probe(self) -> None:
        """Write a file there, read it, and remove it.

        :raises StoreFailed: where that cannot be
        """
        name = f"{os.path.basename(self.mark)}-{os.urandom(8).hex()}"

        try:
            self._is_home = os.path.exists(self.mark)
            files, at = self._files()

            if not is_whole(files):
                files.makedirs(at, exist_ok=True)

            with self.temporary() as folder:
                file = os.path.join(folder, name)

                with open(file, "w", encoding="utf-8") as opened:
                    opened.write(name)

                self._put(file)

            found = files.cat_file(f"{at}/{name}")
            self.remove([name])
        except (PackageMissing, MemoryError):
            raise
        except Exception as error:
            why, remedy = self.told(error)
            raise StoreFailed(
                f"of values at {self.shown}", f"it cannot be used ({why})", remedy
            ) from None

        if found != name.encode():
            raise StoreFailed(
                f"of values at {self.shown}",
                "what is read there is not what was written",
                "give an address that nothing else answers for",
            )

    def put(self, file: str) -> None:
        try:
            self._put(file)
        except (AsyncflowError, MemoryError):
            raise
        except Exception as error:
            why, remedy = self.told(error)
            raise OSError(f"{self.shown} cannot be written: {why}: {remedy}") from None

    @contextmanager
    def here(self, path: str) -> Iterator[str]:
        """Have a file here while it is read: the copy of this host, or one that is fetched.

        :return: its path, as a context manager
        :raises ValueMissing: where it is nowhere
        """
        if os.path.exists(path):
            yield path
            return

        with self.temporary() as folder:
            file = os.path.join(folder, os.path.basename(path))
            self._get(os.path.basename(path), file)
            yield file

    def temporary(self) -> AbstractContextManager[str]:
        """Have a folder for what does not stay here."""
        return temporary("values")

    def remove(self, names: Iterable[str]) -> None:
        files, at = self._files()

        for name in names:
            with suppress(FileNotFoundError):
                files.rm_file(f"{at}/{name}")

    def has(self, name: str) -> bool:
        try:
            files, at = self._files()
            files.invalidate_cache()
            return bool(files.exists(f"{at}/{name}"))
        except Exception:  # who reads it is told what is wrong
            return True

    def names(self, begin: str = "") -> list[str]:
        return [name for name in self._sizes() if name.startswith(begin)]

    def sizes(self) -> dict[str, int]:
        try:
            return self._sizes() or self._none()
        except (AsyncflowError, MemoryError):
            raise
        except Exception as error:
            why, remedy = self.told(error)
            where, what = f"of values at {self.shown}", f"it cannot be listed ({why})"
            raise StoreFailed(where, what, remedy) from None

    def _sizes(self) -> dict[str, int]:
        files, at = self._files()
        files.invalidate_cache()

        try:
            found = files.find(at, maxdepth=1, detail=True)
        except FileNotFoundError:
            return {}

        return {os.path.basename(at): int(info["size"]) for at, info in found.items()}

    def _none(self) -> dict[str, int]:
        """Return no files, where the bucket is there that has none.

        :raises FileNotFoundError: where it is not
        """
        files, at = self._files()
        bucket = at.partition("/")[0]

        if is_whole(files) and not files.exists(bucket):
            raise FileNotFoundError(f"there is no bucket {bucket}")

        return {}

    def told(self, error: Exception) -> Told:
        """Say what an error of its file system means, without what is secret."""
        if isinstance(error, OfOneProcess):
            return Told(str(error), "give an address that all processes reach")

        if isinstance(error, ImportError):
            return Told(f"the package {error.name} is missing", "install it")

        why = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
        return Told(masked(why, self._secrets), remedy_of(error))

    def _put(self, file: str) -> None:
        files, at = self._files()
        target = f"{at}/{os.path.basename(file)}"

        if is_whole(files):
            files.put_file(file, target)
            return

        draft = temporary_name(target)

        try:
            files.put_file(file, draft)
            move(files, draft, target)
        except BaseException:
            with suppress(Exception):
                files.rm_file(draft)

            raise

    def _get(self, name: str, to: str) -> None:
        try:
            files, at = self._files()
            files.get_file(f"{at}/{name}", to)
        except FileNotFoundError:
            raise ValueMissing(f"{self.shown}/{name}") from None
        except (AsyncflowError, MemoryError):
            raise
        except Exception as error:
            why, remedy = self.told(error)
            raise DataNodeReadingError(f"{self.shown}/{name}", why, remedy) from None

    def _files(self) -> tuple[Any, str]:
        if self._found is None:
            self._found = file_system(self.address, self.options, self._secrets)

        return self._found


def is_of_process(address: str) -> bool:
    """Tell whether each process has files of its own at an address."""
    return address.startswith(MEMORY)
