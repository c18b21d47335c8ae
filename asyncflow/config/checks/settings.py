"""What can be wrong with the settings: how jobs are executed, what is kept of runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from asyncflow.abc import Executor
from asyncflow.alternatives import MODES
from asyncflow.config.checks.numbers import (
    BYTES_OR_NONE,
    MAX_BYTES,
    MAX_COUNT,
    SECONDS,
    SECONDS_OR_NONE,
    Number,
)
from asyncflow.config.checks.values import choice, flag, one_of
from asyncflow.config.sections import CoreConfig, JobConfig
from asyncflow.errors import Problem

JOB_NUMBERS: Mapping[str, Number] = {
    "max_nb_of_workers": Number(
        minimum=1,
        maximum=1024,
        whole=True,
        optional=True,
        remedy="give one, or None for the number of usable CPUs",
    ),
    "kill_grace": SECONDS,
    "shutdown_grace": SECONDS,
    "max_jobs_per_worker": Number(
        minimum=1,
        maximum=MAX_COUNT,
        whole=True,
        optional=True,
        remedy="give one, or None for any number of jobs",
    ),
    "max_worker_age": SECONDS_OR_NONE,
    "max_worker_rss": BYTES_OR_NONE,
    "max_log_size": Number(maximum=MAX_BYTES, whole=True, remedy="give bytes"),
    "loop_lag_warning": Number(
        over=True,
        optional=True,
        remedy="give seconds, or None not to watch the event loop",
    ),
}


DAYS = Number(
    maximum=36_500, optional=True, remedy="give days, or None to keep them all"
)

CORE_NUMBERS: Mapping[str, Number] = {
    "keep_days": DAYS,
    "keep_submissions": Number(
        maximum=1000 * MAX_COUNT,
        whole=True,
        optional=True,
        remedy="give one, or None to keep them all",
    ),
    "keep_log_days": DAYS,
}


LABELS = ("development", "experiment", "production")


def job_problems(job: JobConfig) -> Iterator[Problem]:
    """Yield what is wrong with how jobs are executed, free properties aside."""
    yield from _mode(job.mode)
    yield from _echo(job.echo)

    if job.prewarm is not None:
        yield from flag("JOB", "prewarm", job.prewarm)

    if job.address is not None or job.security is not None:
        yield from _cluster(job.address, job.security)

    for field, number in JOB_NUMBERS.items():
        yield from number.problems("JOB", field, getattr(job, field))

    if job.resources != {}:
        from asyncflow.config.checks import resources

        yield from resources.totals("JOB", "resources", job.resources)


def core_problems(core: CoreConfig) -> Iterator[Problem]:
    """Yield what is wrong with the core section, free properties aside."""
    for field, number in CORE_NUMBERS.items():
        yield from number.problems("CORE", field, getattr(core, field))

    yield from flag("CORE", "force", core.force)

    if core.mode is not None:
        yield from choice("CORE", "mode", core.mode, LABELS)

    if core.version_number is not None and type(core.version_number) is not str:
        yield Problem(
            section="CORE",
            field="version_number",
            message=f"{core.version_number!r} is no text",
            remedy="give one, such as '1.2', or None for no version",
        )

    if core.time_zone is not None:
        yield from _time_zone(core.time_zone)

    if core.values is not None or core.values_options != {}:
        yield from _values(core.values, core.values_options)


def _values(place: object, options: object) -> Iterator[Problem]:
    """Look where large values are kept; what may be secret is not shown."""
    if place is not None and not (isinstance(place, str) and place):
        kind = f"it is of type {type(place).__name__}, and no folder or address"
        yield Problem(
            section="CORE",
            field="values",
            message="it is empty" if place == "" else kind,
            remedy="give a text or a pathlib.Path, such as 's3://bucket/values', or None "
            "for the store's folder",
        )

    if not _is_named(options):
        yield Problem(
            section="CORE",
            field="values_options",
            message=f"it is of type {type(options).__name__}, and no options by name",
            remedy="give a dict, such as {'key': ..., 'secret': ...}, or leave it out",
        )


def _is_named(given: object) -> bool:
    return isinstance(given, Mapping) and all(isinstance(name, str) for name in given)


_NO_OBJECTS = (bool, int, float, bytes, list, tuple, set, frozenset)
"""What is neither a text nor an object of a library."""

TLS = (
    *("require_encryption", "extra_conn_args", "tls_ca_file", "tls_ciphers"),
    *("tls_client_cert", "tls_client_key", "tls_scheduler_cert", "tls_scheduler_key"),
    *("tls_worker_cert", "tls_worker_key", "tls_min_version", "tls_max_version"),
)
"""The parameters of Dask's ``Security``. Held here, so that nothing need be loaded."""


def _cluster(address: object, security: object) -> Iterator[Problem]:
    """Look at how a cluster is reached; what may be secret is not shown."""
    if isinstance(address, (*_NO_OBJECTS, Mapping)) or address == "":
        yield Problem(
            section="JOB",
            field="address",
            message=f"{address!r:.100} is no address of a scheduler",
            remedy="give one, such as 'tls://host:8786', or a cluster or client of Dask",
        )

    if isinstance(security, Mapping):
        for name in security:
            if name not in TLS:
                yield Problem(
                    section="JOB",
                    field="security",
                    message=f"{name!r:.100} is no parameter of Dask's Security",
                    remedy=one_of(name, TLS),
                )
    elif isinstance(security, (*_NO_OBJECTS, str)):
        yield Problem(
            section="JOB",
            field="security",
            message=f"it is of type {type(security).__name__}, and no way to a cluster",
            remedy="give a dict of the parameters of distributed.Security, such as "
            "{'tls_ca_file': ...}, or such an object",
        )


def _time_zone(name: object) -> Iterator[Problem]:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)  # type: ignore[arg-type]  # whatever was given
    except (TypeError, ValueError, OSError, KeyError):
        yield Problem(
            section="CORE",
            field="time_zone",
            message=f"{name!r} is no time zone that is known here",
            remedy="give a name such as 'Europe/Paris' or 'UTC'",
        )


def _echo(echo: object) -> Iterator[Problem]:
    if not isinstance(echo, bool) and echo != "live":
        yield Problem(
            section="JOB",
            field="echo",
            message=f"{echo!r} is not a bool",
            remedy="give True or False, or 'live' to print while a job runs",
        )


def _mode(mode: object) -> Iterator[Problem]:
    if not isinstance(mode, str) or not MODES.is_known(mode):
        yield from choice("JOB", "mode", mode, MODES.names())
    elif why := MODES.failure(mode):
        yield Problem(
            section="JOB",
            field="mode",
            message=f"the mode {mode!r} cannot be loaded ({why})",
            remedy="mend or update the package that it is from",
        )
    elif (found := MODES.find(mode)) and found.requires:
        yield from _missing(mode, found)


def _missing(mode: str, executor: type[Executor]) -> Iterator[Problem]:
    from importlib.util import find_spec

    if missing := [name for name in executor.requires if find_spec(name) is None]:
        package = f"'.[{executor.extra}]'" if executor.extra else " ".join(missing)
        yield Problem(
            section="JOB",
            field="mode",
            message=f"the mode {mode!r} needs {', '.join(missing)}",
            remedy=f"pip install {package}",
        )
