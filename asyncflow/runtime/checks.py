"""What is refused before it begins: wrong options, what is of another orchestrator, and runs
that lack an input.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

import attrs

from asyncflow import ids
from asyncflow.config import Configuration
from asyncflow.config.checks.numbers import (
    check_callbacks_are_many,
    check_flag,
    check_timeout,
)
from asyncflow.config.checks.values import check_entity, check_submittable
from asyncflow.errors import InsideWorker, NoData, NotOpen, UnsupportedLoop, UsageError
from asyncflow.log import logger as _logger
from asyncflow.options import NAMES, RunOptions
from asyncflow.worker import current, local_modules
from asyncflow.worker.codec import dumps
from asyncflow.worker.shortened import is_utf8

if TYPE_CHECKING:
    from asyncflow.dispatch.scheduler import Scheduler
    from asyncflow.recovery.outage import Outage
    from asyncflow.runs.node import NodeState

OTHER_THREAD = (
    "called from another thread than the event loop's: use an `async def` function, "
    "`anyio.from_thread.run`, or `asyncflow.sync`"
)

T = TypeVar("T")

RESERVED = frozenset({"wait", "block", "blocking", "wait_for"})
"""Names that ``submit`` refuses as properties: they mean something in the field, and
what has no effect must not look as if it had."""

NOT_YET = frozenset({"skip", "skip_existing"})
"""Names that either verb refuses: to keep one as a property would look as if it worked."""

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "create_scenario": (
        *("config", "creation_date", "name", "exist_ok", "inputs", "properties"),
    ),
    "submit": (*NAMES, "properties", "wait"),  # the last on the blocking face
}
"""The options of the verbs that take properties beside them."""


def check_arguments(config: object, adopt: object, version: object) -> None:
    """Refuse what no orchestrator can be made of."""
    if not isinstance(config, Configuration):
        raise TypeError(
            f"config is a Configuration; got {config!r}. The place of the store is "
            "given by name: Orchestrator(store=...)"
        )

    if not (isinstance(adopt, bool) or callable(adopt)):
        raise TypeError(f"adopt is True, False or a function; got {adopt!r}")

    if version is not None and (type(version) is not str or not version):
        raise TypeError(f"version is a text, or None; got {version!r}")


def check_place() -> None:
    """Refuse to open an orchestrator where it cannot work."""
    is_importing = local_modules.take_importing()

    if current.is_worker:
        error = InsideWorker(
            "an Orchestrator cannot be opened inside a job's worker process: submit "
            "from the program that opened the first one, or start another program"
        )
        error.ends_import = is_importing
        raise error

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise UnsupportedLoop(
            "asyncflow runs on asyncio's event loops only (stock and uvloop): use "
            "anyio.run(main) or asyncio.run(main()), without another backend"
        ) from None


def check_begins(outage: Outage) -> None:
    """Refuse a run where no job starts any more.

    :raises StoreFailed: where the store has failed for good
    :raises NotOpen: where a signal ends the program, and what is open waits for requests
    """
    outage.check()

    if outage.scheduler.in_flight.batcher.is_held:
        raise NotOpen("a signal ends this program: no run begins any more")


def check_options(options: RunOptions) -> None:
    """Refuse options of ``submit`` that mean nothing: fast, where they are not given."""
    if options.timeout is not None:
        check_timeout(options.timeout)

    if options.force is not False:
        check_flag("force", options.force)

    if options.wait_for_data is not False:
        check_flag("wait_for_data", options.wait_for_data)

    if options.progress is not False:
        check_flag("progress", options.progress)

    if options.run_timeout is not None:
        _check_run_timeout(options.run_timeout)

    if type(options.priority) is not float or options.priority:
        _check_priority(options.priority)

    if options.idempotency_key is not None:
        _check_key(options.idempotency_key)

    if options.on_failure not in ("continue", "stop"):
        raise ValueError(
            f"on_failure is 'continue' or 'stop'; got {options.on_failure!r}"
        )

    if options.callbacks:
        check_callbacks_are_many(options.callbacks)

    if options.properties:
        check_dict("properties", options.properties)

    if (options.properties or options.keywords) and (names := _reserved(options)):
        raise TypeError(
            f"submit() has no option {', '.join(sorted(names))} in this version, and "
            "these names cannot be properties: `await submission` waits for the end"
        )


def check_dict(name: str, given: object) -> None:
    """Refuse what holds no values by their names.

    :raises TypeError: where it is neither a dict nor None
    """
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"{name} is a dict, or None; got {given!r:.100}")


def _reserved(options: RunOptions) -> frozenset[str]:
    return RESERVED.intersection((*options.properties, *(options.keywords or ())))


def _check_key(key: object) -> None:
    if not (isinstance(key, str) and key):
        raise ValueError(
            f"idempotency_key is a text that is not empty, or None; got {key!r}"
        )

    if not is_utf8(key):
        raise ValueError(
            f"idempotency_key {key!a} has half of a character "
            "(a surrogate): decode what it came from as UTF-8"
        )


def check_properties(
    verb: str, properties: Mapping[str, Any], nodes: Collection[str]
) -> None:
    """Refuse properties that look like an option, or like the value of a data node.

    :param verb: ``create_scenario`` or ``submit``
    :param nodes: the config ids of the data nodes
    """
    if not properties:
        return

    from asyncflow.config.checks.typos import node_like, option_like, place_of

    for name in properties:
        if name in NOT_YET:
            raise TypeError(
                f"{verb}() has no option {name!r} in this version: leave it out, or call "
                "a property of your own otherwise"
            )

        if option := option_like(name, verb, OPTIONS[verb]):
            raise TypeError(
                f"{verb}() has no option {name!r}: did you mean {option!r}? A property "
                "of your own needs a name that is less like an option's, or "
                "properties={...}"
            )

        if where := place_of(name, verb):
            raise TypeError(
                f"{verb}() has no option {name!r}: it is one of {where}(); give it there, "
                "or call a property of your own otherwise"
            )

        if node := node_like(name, nodes):
            raise TypeError(
                f"{verb}() knows no data node {name!r}: did you mean {node!r}? A property "
                "of your own needs a name that is less like it, or properties={...}"
            )


def check_name(name: object) -> None:
    """Refuse what is no name of a scenario."""
    if name is not None and not isinstance(name, str):
        raise TypeError(f"a name is a text, or None; got {name!r}")


def check_kept(properties: Mapping[str, Any], owner: str) -> None:
    """Refuse properties that no store can keep.

    :raises NotPicklable: naming the part
    """
    if any(type(value) not in _PLAIN for value in properties.values()):
        dumps(dict(properties), name=f"properties of {owner}")


_PLAIN = (str, int, float, bool, type(None))


def check_workers(count: object) -> None:
    """Refuse what is no number of workers."""
    if not (type(count) is int and 1 <= count <= 1024):
        raise ValueError(f"max_nb_of_workers is from 1 to 1024; got {count!r}")


def _check_run_timeout(run_timeout: object) -> None:
    if not (_is_number(run_timeout) and run_timeout > 0):
        raise ValueError(
            f"run_timeout is in seconds, above 0, or None; got {run_timeout!r}"
        )


def _check_priority(priority: object) -> None:
    if not _is_number(priority):
        raise ValueError(f"priority is a finite number; got {priority!r}")


def _is_number(value: object) -> TypeGuard[float]:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )


def check_inputs(
    scheduler: Scheduler,
    nodes: Iterable[NodeState],
    unknown: Collection[NodeState],
    *,
    run_id: str | None = None,
) -> None:
    """Refuse a run that reads what was never written, and nothing will write.

    :param nodes: those that it reads and does not write
    :param unknown: those that others may have written meanwhile
    :param run_id: the id of one that is only warned of; None for one that is refused
    :raises NoData: naming all of them
    """
    lacking = [
        node
        for node in nodes
        if node.version is None
        and node not in unknown
        and not scheduler.will_be_written(node)
    ]

    if not lacking:
        return

    first, *others = lacking
    error = NoData(
        first.config_id,
        others=tuple(node.config_id for node in others),
        is_durable=first.driver.is_durable,
    )

    if run_id is None:
        raise error

    _logger.warning("%s: %s; the jobs that read this fail", run_id, error)


def check_own(session: object, entity: Any) -> None:
    """Refuse to submit what cannot be, or is of another orchestrator.

    :raises TypeError: where it is no scenario, sequence or task
    :raises UsageError: where another orchestrator has made it, whose its runs are
    """
    check_submittable(entity)
    verbs = getattr(entity, "_verbs", None)

    if getattr(verbs, "session", None) is not session:
        raise UsageError(
            f"{entity.id} is a handle of another Orchestrator: get it from this one, "
            f"`await orchestrator.get({entity.id!r})`, or call its own verbs"
        )


def check_own_scenario(session: object, scenario: Any) -> None:
    """Refuse what is no scenario of this orchestrator; None is one of any."""
    if scenario is not None:
        check_entity(scenario, ids.SCENARIO)
        check_own(session, scenario)


def check_own_run(session: object, what: Any) -> None:
    """Refuse what is no submission, and no job, of this orchestrator."""
    check_entity(what, ids.SUBMISSION, ids.JOB)
    check_own(session, getattr(what, "submission", what).entity)


def fixed(orchestrator: Any, attribute: attrs.Attribute[Any], value: T) -> T:
    """Refuse to change what an orchestrator was made with, while it is open."""
    if attribute.name.startswith("_"):
        return value

    blocks = hasattr(type(orchestrator), "is_running")

    if orchestrator.is_running if blocks else orchestrator.is_open:
        raise UsageError(
            f"{attribute.name} cannot change while the Orchestrator is open: leave it, and "
            f"open another with {attribute.name}="
        )

    return value
