"""A PostgreSQL server for tests: started once, gone at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import attrs
import psycopg
import pytest

PATIENCE = 30.0
"""How long the server may take to start, in seconds."""

SETTINGS = {
    "autovacuum": "off",
    "fsync": "off",
    "listen_addresses": "",
    "logging_collector": "off",
    "max_connections": "60",
    "shared_buffers": "16MB",
    "deadlock_timeout": "20ms",
}

_key = pytest.StashKey["Server"]()

ACCESS = """
local all guarded scram-sha-256
local all stranger reject
local all all trust
"""


@attrs.define(eq=False)
class Server:
    """A running server, which only this host reaches."""

    folder: Path

    def url(self, database: str, user: str = "asyncflow") -> str:
        return (
            f"postgresql://{user}@/{database}?host={quote(str(self.folder), safe='')}"
        )

    def run(self, statement: str, database: str = "postgres") -> None:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def ask(self, question: str, database: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            return connection.execute(question.encode()).fetchall()


@attrs.frozen
class Account:
    """Who runs the server: it refuses root."""

    uid: int
    gid: int

    @property
    def prefix(self) -> list[str]:
        """What a command begins with, to be run by this account and end with us."""
        if shutil.which("setpriv") is None:
            return []

        identity = [f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]
        root = identity if os.geteuid() == 0 else []
        return ["setpriv", *root, "--pdeathsig=INT"]


def account() -> Account:
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())

    known = {one.pw_name: one for one in pwd.getpwall()}
    user = known.get("postgres") or known["nobody"]
    return Account(user.pw_uid, user.pw_gid)


def binaries() -> Path | None:
    """Find the server's programs."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = shutil.which("initdb")
    paths = [*debian[-1:], *([Path(found)] if found else [])]
    return paths[0].resolve().parent if paths else None


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Server:
    """Return the server, which is started for the first that asks, in any module."""
    stash = request.config.stash

    if _key not in stash:
        programs = binaries()

        if programs is None:
            words = "no PostgreSQL here: apt-get install postgresql"

            if os.environ.get("CI") or os.environ.get("ASYNCFLOW_REQUIRE_POSTGRES"):
                pytest.fail(words)

            pytest.skip(words)

        stack = ExitStack()
        request.config.add_cleanup(stack.close)
        stash[_key] = stack.enter_context(running(programs, account()))

    return stash[_key]


@contextmanager
def running(programs: Path, owner: Account) -> Iterator[Server]:
    # Others' users cannot enter root's temporary folders; a socket needs a short path.
    parent = "/tmp" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=parent))

    try:
        prepare(programs, folder, owner)

        with started(programs, folder, owner) as process:
            server = Server(folder)
            log = folder / "log"
            wait_until(lambda: process.poll() is None and accepts(server), log)
            server.run("CREATE DATABASE tests")
            server.run("CREATE DATABASE kept")
            yield server
    finally:
        shutil.rmtree(folder)


def prepare(programs: Path, folder: Path, owner: Account) -> None:
    os.chown(folder, owner.uid, owner.gid)
    data = folder / "data"
    subprocess.run(
        [
            *owner.prefix,
            *(str(programs / "initdb"), "-D", str(data), "-U", "asyncflow"),
            *("-E", "UTF8", "--locale=C", "--no-sync"),
        ],
        check=True,
        env=environment(folder),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    (data / "pg_hba.conf").write_text(ACCESS)


@contextmanager
def started(
    programs: Path, folder: Path, owner: Account
) -> Iterator[subprocess.Popen[bytes]]:
    settings = [f"-c{key}={value}" for key, value in SETTINGS.items()]
    data = folder / "data"

    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*owner.prefix, programs / "postgres", "-D", data, "-k", folder, *settings],
            env=environment(folder),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )

    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)


def environment(folder: Path) -> dict[str, str]:
    """Return nothing that marks what tests leave behind: the server outlives them."""
    return {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(folder)}


def accepts(server: Server) -> bool:
    try:
        server.ask("SELECT 1", "postgres")
    except psycopg.OperationalError:
        return False

    return True


def wait_until(condition: Callable[[], bool], log: Path) -> None:
    never = threading.Event()
    give_up = time.monotonic() + PATIENCE

    while not condition():
        assert time.monotonic() < give_up, log.read_text()
        never.wait(0.02)


END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

EMPTY = """
DO $$
DECLARE found regclass;
BEGIN
    SET session_replication_role = replica; -- whatever refers to what
    FOR found IN
        SELECT oid FROM pg_class
        WHERE relnamespace = to_regnamespace('asyncflow') AND relkind = 'r'
        AND relname <> 'store'
    LOOP
        EXECUTE format(
            CASE
                WHEN pg_relation_size(found) > 500000 THEN 'TRUNCATE %s CASCADE'
                ELSE 'DELETE FROM %s' -- no file is made
            END,
            found
        );
    END LOOP;
    IF to_regclass('asyncflow.store') IS NOT NULL THEN
        UPDATE asyncflow.store
        SET time_zone = NULL, id = replace(gen_random_uuid()::text, '-', '');
    END IF;
END $$
"""


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """Return the name of a database that is empty when a test begins."""
    yield "tests"
    server.run(END_OTHERS, "tests")
    server.run("DROP SCHEMA IF EXISTS asyncflow CASCADE", "tests")


@pytest.fixture
def tables(server: Server) -> Iterator[str]:
    """Return the name of a database that has a store, from the second test on: an empty
    one, which costs a tenth of making its tables.
    """
    yield "kept"
    server.run(END_OTHERS, "kept")
    server.run(EMPTY, "kept")
