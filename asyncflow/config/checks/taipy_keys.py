"""Keys of Taipy's sections that say nothing here: taken, and told what does that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

_PLACE = (
    "records and values are in the folder of the store: "
    "`Orchestrator(store='folder/asyncflow.db')`"
)
_STORE = "records are in SQLite or PostgreSQL: `Orchestrator(store=...)`"
_READS = "every read is a transaction, so none is tried again"
_FORM = "files of each version of asyncflow are read by the later ones"

KEYS: Mapping[str, Mapping[str, str]] = {
    "CORE": {
        "root_folder": _PLACE,
        "storage_folder": _PLACE,
        "taipy_storage_folder": _PLACE,
        "repository_type": _STORE,
        "repository_properties": _STORE,
        "read_entity_retry": _READS,
        "core_version": _FORM,
    },
    "JOB": {},
}
"""What holds here instead, by section and key."""


def notes(kind: str, names: Iterable[str]) -> Iterator[str]:
    """Yield a line for the keys among some names that have no effect.

    :param kind: the section, such as ``CORE``
    """
    found: dict[str, list[str]] = {}

    for name in names:
        if text := KEYS.get(kind, {}).get(name):
            found.setdefault(text, []).append(name)

    for text, keys in found.items():
        yield f"[{kind}] {', '.join(keys)}: taken, without effect; {text}"
