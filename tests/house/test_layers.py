"""The layers: imports point up.

`ROWS` holds the house from top to bottom. A module imports, for types too, only from
rows above its own, from its own package where its row allows it, and from outside what
its row names. What a function imports stands in `INNER`, with the reason.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import attrs
import pytest

from tests.support.sources import parsed

PACKAGE = Path(__file__).parents[2] / "asyncflow"

STDLIB = frozenset(sys.stdlib_module_names) | {"__future__"}
HARD = frozenset({"anyio", "attr", "attrs", "cloudpickle"})
"""The hard dependencies, without tomlkit, which only what writes TOML imports."""

REGISTRIES = frozenset({"drivers", "executors", "stores"})
"""Packages that list what is in them, as text: they import nothing, and all from
`alternatives` on may import them, but none of their modules."""

PICKED: Mapping[tuple[str, str], str] = {
    ("runtime.open", "executors._lazy"): "it stands for those that are not loaded yet",
    ("runtime.open", "drivers._undeclared"): "it stands for what nobody declares",
    ("runtime.values_place", "drivers._values_at"): "whichever drivers keep versions",
    ("runtime.held_values", "drivers._held"): "the same",
    ("runtime.wiring", "stores._address"): "what kind of store is meant",
    ("cli.store_command", "stores._reader"): "older ones are looked at, too",
    ("cli.copying", "stores._reader"): "the same",
    ("cli.copying", "stores._folder"): "copies are for this user alone, too",
    ("cli.records", "stores._address"): "what kind of store is meant",
    ("runtime.exporting", "stores._properties"): "archives have them as stores do",
    ("runtime.importing", "stores._properties"): "the same",
    ("testing.simulation.disk", "stores.memory"): "what a simulated disk keeps",
    ("testing.simulation.store", "stores.memory"): "the same",
    ("testing.simulation.writer", "stores.memory"): "the same",
}
"""Modules of alternatives that others import, and why."""

Siblings = Literal["all", "private", "none"]


@attrs.frozen(kw_only=True)
class Row:
    """Modules and packages that are beside each other, and see nothing of each other."""

    nouns: tuple[str, ...]
    """The modules and packages in the top folder."""

    outside: frozenset[str] = HARD
    """What may be imported from outside, besides the standard library."""

    siblings: Siblings = "all"
    """Which modules of its own package a module may import; private ones start with _."""

    unseen: tuple[str, ...] = ()
    """What it may not import, though it is above."""


PICKING = Row(nouns=("alternatives",), outside=frozenset())

ROWS = (
    Row(nouns=("gc_pause", "ids"), outside=frozenset()),
    Row(nouns=("worker",), outside=frozenset({"cloudpickle"})),
    Row(nouns=("acting", "bytecode", "facts", "secret", "status"), outside=frozenset()),
    Row(
        nouns=("display", "errors", "folder", "log", "options", "records"),
        outside=frozenset({"attrs"}),
    ),
    Row(nouns=("background", "callers", "slices", "task_group")),
    Row(nouns=("filters",), outside=frozenset()),
    Row(nouns=("comparing",), outside=frozenset()),
    Row(nouns=("arrow_conditions", "column_names"), outside=frozenset()),
    Row(nouns=("selection",), outside=frozenset()),
    Row(nouns=("column_statistics",), outside=frozenset()),
    Row(nouns=("abc",)),
    PICKING,
    Row(nouns=("config",)),
    Row(nouns=("events",)),
    Row(nouns=("runs",)),
    Row(nouns=("entities",)),
    Row(nouns=("fingerprint",), outside=frozenset({"attrs", "cloudpickle"})),
    Row(nouns=("plan",), outside=frozenset({"attrs"})),
    Row(nouns=("values",)),
    Row(nouns=("dispatch", "notify")),
    Row(nouns=("recovery",)),
    Row(
        nouns=("executors", "drivers", "stores"),
        siblings="private",
        unseen=("fingerprint", "plan", "values", "dispatch", "notify", "recovery"),
    ),
    Row(nouns=("runtime",)),
    Row(nouns=("orchestrator",)),
    Row(nouns=("otel", "sync", "testing")),
    Row(
        nouns=("web",),
        outside=HARD | {"jinja2", "starlette"},
        unseen=("otel", "sync", "testing"),
    ),
    Row(nouns=("cli",), outside=HARD | {"click"}, unseen=("otel", "sync", "testing")),
    Row(nouns=("__main__",)),
)

NARROW: Mapping[str, frozenset[str]] = {
    # Drivers are imported in workers, and their seam with them.
    "abc": frozenset({"worker"}),
    "abc.driver": frozenset({"selection", "worker"}),
    "abc.executor": frozenset({"worker"}),
    "abc.store": frozenset({"worker"}),
}
"""Modules that see less at run time, outside ``if TYPE_CHECKING``, than for types."""

OUTSIDE: Mapping[str, frozenset[str]] = {
    "config.data_node": frozenset({"typing_extensions"}),  # for types alone
    "config.toml.text": frozenset({"tomlkit"}),
    "drivers._sql": frozenset({"sqlalchemy"}),
    "drivers._sql_conditions": frozenset({"sqlalchemy"}),
    "drivers._sql_errors": frozenset({"sqlalchemy"}),
    "drivers._writes": frozenset({"sqlalchemy"}),
    "drivers.sql": frozenset({"sqlalchemy"}),
    "drivers.sql_table": frozenset({"sqlalchemy"}),
    "executors.dask.adoption": frozenset({"distributed"}),
    "executors.dask.connect": frozenset({"distributed"}),
    "executors.dask.held": frozenset({"distributed"}),
    "executors.dask.left": frozenset({"distributed"}),
    "executors.dask.local": frozenset({"dask", "distributed"}),
    "executors.dask.owner_watch": frozenset({"distributed"}),
    "executors.dask.plugin": frozenset({"distributed"}),
    "executors.dask.shared_folder": frozenset({"distributed"}),
    "executors.dask.silence": frozenset({"distributed"}),
    "executors.dask.transport": frozenset({"distributed"}),
    "executors.dask.worker_list": frozenset({"distributed"}),
    "otel": frozenset({"opentelemetry"}),
    "stores._postgres": frozenset({"psycopg"}),
    "stores._postgres_changes": frozenset({"psycopg"}),
    "testing._asyncio": frozenset({"pytest", "pytest_asyncio"}),
    "testing.plugin": frozenset({"pytest"}),
}
"""More that a module may import from outside: a driver's or a face's optional extra."""

INNER: Mapping[tuple[str, str], str] = {
    ("worker.entry_points", "worker.trip"): "only in a worker",
    ("executors.process.workers", "executors.process.stacks"): "only when asked for",
    ("recovery.remote_runs", "recovery.dead_runs"): "only after a crash",
    ("dispatch.retries", "dispatch.lost_values"): "only where a value was lost",
    ("runtime.open", "runtime.held_values"): "only where values stay in a cluster",
    ("cli.graph_command", "cli.code"): "only for what a module declares",
    ("cli.diff_command", "cli.code"): "the same",
    ("cli.store_command", "cli.running"): "only where a store is opened",
    ("cli.store_command", "runtime.wiring"): "the same",
    ("cli.cancel_command", "cli.running"): "only where something runs",
    ("cli.cancel_command", "orchestrator"): "the same",
    ("cli.cancel_command", "anyio"): "the same",
    ("cli.delete_command", "cli.running"): "only where something is found to delete",
    ("cli.delete_command", "orchestrator"): "the same",
    ("cli.pause_command", "cli.running"): "only where something runs",
    ("cli.pause_command", "orchestrator"): "the same",
    ("cli.gc_command", "cli.running"): "only where runs are removed",
    ("cli.gc_command", "orchestrator"): "the same",
    ("stores._reader", "stores._folder"): "only where files are looked at",
    ("stores._reader", "stores._sqlite_files"): "the same",
    ("runtime.membership", "runtime.remote_output"): "only where a job is followed",
    ("runtime.handle_verbs", "runtime.remote_output"): "only of other processes' jobs",
    ("values.files", "values.lost"): "only where files are looked at",
    ("cli.value_files", "cli.code"): "only for what a module declares",
    ("cli.value_files", "config"): "only where values may be elsewhere",
    ("cli.value_files", "runtime.values_place"): "the same",
    ("cli", "click"): "an extra: who has it not is told",
    ("cli", "cli.group"): "the same",
    ("cli.group", "difflib"): "only where something is wrong",
    ("cli.records", "cli.any_store"): "only for stores that have to be opened",
    ("cli.ui_command", "web.dashboard"): "an extra: who has it not is told",
    ("cli.ui_command", "starlette"): "the same",
    ("cli.ui_command", "uvicorn"): "the same",
    ("cli.logs_command", "cli.following"): "only where a run is followed",
    ("display.progress", "rich"): "an extra: only where a run is shown",
    ("runtime.engine", "notify.elsewhere"): "only where somebody listens to others",
    ("stores.postgres", "stores._postgres_changes"): "the same",
    ("stores.postgres", "stores._sizes"): "the same",
    ("stores.sqlite", "stores._sqlite_changes"): "the same",
    ("stores.sqlite", "stores._sizes"): "only where it is measured",
    ("runtime.pruning", "notify.entities"): "only where somebody listens",
    ("config.converters", "secret"): "only where a data node has options",
    ("orchestrator", "runtime.listing"): "a first run lists nothing",
    ("orchestrator", "runtime.submission_listing"): "the same",
    ("stores._store", "stores._submission_search"): "the same",
    ("stores.memory", "stores._sought"): "the same",
    ("runtime.engine", "runtime.data_arrival"): "few runs wait for data",
    ("entities.data_node", "entities.edits"): "a first run edits nothing by hand",
    ("values.editing", "entities.edits"): "the same",
    ("runtime.sequencing", "notify.entities"): "only where somebody is told",
    ("config.scenario", "config.amending"): "few programs amend what they declare",
    ("stores._store", "stores._scenario_search"): "a first run lists nothing",
    ("stores._tables", "stores._scenario_list"): "the same",
    ("orchestrator", "runtime.comparing"): "a first run compares nothing",
    ("runtime.preparation", "values.outside"): "only where places are the user's",
    ("values.readers", "values.large_reads"): "only where a value is large",
    ("values.versions", "values.default_data"): "only where a value needs a file",
    ("values.versions", "values.readers"): "only for values that are not in memory",
    ("values.editing", "values.outside"): "only where places are the user's",
    ("values.versions", "values.outside"): "only where places are the user's",
    ("values.versions", "values.reading"): "only where somebody writes by hand",
    ("config.checks.data_nodes", "secret"): "only where something is wrong",
    ("config.scenario", "display.tasks"): "only where somebody looks",
    ("entities.submittable", "display.tasks"): "the same",
    ("entities.submission", "display.tasks"): "the same",
    ("config.configuration", "config.shown"): "only where somebody shows it",
    ("entities.submission", "entities.charts"): "the same",
    ("entities.submission", "entities.shown_run"): "the same",
    ("entities.submittable", "entities.rich"): "only where a notebook shows it",
    ("entities.handle", "entities.rich"): "the same",
    ("entities.handle", "entities.notebook"): "the same",
    ("sync.forwarding", "entities.notebook"): "the same",
    ("entities.notebook", "IPython"): "an extra: only where it runs",
    ("entities.submittable", "entities.tracing"): "the same",
    ("entities.submission", "entities.reporting"): "the same",
    ("config.data_node", "config.lookup"): "only for what is found in the environment",
    ("config.checks.sections", "config.env"): "the same",
    ("config.configuration", "config.env"): "the same",
    ("secret", "urllib"): "only for errors of what has a secret",
    ("config.checks.tasks", "config.checks.resources"): "few tasks need any",
    ("config.checks.sections", "config.checks.typos"): "only for properties of users",
    ("config.checks.settings", "config.checks.resources"): "few programs have any",
    (
        "config.checks.tasks",
        "config.checks.exception_names",
    ): "few tasks name exceptions",
    ("config.retry", "config.checks.exception_names"): "the same",
    ("runtime.checks", "config.checks.typos"): "only for properties of users",
    ("runtime.session", "config.checks.taipy_keys"): "the same",
    ("runtime.session", "config.checks.stray_options"): "the same",
    ("runtime.session", "config.checks.unused_options"): "only for options of users",
    (
        "runtime.handle_verbs",
        "runtime.redeclared",
    ): "only where something was declared since the opening",
    ("runtime.open", "drivers._undeclared"): "few programs look without the code",
    ("config.checks.names", "unicodedata"): "its tables: few ids are not ASCII",
    ("config.checks.data_nodes", "importlib"): "only for drivers of other packages",
    ("config.checks.settings", "importlib"): "few modes need a package",
    ("config.checks.values", "difflib"): "only where something is wrong",
    ("config.configuration", "config.toml.source"): "tomllib: few programs load",
    ("config.configuration", "config.layers"): "the same",
    ("config.configuration", "config.app_config"): "few programs have it",
    ("config.data_nodes", "config.defaults"): "the same",
    ("config.section", "config.attributes"): "only for properties of users",
    ("config.configuration", "config.toml.write"): "tomlkit: few programs export",
    ("worker.digests", "glob"): "only where a value was not kept",
    ("abc.driver", "selection"): "only for parts of values",
    ("values.versions", "worker.validation"): "few data nodes have a validator",
    ("worker.outputs", "worker.validation"): "few data nodes have a validator",
    ("worker.outputs", "worker.intent"): "only for places of users",
    ("recovery.recovery", "recovery.settling"): "only after a crash",
    ("recovery.recovery", "recovery.going_on"): "the same",
    ("recovery.recovery", "values.lost"): "the same",
    ("executors.process.worker", "worker.intent"): "only after a kill",
    (
        "executors.process.current_code",
        "executors.process.patched",
    ): "only where a file was edited",
    ("drivers._writes", "sqlalchemy"): "an extra: where a database is asked",
    ("values.editing", "entities.parts"): "it is loaded already",
    ("values.readers", "entities.parts"): "the same",
    ("entities.data_node", "entities.parts"): "only for parts of values, and for files",
    ("column_statistics", "numpy"): "an extra: it is loaded already",
    ("column_statistics", "pyarrow"): "the same",
    ("selection", "numpy"): "an extra: it is loaded already",
    ("drivers._sql", "sqlalchemy"): "an extra: where a database is asked",
    ("drivers._sql_conditions", "sqlalchemy"): "the same",
    ("drivers.sql", "sqlalchemy"): "the same",
    ("drivers._sql_errors", "sqlite3"): "only where something is wrong",
    ("drivers._sql_errors", "sqlalchemy"): "the same",
    ("drivers.generic", "asyncio"): "only for async functions",
    ("drivers.generic", "concurrent"): "the same",
    ("drivers.generic", "traceback"): "only where a function raises",
    ("drivers.mongo_collection", "pymongo"): "an extra: where a server is asked",
    ("drivers.mongo_collection", "bson"): "the same",
    ("drivers.s3_object", "botocore"): "the same",
    ("drivers.sql_table", "sqlalchemy"): "the same",
    ("drivers._file_systems", "fsspec"): "the same",
    ("runtime.open", "runtime.values_place"): "few stores have an address",
    ("runtime.wiring", "secret"): "the same",
    ("drivers._remote_packages", "fsspec"): "the same",
    ("drivers._file", "drivers._remote"): "only for addresses",
    ("drivers._file", "drivers._remote_packages"): "the same",
    ("drivers.parquet", "drivers._remote_partitioned"): "the same",
    ("drivers._remote", "drivers._table_cache"): "only where a worker reads a table",
    ("drivers._file", "drivers._table_cache"): "only where a worker reads a table",
    ("entities.parts", "pandas"): "only where a frame is made, by who has it",
    ("drivers._table_cache", "pandas"): "it is loaded already",
    ("drivers.pickle", "drivers._options"): "the same",
    ("selection", "polars"): "an extra: only where polars reads",
    ("arrow_conditions", "pyarrow"): "an extra: only where Arrow reads",
    ("worker.digests", "worker.contents"): "only for sets, and what a script defines",
    ("alternatives", "importlib"): "only for what is not built in",
    ("runtime.wiring", "stores._address"): "only where a store has no class yet",
    ("worker.main", "runpy"): "only for the host's own calls",
    ("worker.outcome", "datetime"): "workers need none; who reads a usage does",
    ("runtime.open", "runtime.loop_monitor"): "only where it is asked for",
    (
        "recovery.remote_runs",
        "recovery.remote_view",
    ): "only for runs of other processes",
    ("runtime.engine", "runtime.acceptance"): "only for keys, and where others are",
    ("runtime.engine", "values.inputs"): "few runs are given anything",
    ("runtime.engine", "notify.subscriptions"): "only where functions are called",
    ("runtime.engine", "notify.stream"): "only where somebody listens",
    ("runtime.engine", "dispatch.job_listing"): "a first run lists nothing",
    ("entities.submission", "runs.run_events"): "only where somebody reads events",
    ("notify.bus", "runs.run_events"): "the same",
    ("notify.bus", "events"): "the same",
    ("notify.listener", "runs.run_events"): "the same",
    ("recovery.loader", "recovery.parts"): "only where a part is asked for by its id",
    ("recovery.loader", "recovery.undeclared"): "few programs look without the code",
    ("recovery.loader", "values.inputs"): "only for runs of before",
    ("runtime.engine", "runtime.calendar"): "few scenarios have a frequency",
    ("entities.identity_map", "entities.cycle"): "the same",
    ("config.checks.scenarios", "config.frequency"): "the same",
    ("config.checks.settings", "zoneinfo"): "the same",
    ("orchestrator", "runtime.permissions"): "only where it is asked for",
    ("runtime.handle_verbs", "runtime.permissions"): "the same",
    ("orchestrator", "runtime.parents"): "the same",
    ("runtime.handle_verbs", "runtime.parents"): "the same",
    ("runtime.deletion", "notify.entities"): "only where somebody listens",
    ("orchestrator", "runtime.global_nodes"): "the same",
    ("notify.subscriptions", "notify.event_calls"): "only where it is asked for",
    ("runtime.handle_verbs", "runtime.pausing"): "only where a run is paused",
    ("runtime.membership", "runtime.pausing"): "the same",
    ("runtime.handle_verbs", "runtime.retrying"): "only where a run is run again",
    ("runtime.membership", "runtime.retrying"): "the same",
    ("runtime.handle_verbs", "runtime.updating"): "only where something is changed",
    ("runtime.handle_verbs", "runtime.lineage"): "only where it is asked for",
    ("runtime.handle_verbs", "runtime.duplication"): "only where something is copied",
    ("runtime.handle_verbs", "runtime.difference"): "only where that is asked for",
    ("runtime.handle_verbs", "runtime.exporting"): "the same",
    ("orchestrator", "runtime.importing"): "the same",
    ("orchestrator", "runtime.cleaning"): "the same",
    ("runtime.cleaning", "notify.entities"): "only where somebody listens to that",
    ("runtime.session", "runtime.label_opening"): "only where there is a version",
    (
        "runtime.session",
        "runtime.interruption",
    ): "only where a signal ends a web server",
    ("config.configuration", "config.migrations"): "only where there is a function",
    ("runtime.handle_verbs", "notify.entities"): "only where somebody listens to that",
    ("runtime.engine", "notify.entities"): "the same",
    ("runtime.updating", "notify.entities"): "the same",
    ("runtime.calendar", "notify.entities"): "the same",
    ("notify.stream", "notify.entities"): "the same",
    (
        "runtime.handle_verbs",
        "runtime.job_output",
    ): "few programs read what jobs printed",
    ("runtime.engine", "runtime.deletion"): "only where it is asked for",
    ("runtime.engine", "runtime.placing"): "only where paths are templates",
    ("runtime.engine", "runtime.creation"): "only where it is asked for",
    ("runtime.engine", "runtime.keywords"): "few runs are given anything",
    ("values.inputs", "worker.validation"): "few data nodes have a validator",
    ("values.inputs", "shutil"): "few file systems have no links",
    ("runtime.handle_verbs", "runtime.unwritten"): "only where a value is missing",
    ("runtime.engine", "runtime.pruning"): "only where it is asked for",
    ("runtime.membership", "recovery.run_feed"): "only where others watch",
    (
        "config.configuration",
        "config.task_function",
    ): "only where functions are decorated",
    ("config.configuration", "config.attributes"): "only where something is wrong",
    ("config.task_function", "config.attributes"): "the same",
    ("config.data_nodes", "config.checks.values"): "the same",
    ("orchestrator", "entities.remedies"): "only where something is wrong",
    ("entities.handle", "entities.remedies"): "only where something is wrong",
    ("entities.job", "entities.remedies"): "only where something is wrong",
    ("entities.scenario", "entities.remedies"): "only where something is wrong",
    ("entities.submission", "entities.remedies"): "only where something is wrong",
    ("sync", "sync.remedies"): "only where something is wrong",
    ("sync.forwarding", "entities.remedies"): "only where something is wrong",
    ("dispatch.skipping", "entities.planned"): "only where a plan is asked for",
    ("notify.counters", "entities.statistics"): "only where they are asked for",
    ("ids", "uuid"): "only for idempotency keys",
    ("dispatch.scheduler", "dispatch.live_echo"): "only where output is shown at once",
    ("orchestrator", "runtime.open"): "the engine: it is loaded while a worker starts",
    (
        "stores.sqlite",
        "stores._sqlite",
    ): "sqlite3: it is loaded in the thread that opens",
    (
        "dispatch.call_spec",
        "fingerprint.fingerprint",
    ): "only for tasks that may be skipped: it loads OpenSSL",
    ("dispatch.call_spec", "dispatch.redefined"): "only in an interactive session",
    ("runtime.session", "dispatch.redefined"): "the same",
    ("dispatch.call_spec", "worker.reloaded"): "only for what this process calls",
    ("testing.plugin", "config"): "pytest loads the plugin in every project",
    ("testing.plugin", "testing._asyncio"): "pytest-asyncio: not everybody has it",
    (
        "testing.plugin",
        "testing._orchestrators",
    ): "the engine: pytest loads the plugin always",
    ("testing.plugin", "testing.faults"): "the engine: pytest loads the plugin always",
    ("worker.channel", "socket"): "few jobs report how far they have come",
    ("worker.codec", "worker.steps"): "only for what the program itself writes",
    ("worker.values", "worker.steps"): "only for large values",
    ("worker.codec", "worker.pickler"): "cloudpickle: only for what has no module",
    ("worker.codec", "worker.per_process"): "only for what cannot be pickled",
    ("worker.digests", "hashlib"): "OpenSSL: only for what skippable tasks read",
    ("worker.main", "worker.pickler"): "cloudpickle: only for what has no module",
    ("worker.trip", "worker.by_value"): "cloudpickle: only for what has no module",
    ("worker.mapping", "ctypes"): "only for large values, before Python 3.13",
    ("worker.parent", "ctypes"): "only in a worker",
    ("worker.streams", "ctypes"): "only in a worker",
    ("worker.process", "worker.log_state"): "only in a worker",
    ("worker.process", "worker.state"): "only in a worker",
    ("worker.process", "worker.terminal"): "the same",
    ("worker.replacing", "shutil"): "compression: only where a link leads elsewhere",
    ("worker.trip", "asyncio"): "only for a coroutine that nobody saw coming",
    ("worker.sparse_file", "ctypes"): "only where a log is large",
    ("worker.current", "opentelemetry"): "an extra: only for jobs that are traced",
}
"""What functions import, of ours or from outside, and why not at the top."""

PURE = "plan"
"""The folder that decides."""

PURE_SEES = frozenset(
    {"config", "entities", "errors", "events", "facts", "runs", "status"}
)
PURE_OUTSIDE = STDLIB - {
    "anyio",
    "asyncio",
    "logging",
    "os",
    "random",
    "secrets",
    "sqlite3",
    "subprocess",
    "threading",
    "time",
    "uuid",
    "warnings",
} | {"attrs"}
CLOCKS = frozenset({"now", "today", "utcnow"})


@attrs.frozen(kw_only=True)
class Import:
    """One imported module."""

    target: str
    """With its package's name; a module of ours without: ``errors``."""

    ours: bool
    line: int
    typing: bool
    inner: bool


