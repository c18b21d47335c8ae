"""What annotations name in their texts, where nothing else says that it is needed."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any

_SHOWN = (type, types.ModuleType, types.GenericAlias, types.UnionType)
"""What is sent along where a text in an annotation names it."""


def named_in_annotations(
    value: Any, content: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Return what a module has of what such texts of a function or class name.

    :param content: the names of the module; None is the main script
    """
    if content is None:
        content = vars(sys.modules["__main__"])

    return {
        name: content[name]
        for text in _texts(value)
        for name in re.findall(r"[^\W\d]\w*", text)
        if isinstance(content.get(name), _SHOWN) or _is_of_typing(content.get(name))
    }


def _is_of_typing(value: object) -> bool:
    return type(value).__module__ == "typing"


def _texts(value: Any) -> Iterator[str]:
    try:
        annotations = value.__annotations__.values()
    except Exception:  # there are none, or some name in them is not there
        return

    for annotation in annotations:
        text = annotation if isinstance(annotation, str) else repr(annotation)

        if isinstance(annotation, str) or "ForwardRef" in text:
            yield text
