"""What a PostgreSQL server says that goes wrong: what happened, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from asyncflow.errors import StoreUnavailable

CONNECTING: Mapping[str, tuple[str, str]] = {
    "password authentication failed": (
        "the server does not accept the password",
        "give the right one in the URL, PGPASSWORD or ~/.pgpass",
    ),
    "no password supplied": (
        "the server asks for a password",
        "give it in the URL, PGPASSWORD or ~/.pgpass",
    ),
    "no pg_hba.conf entry": (
        "the server does not let this user in from here",
        "have its pg_hba.conf changed, or connect as another user",
    ),
    "does not exist": (
        "the server has no such database or user",
        "make it (`createdb`, `createuser`), or give another name",
    ),
    "too many clients": (
        "the server has too many connections",
        "close some, or raise its max_connections: a store has two",
    ),
    "": (
        "the server cannot be reached",
        "start it, or look at the host and the port",
    ),
}
"""For words of an error, what happened and what to do. PostgreSQL gives no code here."""

LASTING = (
    "password authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "does not exist",
    "could not translate host name",
)
"""Words of errors that another try in a moment does not help."""

LOST = (
    "the connection was lost",
    "look whether the server is up, and reachable: what was flushed before is kept",
)

PROBLEMS: Mapping[str, tuple[str, str]] = {
    "08": LOST,
    "57P": LOST,
    "25006": (
        "it may not be written",
        "connect to the primary server: target_session_attrs=read-write",
    ),
    "25P03": (
        "the server has ended a transaction that stood still",
        "look what held this process up",
    ),
    "42501": (
        "this user may not do that",
        "grant it CREATE on the database, or all of what is in its schema `asyncflow`",
    ),
    "53100": (
        "the server's disk is full",
        "free some space: what was flushed before is kept",
    ),
    "53": (
        "the server lacks memory or connections",
        "free some: what was flushed before is kept",
    ),
    "55P03": (
        "another connection kept it locked for too long",
        "end what holds the lock: see pg_stat_activity",
    ),
    "57014": (
        "the server has ended a statement that took too long",
        "raise its statement_timeout for this user",
    ),
    "58": (
        "the server's disk reported an error",
        "look at the server's log, its disk and its free space",
    ),
    "XX00": (
        "the database is damaged",
        "bring a copy back, and look at the server's log and its disk",
    ),
}
"""For the beginning of an SQLSTATE, what happened and what to do."""

PASSING = ("08", "57", "53", "58", "40", "25006", "25P03", "55P03")
"""How the SQLSTATEs begin of what may be over in a while."""

OTHER_SERVER = ("25006",)
"""Those after which another connection may find another server."""


def problem_of(code: str) -> tuple[str, str]:
    """Return what happened and what to do, for an SQLSTATE."""
    return next(
        (found for start, found in PROBLEMS.items() if code.startswith(start)),
        ("PostgreSQL refused", "if that does not help, report it"),
    )


def refusal_of(text: str) -> tuple[str, str]:
    """Return the same for the text of an error, where there is no connection."""
    return next(found for words, found in CONNECTING.items() if words in text)


def may_return(error: StoreUnavailable) -> bool:
    """Tell whether a database that cannot be opened may be there in a moment."""
    return not any(words in error.problem for words in LASTING)