def modules(package: Path) -> dict[str, Path]:
    """Find the modules by their names in the package; packages are ``stores``."""
    found = {}

    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path

    # The public names: imported by nobody here, and lazily (see test_public_names.py).
    found.pop("", None)
    return found


def imports(
    name: str, tree: ast.Module, known: Mapping[str, Path], package: str
) -> Iterator[Import]:
    is_package = known[name].name == "__init__.py"
    here = [package, *name.split(".")][: None if is_package else -1]

    def visit(node: ast.AST, typing: bool, inner: bool) -> Iterator[Import]:
        for target in targets(node):
            first, _, rest = target.partition(".")
            ours = first == package

            if ours:
                # `from asyncflow.errors import NotFound` means `asyncflow.errors`.
                while "." in rest and rest not in known:
                    rest = rest.rpartition(".")[0]

                if rest not in known and row_of(rest) is None:
                    rest = ""

            line = getattr(node, "lineno", 0)
            yield Import(
                target=rest if ours else first,
                ours=ours,
                line=line,
                typing=typing,
                inner=inner,
            )

        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for statement in node.body:
                yield from visit(statement, True, inner)

            for statement in node.orelse:
                yield from visit(statement, typing, inner)

            return

        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)

        for child in ast.iter_child_nodes(node):
            yield from visit(child, typing, inner or inside)

    def targets(node: ast.AST) -> Iterator[str]:
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = here[: len(here) - level + 1] if level else []
                start = ".".join([*base, *([module] if module else [])])

                for alias in names:
                    yield f"{start}.{alias.name}"
            case ast.Call(
                func=ast.Name(id=called) | ast.Attribute(attr=called),
                args=[ast.Constant(value=str(text)), *_],
            ):
                if called in {"import_module", "__import__"}:
                    yield text if text[0] != "." else ".".join(here) + text

    yield from visit(tree, False, False)


