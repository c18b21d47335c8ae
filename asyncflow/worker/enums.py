"""Enums in a pickle by value: their members as they are, whatever made them.

cloudpickle makes the members anew from their values, before the class has its own
``__new__`` and ``__init__``. So it loses what these give a member, aliases, and the
metaclass. Here a member comes as what its mixed-in type needs, its value, and its
attributes.
"""

from __future__ import annotations

import copyreg
import enum
from typing import Any

import cloudpickle.cloudpickle as _cloud  # type: ignore[import-untyped]  # it has no types

from asyncflow.worker.reducers import Reduced

_OF_MEMBER = frozenset({"_value_", "_name_", "__objclass__", "_sort_order_"})
"""What `enum` itself gives each member."""

_OF_CLASS = ("_new_member_", "_use_args_", "_value_repr_")
"""What it gives each enum, and cloudpickle leaves out where that of a base is equal."""


def reduce_enum(cls: Any) -> Reduced:
    """Reduce an enum to its skeleton with the members, and to what fills it."""
    bases, name, qualname, _, module, tracker_id, extra = _cloud._enum_getnewargs(cls)
    named = [
        (name, member._value_, *_new_arguments(member))
        for name, member in cls.__members__.items()
    ]
    content, _ = _cloud._class_getstate(cls)
    content = {
        name: vars(cls)[name] for name in _OF_CLASS if name in vars(cls)
    } | content
    mappings = "_member_names_", "_member_map_", "_member_type_", "_value2member_map_"

    for left_out in (*mappings, *cls.__members__):
        content.pop(left_out, None)

    head = bases, name, qualname, module, _boundary(cls)
    arguments = type(cls), head, named
    state = content, {name: _own(member) for name, member in cls.__members__.items()}
    return skeleton_enum, (*arguments, tracker_id, extra), state, None, None, fill_class


def _new_arguments(member: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return what the type that is mixed in makes the bare member of."""
    if member._member_type_ is object:
        return (), {}

    reduced: Any = object.__reduce_ex__(member, 2)
    make, arguments, *_ = reduced

    if make is copyreg.__newobj_ex__:  # type: ignore[attr-defined]  # typeshed has no such name
        return arguments[1], arguments[2]

    return (arguments[1:], {}) if make is copyreg.__newobj__ else (arguments, {})  # type: ignore[attr-defined]  # the same


def _boundary(cls: Any) -> object:
    return cls._boundary_ if issubclass(cls, enum.Flag) else None


def _own(member: enum.Enum) -> dict[str, object]:
    return {
        name: value for name, value in vars(member).items() if name not in _OF_MEMBER
    }


def skeleton_enum(
    metaclass: Any,
    head: tuple[tuple[type, ...], str, str, str, object],
    members: list[tuple[str, object, tuple[Any, ...], dict[str, Any]]],
    tracker_id: str | None,
    extra: object,  # noqa: ARG001  # for what cloudpickle may add
) -> type:
    """Make an enum with its members, to be filled with all else it has.

    :param head: its bases, name, qualified name, module, and boundary if it has flags
    """
    bases, name, qualname, module, boundary = head
    order = iter(members)

    def bare(cls: Any, *given: object) -> Any:  # noqa: ARG001  # it has its own
        _, value, arguments, named = next(order)
        member = cls._member_type_.__new__(cls, *arguments, **named)
        member._value_ = value
        return member

    content: Any = metaclass.__prepare__(name, bases)
    content["__new__"], content["__init__"] = bare, _no_init

    for member_name, member_value, *_ in members:
        content[member_name] = enum.member(member_value)

    options: dict[str, Any] = {} if boundary is None else {"boundary": boundary}
    cls: Any = enum.EnumType.__new__(metaclass, name, bases, content, **options)
    cls.__module__, cls.__qualname__ = module, qualname

    for made_here in ("__new_member__", "__init__"):
        if made_here in vars(cls):
            type.__delattr__(cls, made_here)

    made: type = _cloud._lookup_class_or_track(tracker_id, cls)
    return made


def _no_init(member: object, *arguments: object) -> None:
    """Leave a member to what fills it."""


def members_of(cls: Any) -> dict[str, object]:
    """Return the values of an enum's members by their names, aliases too."""
    return {name: member._value_ for name, member in cls.__members__.items()}


def fill_class(cls: Any, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Fill the skeleton of a class; of an enum, its members too."""
    _cloud._class_setstate(cls, state)

    if isinstance(cls, enum.EnumType):
        for name, own in state[1].items():
            cls.__members__[name].__dict__.update(own)
