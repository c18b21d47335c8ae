"""``@task``: a task, and its data nodes, from a function."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, ParamSpec, TypeVar

import attrs

from asyncflow.config.converters import as_tuple
from asyncflow.config.section import evolved, names_of, same_value
from asyncflow.config.sections import NOT_GIVEN, DataNodeConfig, TaskConfig
from asyncflow.errors import Problem, UsageError
from asyncflow.worker.decorated import reduced

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)

Nodes = str | DataNodeConfig | Iterable[str | DataNodeConfig] | None
"""Data nodes: their ids or configs, one or several, or None."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class TaskFunction(TaskConfig, Generic[P, R_co]):
    """The section of a task that ``@task`` has made; called, it is its function."""

    function: Callable[P, R_co]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the function, here and now."""
        return self.function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return reduced(self.function)  # a worker has the function under its name

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            if name == "__wrapped__":
                return self.function

            if name in ("__name__", "__qualname__"):
                return getattr(self.function, name)

            what = f"{type(self).__name__!r} object has no attribute {name!r}"

            if not name.startswith("_"):
                from asyncflow.config.attributes import unknown

                what = unknown(self, name)

            raise AttributeError(what, name=name, obj=self)


class Told(NamedTuple):
    """What a function tells of a data node."""

    kind: object = Any
    """The annotation; ``Any`` where there is none."""
    default: object = NOT_GIVEN


@attrs.frozen
class Signature:
    """What ``@task`` has found in a function: by the ids of the data nodes."""

    inputs: Mapping[str, Told]
    outputs: Mapping[str, Told]


class Declared(NamedTuple):
    """What ``@task`` declares."""

    task: TaskFunction[..., Any]
    signature: Signature
    nodes: list[DataNodeConfig]
    """Those that there are not yet, or not as they are now."""


def declared(
    function: Callable[..., object],
    task_id: str | None,
    reads: Nodes,
    writes: Nodes,
    options: Mapping[str, Any],
    signatures: Mapping[str, Signature],
    known: Mapping[str, DataNodeConfig],
    made_before: Mapping[str, DataNodeConfig],
) -> Declared:
    """Make the section of a task, and those of its data nodes.

    :param reads: what its parameters are; None for data nodes that are called as they are
    :param options: those of `TaskConfig`, and properties
    :param signatures: those of the tasks that were made so before
    :param known: the data nodes that there are
    :param made_before: those of them that were made so before
    """
    if not callable(function):
        raise TypeError(
            f"@task is for a function; got {function!r:.100}: its options are given by "
            "name, as in @task(output='result')"
        )

    task_id = task_id or _name_of(function)
    given = (*as_tuple(reads), *as_tuple(writes))
    configs = {node.id: node for node in given if isinstance(node, DataNodeConfig)}
    inputs = None if reads is None else _ids(reads)
    signature = _signature(task_id, function, inputs, _ids(writes))
    everything = {**signatures, task_id: signature}
    made: list[DataNodeConfig] = []

    for name in {**signature.inputs, **signature.outputs}:
        if name not in configs:
            there = known.get(name)
            is_made = there is not None and made_before.get(name) is there
            configs[name] = node = _node(
                name, there, everything, task_id, is_made=is_made
            )

            if node is not there:
                made.append(node)

    fields = {name: value for name, value in options.items() if name in _OPTIONS}
    task = TaskFunction(
        id=task_id,
        function=function,
        input=tuple(configs[name] for name in signature.inputs),
        output=tuple(configs[name] for name in signature.outputs),
        properties={
            name: value for name, value in options.items() if name not in fields
        },
        **fields,
    )
    return Declared(task, signature, made)


_OPTIONS = frozenset(names_of(TaskConfig)) - {"function", "input", "output"}


def with_default(
    node: DataNodeConfig, signatures: Mapping[str, Signature], first: str = ""
) -> DataNodeConfig:
    """Return a data node with the default value that a function has for it, if any.

    :param first: the id of the task that counts first
    """
    if node.default_data is not NOT_GIVEN:
        return node

    tasks = sorted(signatures, key=lambda task: task != first)

    for task in tasks:
        declared = signatures[task].inputs.get(node.key, Told())

        if declared.default is not NOT_GIVEN:
            return evolved(node, default_data=declared.default)

    return node


def problems(
    signatures: Mapping[str, Signature], tasks: Mapping[str, TaskConfig]
) -> Iterator[Problem]:
    """Yield what several functions say of one data node that does not go together."""
    found: dict[str, list[tuple[str, Told]]] = {}

    for task_id, signature in signatures.items():
        if isinstance(tasks.get(task_id), TaskFunction):
            for part in (signature.outputs, signature.inputs):
                for name, declared in part.items():
                    found.setdefault(name, []).append((task_id, declared))

    for name, all_told in found.items():
        first = next((pair for pair in all_told if pair[1].kind is not Any), None)

        for task_id, declared in all_told:
            if first and not agree(first[1].kind, declared.kind):
                one, other = _shown(first[1].kind), _shown(declared.kind)
                yield _problem(
                    name,
                    f"it is {one} for task {first[0]!r}, and {other} for {task_id!r}",
                    "give one of the parameters or outputs another name, or the right type",
                )
                break

        defaults = [pair for pair in all_told if pair[1].default is not NOT_GIVEN]

        for task_id, declared in defaults[1:]:
            if not same_value(defaults[0][1].default, declared.default):
                yield _problem(
                    name,
                    f"its default is {defaults[0][1].default!r:.50} for task "
                    f"{defaults[0][0]!r}, and {declared.default!r:.50} for {task_id!r}",
                    "give one of the parameters another name, or one of them the default",
                )
                break


def agree(one: object, other: object) -> bool:
    """Tell whether a value may be of both types, as far as that is known."""
    if Any in (one, other) or object in (one, other) or one == other:
        return True

    ones, others = _members(one), _members(other)

    if len(ones) > 1 or len(others) > 1:
        return any(agree(each, another) for each in ones for another in others)

    origins = typing.get_origin(one) or one, typing.get_origin(other) or other
    arguments = typing.get_args(one), typing.get_args(other)

    if not all(isinstance(each, type) for each in origins):
        return True

    if origins[0] is origins[1] and len(arguments[0]) == len(arguments[1]):
        return all(map(agree, *arguments))

    return _is_like(*origins) or _is_like(*reversed(origins))


_NUMBERS = (bool, int, float, complex)


def _is_like(one: Any, other: Any) -> bool:
    if one in _NUMBERS and other in _NUMBERS:
        return True

    try:
        return issubclass(one, other)
    except TypeError:  # of a protocol, say
        return True


def _members(kind: object) -> tuple[object, ...]:
    if kind is None:
        return (type(None),)

    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return typing.get_args(kind)

    return (kind,)


def _shown(kind: object) -> str:
    is_plain = isinstance(kind, type) and not typing.get_args(kind)
    return kind.__qualname__ if is_plain and isinstance(kind, type) else str(kind)


def _problem(name: str, message: str, remedy: str) -> Problem:
    return Problem(
        section=f"DATA_NODE.{name}", field="", message=message, remedy=remedy
    )


def _node(
    name: str,
    there: DataNodeConfig | None,
    signatures: Mapping[str, Signature],
    task_id: str,
    *,
    is_made: bool,
) -> DataNodeConfig:
    if there is None:
        return with_default(DataNodeConfig(id=name), signatures, task_id)

    if not is_made:
        return with_default(there, signatures, task_id)

    bare = evolved(there, default_data=NOT_GIVEN)
    anew = with_default(bare, signatures, task_id)
    return there if there.same_content(anew) else anew


def _name_of(function: object) -> str:
    name = getattr(function, "__name__", "")

    if not (isinstance(name, str) and name.isidentifier()):
        raise UsageError(
            f"@task cannot tell what the task of {function!r:.100} is called: give it "
            "an id, as in task(id='double', output='result')(function)"
        )

    return name


def _ids(nodes: Nodes) -> tuple[str, ...]:
    """Return the ids of data nodes."""
    found = []

    for node in as_tuple(nodes):
        name = node.id if isinstance(node, DataNodeConfig) else node

        if not isinstance(name, str):
            raise TypeError(
                f"input and output of @task are ids or configs of data nodes; got {node!r}"
            )

        found.append(name)

    return tuple(found)


def _signature(
    task_id: str,
    function: Callable[..., object],
    reads: tuple[str, ...] | None,
    writes: tuple[str, ...],
) -> Signature:
    parameters = _parameters(task_id, function, reads)
    kinds = _kinds(function)
    names = [parameter.name for parameter in parameters] if reads is None else [*reads]
    declared = [
        Told(
            kinds.get(parameter.name, Any),
            NOT_GIVEN if parameter.default is parameter.empty else parameter.default,
        )
        for parameter in parameters
    ]
    declared += [Told()] * (len(names) - len(declared))  # of *args
    inputs = dict(zip(names, declared, strict=False))
    made = _returned(kinds.get("return", Any), len(writes))
    return Signature(inputs, dict(zip(writes, made, strict=True)))


def _parameters(
    task_id: str, function: Callable[..., object], reads: tuple[str, ...] | None
) -> list[inspect.Parameter]:
    """Return the parameters that take inputs."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        if reads is not None:
            return []

        raise UsageError(
            f"@task cannot tell the parameters of task {task_id!r}: name its data nodes, "
            "as in @task(input=['a', 'b'])"
        ) from None

    plain = [
        parameter
        for parameter in found
        if parameter.kind
        in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]

    if reads is None and any(
        parameter.kind is parameter.VAR_POSITIONAL for parameter in found
    ):
        raise UsageError(
            f"@task cannot tell the inputs of task {task_id!r}, whose function takes any: "
            "name them, as in @task(input=['a', 'b'])"
        )

    if needed := [
        parameter.name
        for parameter in found
        if parameter.kind is parameter.KEYWORD_ONLY
        and parameter.default is parameter.empty
    ]:
        raise UsageError(
            f"inputs are given by place, so parameter {needed[0]!r} of task {task_id!r} "
            "never has a value: give it a default, or no * before it"
        )

    return plain


def _kinds(function: Callable[..., object]) -> Mapping[str, object]:
    try:
        return typing.get_type_hints(function)
    except Exception:  # of names that are not there at run time
        return {}


def _returned(kind: object, count: int) -> list[Told]:
    """Return what several outputs are, by what the function returns."""
    if count == 1:
        return [Told(kind)]

    parts = typing.get_args(kind)
    is_whole = typing.get_origin(kind) is tuple and len(parts) == count
    return [Told(part) for part in parts] if is_whole else [Told()] * count