@cache
def row_of(name: str) -> int | None:
    noun = name.partition(".")[0]
    return next((i for i, row in enumerate(ROWS) if noun in row.nouns), None)


def refusal(name: str, it: Import) -> str | None:
    """Say why a module may not import something, or None where it may."""
    index = row_of(name)
    assert index is not None
    row = ROWS[index]
    noun = name.partition(".")[0]

    if it.inner and (name, it.target) not in INNER:
        return "inside a function: move it to the top, or give the reason in INNER"

    if not it.ours:
        allowed = row.outside | OUTSIDE.get(name, frozenset())

        if noun == PURE:
            allowed = PURE_OUTSIDE
        elif it.target in STDLIB or (name, it.target) in INNER:
            return None

        if it.target in allowed:
            return None

        return f"from outside this row sees the standard library, {sorted(row.outside)}"

    seen = it.target.partition(".")[0]

    if name in REGISTRIES:
        return "a registry is text: it imports nothing"

    if it.target in REGISTRIES and index >= ROWS.index(PICKING):
        return None

    if not seen:
        return "import a name from the module that defines it, not from its public face"

    if seen == noun:
        last = it.target.rpartition(".")[2]
        is_free = row.siblings == "all" or (
            row.siblings == "private"
            and (last.startswith("_") or in_one_folder(name, it.target))
        )
        return None if is_free else "alternatives are blind to each other"

    above = {noun for row in ROWS[:index] for noun in row.nouns} - set(row.unseen)

    if noun == PURE:
        above &= PURE_SEES

    if not it.typing:
        above &= NARROW.get(name, above)

    if seen not in above:
        return f"it may import from {sorted(above)}"

    if seen in REGISTRIES and (name, it.target) not in PICKED:
        return "alternatives are picked by `asyncflow.alternatives`"

    return None


