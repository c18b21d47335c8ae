"""The errors that arise in workers too; the tree of all is in `asyncflow.errors`."""

from __future__ import annotations

WRITE_AGAIN = "write the data node again, or run the task that writes it"
"""What to do about a value that is lost."""


class AsyncflowError(Exception):
    """The root of asyncflow's errors."""

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.args, dict(self.__dict__)))


class NoData(AsyncflowError, LookupError):
    """A data node was read before its first write, or its file is not there.

    `version` is the number that was asked for; None for the current version. `cause`
    says why the task that writes it has not; ``""`` where that is not known. `file` is
    the file of the user's that is not there; None where it is not that. `is_gone` tells
    whether something wrote that file. `is_durable` is False where its values are kept in
    memory, and one that an earlier start wrote went with that.
    """

    def __init__(
        self,
        node: str,
        version: int | None = None,
        cause: str = "",
        file: str | None = None,
        is_gone: bool = True,
        others: tuple[str, ...] = (),
        is_durable: bool = True,
    ) -> None:
        self.node = node
        self.version = version
        self.cause = cause
        self.file = file
        self.is_gone = is_gone
        self.others = others
        self.is_durable = is_durable
        super().__init__(self._message())

    def _message(self) -> str:
        if self.version is not None:
            return (
                f"version {self.version} of data node {self.node!r} is not kept: see its "
                "edits, and keep_versions of its config"
            )

        if self.others:
            names = ", ".join(map(repr, (self.node, *self.others)))
            return (
                f"data nodes {names} were never written: give them default_data, write to "
                "them, or run the tasks that write them"
            )

        what = f"data node {self.node!r} was never written"
        remedy = "give it default_data, write to it, or run the task that writes it"

        if self.file is not None and not self.is_gone:
            what = f"data node {self.node!r} has no value yet: there is no file {self.file}"
            remedy = "make it, write to the node, or run the task that writes it"
        elif not self.is_durable:
            what = f"data node {self.node!r} has no value any more, or not yet"
            remedy = (
                "values in memory end with the orchestrator that wrote them; write to it, "
                "run the task that writes it, or declare a storage type such as 'pickle'"
            )
        elif self.file is not None:
            what = f"data node {self.node!r} has no value: its file {self.file} is gone"
            remedy = "bring it back, write to the node, or run the task that writes it"

        return f"{what}: {self.cause or remedy}"


class NotPicklable(AsyncflowError):
    """A value or a function cannot travel to a worker process, or be kept.

    `path` is the way to the part that cannot, such as ``value.connection`` or
    ``fit.<closure lock>``; `why` is what the pickler said.
    """

    def __init__(self, path: str, why: str) -> None:
        self.path = path
        self.why = why
        super().__init__(
            f"{path} cannot be pickled ({why}): leave it out, or make it inside the job"
        )


def not_passed_on(owner: object) -> NotPicklable:
    """Make the error of a handle, or an orchestrator, that is to be pickled."""
    kind = type(owner).__name__
    remedy = (
        "pass its id, or read its values and pass those"
        if hasattr(type(owner), "id")
        else "pass values, and call its verbs there"
    )
    what = f"{'an' if kind[0] in 'AEIOU' else 'a'} {kind}"
    why = f"{what} is of the program that opened its orchestrator: {remedy}"
    return NotPicklable(kind, why)


class DataNodeWritingError(AsyncflowError):
    """What a function returned does not fit the outputs of its task, or cannot be kept in
    the form of its data node.
    """


class ValueInvalid(DataNodeWritingError):
    """The validator of a data node refuses a value.

    `node` is the data node, `rule` what was broken, `rows` the first rows that break it,
    as far as the validator tells.
    """

    def __init__(
        self, node: str, rule: str, why: str, rows: tuple[object, ...]
    ) -> None:
        self.node = node
        self.rule = rule
        self.why = why
        self.rows = rows
        where = f" (rows {', '.join(map(str, rows))})" if rows else ""
        super().__init__(
            f"data node {node!r}: its validator {rule} refuses the value{where}: {why}"
        )


class PackageMissing(AsyncflowError):
    """A `package` is not installed that a storage type or an exposed type needs."""

    def __init__(self, what: str, package: str, extra: str | None) -> None:
        self.what = what
        self.package = package
        self.extra = extra
        line = f"'.[{extra}]'" if extra else package
        super().__init__(
            f"{what} needs {package}, which is not installed: pip install {line}"
        )


class DataNodeReadingError(AsyncflowError):
    """What is in the place of a data node cannot be read, or not as it is to be read.

    `place` is the file or the table, ``""`` where that does not matter; `why` and
    `remedy` say what is wrong and what to do; `node` is the data node, once that is known.
    """

    def __init__(self, place: str, why: str, remedy: str, node: str = "") -> None:
        self.place = place
        self.why = why
        self.remedy = remedy
        self.node = node
        super().__init__(place, why, remedy, node)

    def __str__(self) -> str:
        node = f"data node {self.node!r}" if self.node else "the data node"
        place = f" at {self.place}" if self.place else ""
        return f"{node}{place} cannot be read: {self.why}: {self.remedy}"


MISSING = "it is missing"


class ValueMissing(DataNodeReadingError):
    """The file of a value is not there: deleted, or on another host."""

    def __init__(self, place: str, why: str = MISSING) -> None:
        super().__init__(place, why, WRITE_AGAIN)


def _rebuild(
    cls: type[AsyncflowError], args: tuple[object, ...], state: dict[str, object]
) -> AsyncflowError:
    """Make an error again without running its own `__init__`."""
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error
