"""What a function does, as a text: another text if it may do something else.

It covers the byte code, the constants, the defaults, what the function closes over, the
globals that it names and, in the same way, the functions, classes and values that these
refer to, in all modules of the user's; through wrappers, caches and objects that hold
functions. What is installed, or of Python, counts by its name. Comments, docstrings, line
numbers and file names do not count. `_describe` says how, and of what it cannot tell.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping

import attrs

from asyncflow.bytecode import plain_bytes
from asyncflow.fingerprint.description import Describer, Description, Limit, new_hash
from asyncflow.fingerprint.own_modules import OwnModules, installed, root_of
from asyncflow.fingerprint.parts import Global, Members, Source, module_name, name_of
from asyncflow.fingerprint.sources import describe_source, imports_any

FORMAT = f"4-{sys.implementation.cache_tag}"
"""Changes with what is compared, and with the byte code of another Python."""

NAMED = 256
"""How many of the parts are told apart in the text."""

MAX_PARTS = 10_000
"""How many functions, classes and global values one may use."""

_SHORT = 8
"""How many characters tell parts apart."""


@attrs.frozen
class Fingerprint:
    """What a function does."""

    text: str
    """What is kept of it."""
    name: str
    """What the function is called."""
    parts: Mapping[str, str] = attrs.field(repr=False)
    """For what the text has of each part, what that is called."""
    unknown: str = ""
    """Why it cannot be compared, naming the part; ``""`` if it can."""

    def difference(self, last: str, task: str) -> str:
        """Say why it is not what it was; ``""`` where it is.

        :param last: the text then
        :param task: what the task is called
        """
        if self.unknown:
            return self.unknown

        if last == self.text:
            return ""

        form, _, rest = last.partition(":")

        if form != FORMAT:
            return "Python or asyncflow was updated"

        _, _, known = rest.partition(":")
        before = {
            known[at : at + _SHORT] for at in range(0, len(known), _SHORT)
        }  # of parts
        changed = [name for key, name in self.parts.items() if key not in before]

        if not changed or self.name in changed:
            return f"`{task}` changed"

        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        return f"`{changed[0]}`{more} changed, which it uses"


def fingerprint(function: Callable[..., object]) -> Fingerprint:
    """Return the fingerprint of a function, or of any other callable."""
    return Fingerprints().of(function)


@attrs.define(eq=False, repr=False)
class Fingerprints:
    """Makes fingerprints, and describes what they have in common once.

    For one moment: later, what they describe may have changed.

    :param older: the modules of which this process has, or may have, loaded less than
        jobs do: what is in their files counts as well
    """

    older: Collection[str] = ()
    _made: dict[int, tuple[object, Fingerprint]] = attrs.field(factory=dict)
    _described: dict[tuple[object, ...], Description] = attrs.field(factory=dict)
    _own: dict[str | None, OwnModules] = attrs.field(factory=dict)
    _counts: dict[str, bool] = attrs.field(
        default=attrs.Factory(
            lambda self: dict.fromkeys(self.older, True), takes_self=True
        )
    )
    """Whether what is in the files of modules counts, by their names."""
    _kept: list[object] = attrs.field(factory=list)
    """What has a description, so that its id is not another's."""

    def of(self, function: Callable[..., object]) -> Fingerprint:
        """Return the fingerprint of a function, or of any other callable."""
        known = self._made.get(id(function))

        if known is None:
            known = self._made[id(function)] = function, self._of(function)

        return known[1]

    def _of(self, function: Callable[..., object]) -> Fingerprint:
        root = root_of(function)
        version = installed(root) if root else ""
        whole = new_hash()
        whole.update(version.encode())
        parts: dict[str, str] = {}
        unknown = ""

        if root and version:
            parts[whole.hexdigest()[:_SHORT]] = root.partition(".")[0]

        for description, edges in self._all(function, root if version else None):
            whole.update(description.digest + plain_bytes(edges))
            name = _shown(description.name)

            if description.digest and len(parts) < NAMED:
                parts.setdefault(description.digest.hex()[:_SHORT], name)

            if description.unknown and not unknown:
                unknown = f"`{name}` is or holds {description.unknown}, which cannot be compared"

        text = f"{FORMAT}:{whole.hexdigest()}:{''.join(parts)}"
        return Fingerprint(text, _shown(name_of(function)), parts, unknown)

    def _all(
        self, function: object, root: str | None
    ) -> Iterator[tuple[Description, list[int]]]:
        """Describe a function, and what it refers to, each once and in one order.

        :param root: its module, where that is one that is installed
        :return: for each, the places of what it refers to
        """
        own = self._own.get(root)

        if own is None:
            own = self._own[root] = OwnModules(root)

        places = {_key(function): 0}
        waiting = deque((function,))

        while waiting:
            value = waiting.popleft()
            description = self._describe(value, own)
            edges = []

            for other in (*description.refers_to, *self._files(value)):
                key = _key(other)

                if key not in places:
                    places[key] = len(places)
                    waiting.append(other)

                edges.append(places[key])

            if len(places) > MAX_PARTS:
                description = Description(
                    name_of(function), b"", [], f"more than {MAX_PARTS:,} parts"
                )
                waiting.clear()

            yield description, edges

    def _files(self, value: object) -> tuple[Source, ...]:
        """Return the file that says what something is, where it was loaded before.

        Also where that holds for what its module has imported: a plain value does not say
        from where it is.
        """
        name = module_name(value) if self.older else None

        if name is None:
            return ()

        if name not in self._counts:
            imports_any(name, self._counts)

        return (Source(name),) if self._counts[name] else ()

    def _describe(self, value: object, own: OwnModules) -> Description:
        key = _key(value), own.root
        known = self._described.get(key)

        if known is not None:
            return known

        description = self._described[key] = Description(name_of(value))
        self._kept.append(value)

        if isinstance(value, Source):
            describe_source(description, value)
            return description

        try:
            description.digest = Describer(own, description).of_object(value)
        except Limit as limit:
            description.unknown = f"too much ({limit})"

        named = new_hash()
        named.update(
            f"{description.name}\0".encode(errors="replace") + description.digest
        )
        description.digest = named.digest()
        return description


def _key(value: object) -> tuple[object, ...]:
    match value:
        case Global(module, name):
            return "global", id(module), name
        case Members(module, names):
            return "members", id(module), names
        case Source(name):
            return "source", name

    return "object", id(value)


def _shown(name: str) -> str:
    return name.removeprefix("__main__.")
