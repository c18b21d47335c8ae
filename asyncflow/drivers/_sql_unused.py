"""Options of a database that have no effect, as they are for another kind of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

OF_SERVERS = frozenset(
    {"db_username", "db_password", "db_host", "db_port", "db_driver", "db_extra_args"}
)
OF_FILES = frozenset({"sqlite_folder_path", "sqlite_file_extension"})


def unused_of(options: Any) -> Iterator[str]:
    """Say which of the options have no effect, each in one sentence."""
    given = {
        field.name
        for field in attrs.fields(type(options))
        if getattr(options, field.name) not in (field.default, "", None)
    }
    for_servers, for_files = sorted(given & OF_SERVERS), sorted(given & OF_FILES)

    if options.url is not None:
        for name in (*for_servers, *for_files):
            yield f"{name} has no effect beside url: say it there"
    elif options.engine == "sqlite":
        for name in for_servers:
            if name != "db_extra_args":
                yield f"{name} is for a server, and SQLite has none"
    else:
        for name in for_files:
            yield f"{name} is for SQLite"

        if options.db_driver and options.engine != "mssql":
            yield "db_driver is for mssql: give url, as in 'mysql+mysqldb://...'"