def in_one_folder(name: str, other: str) -> bool:
    """Tell whether two modules are parts of one alternative: a folder of its own."""
    folder = name.rpartition(".")[0]
    return "." in folder and folder == other.rpartition(".")[0]


def impurities(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case (
                ast.AsyncFunctionDef(lineno=line)
                | ast.Await(lineno=line)
                | ast.AsyncFor(lineno=line)
                | ast.AsyncWith(lineno=line)
            ):
                yield line, "the plan decides, dispatch waits"
            case ast.Call(func=ast.Attribute(attr=attr), lineno=line) if attr in CLOCKS:
                yield line, "the plan has no clock: let the event carry the time"
            case ast.Call(func=ast.Name(id="print" | "open"), lineno=line):
                yield line, "the plan does no I/O"


def violations(package: Path) -> list[str]:
    """Check every module of a package; say what is wrong with it, line by line."""
    known = modules(package)
    wrong = []

    for name, path in known.items():
        if row_of(name) is None:
            wrong.append(
                f"{name.partition('.')[0]} is in no row: add it to ROWS in "
                f"{Path(__file__).name}, below all that it imports"
            )
            continue

        tree = parsed(path.read_bytes())
        where = path.relative_to(package.parent).as_posix()

        for it in imports(name, tree, known, package.name):
            if why := refusal(name, it):
                target = f"{package.name}.{it.target}" if it.ours else it.target
                wrong.append(f"{where}:{it.line}: imports {target}; {why}")

        if name.partition(".")[0] == PURE:
            wrong += [f"{where}:{line}: {why}" for line, why in impurities(tree)]

    return sorted(set(wrong))


def test_imports_point_up() -> None:
    assert modules(PACKAGE)

    if found := violations(PACKAGE):
        pytest.fail("\n".join(found), pytrace=False)


def test_every_exception_is_needed() -> None:
    known = modules(PACKAGE)
    found = {
        (name, it.target): it.inner
        for name, path in known.items()
        for it in imports(name, parsed(path.read_bytes()), known, PACKAGE.name)
    }
    idle = [key for key in INNER if key not in found]
    idle += [
        (name, target)
        for name, targets in OUTSIDE.items()
        for target in targets
        if (name, target) not in found
    ]
    idle += [key for key in PICKED if key not in found]
    assert idle == []


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("worker/a.py", "import attrs", "outside"),
        (
            "worker/b.py",
            "from asyncflow.errors import NotFound",
            "may import from ['gc_pause', 'ids']",
        ),
        (
            "errors.py",
            "import asyncflow.config",
            "may import from ['acting', 'bytecode', 'facts', 'gc_pause', 'ids', 'secret', 'status', 'worker']",
        ),
        ("config/a.py", "from ..entities import Job", "may import from"),
        ("config/b.py", "from ..entities import job as job", "entities.job"),
        ("config/c.py", "from asyncflow import Config", "public face"),
        ("config/d.py", "from .. import Config", "public face"),
        ("config/e.py", "import tomlkit", "outside"),
        ("config/f.py", "def f():\n    import tomlkit", ":2: imports tomlkit; inside"),
        ("config/g.py", "import_module('asyncflow.sync')", "may import from"),
        ("events.py", "from .entities.job import Job", "may import from"),
        ("entities/b.py", "from ..plan.plan import Plan", "may import from"),
        (
            "entities/a.py",
            "if TYPE_CHECKING:\n    from ..orchestrator import Orchestrator",
            ":2: imports asyncflow.orchestrator",
        ),
        ("abc.py", "from asyncflow.entities import Job", "may import from ['worker']"),
        (
            "dispatch/scheduler.py",
            "from ..executors.process import P",
            "may import from",
        ),
        ("plan/plan.py", "from ..abc import Store", "may import from"),
        ("plan/plan.py", "import time", "outside"),
        ("plan/plan.py", "from ..dispatch.runs import Runs", "may import from"),
        ("values/a.py", "from ..dispatch.runs import Runs", "may import from"),
        ("notify/a.py", "from ..dispatch.runs import Runs", "may import from"),
        ("dispatch/a.py", "from ..recovery.peers import P", "may import from"),
        ("recovery/a.py", "from ..runtime.engine import E", "may import from"),
        ("plan/run_order.py", "import time", "outside"),
        ("plan/plan.py", "from uuid import uuid4", "outside"),
        ("plan/plan.py", "import anyio", "outside"),
        ("plan/plan.py", "async def f(): pass", "waits"),
        ("plan/plan.py", "x = datetime.now()", "clock"),
        ("drivers/__init__.py", "from .pickle import P", "a registry is text"),
        ("config/h.py", "from ..drivers.pickle import P", "may import from"),
        ("errors.py", "from .stores import BUILT_IN", "may import from"),
        ("runtime/a.py", "from ..stores.sqlite import S", "picked by"),
        ("executors/a.py", "from ..drivers.pickle import P", "may import from"),
        ("executors/b.py", "from .process import P", "blind"),
        ("executors/c.py", "from ..plan import Plan", "may import from"),
        ("stores/a.py", "from ..orchestrator import O", "may import from"),
        ("orchestrator.py", "from .sync import O", "may import from"),
        ("web/a.py", "from ..sync import O", "may import from"),
        ("attic.py", "", "attic is in no row"),
    ],
)
def test_a_breach_is_found(tmp_path: Path, name: str, text: str, words: str) -> None:
    there = ("entities/job.py", "drivers/pickle.py", "executors/process.py")
    package = make(tmp_path, dict.fromkeys((*there, "stores/sqlite.py"), ""))
    assert violations(package) == []

    make(tmp_path, {name: text})
    (found,) = violations(package)
    assert words in found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("worker/a.py", "import cloudpickle, os\nfrom . import b\nfrom .b import x"),
        ("config/a.py", "from ..errors import E\nfrom asyncflow.config.b import c"),
        ("abc.py", "if TYPE_CHECKING:\n    from asyncflow.records import Record"),
        ("plan/plan.py", "import attrs, heapq\nfrom ..entities import job"),
        (
            "executors/process/executor.py",
            "from .pool import Pool\nfrom ...abc import Executor",
        ),
        ("orchestrator.py", "from .executors import BUILT_IN\nimport anyio.abc"),
        ("config/b.py", "from asyncflow.executors import DEFAULT"),
        ("alternatives.py", "from asyncflow import drivers, executors"),
        ("__main__.py", "from .cli import main"),
    ],
)
def test_what_is_allowed_passes(tmp_path: Path, name: str, text: str) -> None:
    siblings = {"worker/b.py": "", "config/b.py": "", "executors/process/pool.py": ""}
    package = make(tmp_path, {**siblings, name: text})
    assert violations(package) == []


def make(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in {"__init__.py": "from .sync import *", **files}.items():
        path = folder / "asyncflow" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return folder / "asyncflow"
