"""The ``generic`` storage type: what functions of the user's read and write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
from attrs import validators

from asyncflow.drivers import _options
from asyncflow.drivers._server import ServerDriver, unwritten
from asyncflow.secret import masked
from asyncflow.worker.errors import DataNodeReadingError

if TYPE_CHECKING:
    from asyncflow.abc import StoredValue
    from asyncflow.filters import Where

_ARGUMENTS = validators.optional(validators.instance_of((list, tuple)))
LIST = {"remedy": "give a list of arguments"}


@attrs.frozen(kw_only=True)
class GenericOptions:
    """What a data node of this storage type takes. Taipy's names."""

    read_fct: Callable[..., Any] | None = _options.function()
    write_fct: Callable[..., Any] | None = _options.function()
    read_fct_args: Sequence[Any] | None = attrs.field(
        default=None, validator=_ARGUMENTS, metadata=LIST
    )
    write_fct_args: Sequence[Any] | None = attrs.field(
        default=None, validator=_ARGUMENTS, metadata=LIST
    )
    append_fct: Callable[..., Any] | None = _options.function()

    fingerprint: Callable[..., Any] | None = _options.function()
    """Called with `read_fct_args`: what it returns changes when what they read does."""

    def __attrs_post_init__(self) -> None:
        if self.read_fct is None and self.write_fct is None:
            raise ValueError("it neither reads nor writes: give read_fct or write_fct")

    def unused(self) -> Iterator[str]:
        """Say which options have no effect; see `docs/write-a-driver.md`."""
        if self.read_fct_args and not (self.read_fct or self.fingerprint):
            yield "read_fct_args are for read_fct, and there is none"

        if self.write_fct_args and not (self.write_fct or self.append_fct):
            yield "write_fct_args are for write_fct, and there is none"


class GenericDriver(ServerDriver):
    """Read with a function and write with another, where the job runs.

    The function that writes is called when the outputs of the job are published: what it
    does is done then, as a whole or not, as the function has it. An ``async def`` one runs
    on an event loop of its own.
    """

    storage_type: ClassVar[str] = "generic"
    Options: ClassVar[type[GenericOptions]] = GenericOptions
    appends: ClassVar[bool] = True
    options: GenericOptions

    def __init__(self, path: str | None = None, options: Any = None) -> None:
        super().__init__(path, options)
        self._waiting: dict[str, tuple[str, Callable[..., Any], Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_waiting": {}}

    @property
    def place(self) -> str | None:
        return None  # nobody knows where it is: who means the same is not known

    def fingerprint(self) -> str | None:
        if (ask := self.options.fingerprint) is None:
            return None

        return _options.told_by(self._called(ask, self.options.read_fct_args or ()))

    def read(
        self,
        kept: StoredValue,  # noqa: ARG002
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        if self.options.read_fct is None:
            raise DataNodeReadingError("", "it has no read_fct", "give it one")

        value = self._called(self.options.read_fct, self.options.read_fct_args or ())
        return self.select(value, columns, where)

    def write(self, value: object, path: str, name: str) -> StoredValue:
        return self._wait(value, path, name, "write_fct")

    def append(
        self,
        value: object,
        kept: StoredValue,  # noqa: ARG002
        path: str,
        name: str,
    ) -> StoredValue:
        return self._wait(value, path, name, "append_fct")

    def _wait(self, value: object, path: str, name: str, which: str) -> StoredValue:
        function = getattr(self.options, which)

        if function is None:
            why = f"it has no {which}"
            raise unwritten(name, self.storage_type, why, "give it one")

        self._waiting[path] = name, function, value
        return None

    def publish(self, kept: StoredValue, path: str) -> StoredValue:  # noqa: ARG002
        name, function, value = self._waiting.pop(path)

        try:
            self._called(function, (value, *(self.options.write_fct_args or ())))
        except Exception as error:  # the function's own
            BaseException.add_note(error, f"while writing data node {name!r}")
            raise

        return None

    def discard(self, kept: StoredValue, path: str) -> None:  # noqa: ARG002
        self._waiting.pop(path, None)

    def _called(self, function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Call a function; its error is the user's own, unless that shows a secret."""
        try:
            value = function(*arguments)

            if hasattr(value, "__await__"):
                value = _awaited(value)
        except Exception as error:
            if not self.secrets or not _shows(error, self.secrets):
                raise

            text = masked(f"{type(error).__name__}: {error}", self.secrets)
            name = getattr(function, "__name__", "a function")
            raise RuntimeError(f"{name} raised {text}") from None
        else:
            return value


def _shows(error: BaseException, secrets: set[Any]) -> bool:
    import traceback

    text = "".join(traceback.format_exception(error))
    return masked(text, secrets) != text


def _awaited(awaitable: Any) -> Any:
    """Await something on an event loop of its own, also beside one that runs."""
    import asyncio

    async def wait() -> Any:
        return await awaitable

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(wait())

    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, wait()).result()
