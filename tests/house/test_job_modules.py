"""Workers load what the jobs of a module of tests need, and it does what it does here."""

from __future__ import annotations

import ast
import textwrap

import pytest

from tests.support.job_modules import jobs_of
from tests.support.programs import ROOT, run

PROGRAM = """
import sys

from tests.dispatch import test_echo

print(test_echo.say(1), "asyncflow.orchestrator" in sys.modules)
print([name for name in vars(test_echo) if name.startswith("test_")])
print(test_echo.say.__code__.co_firstlineno, test_echo.__file__)
"""


def loaded(source: str) -> str:
    return ast.unparse(jobs_of(textwrap.dedent(source).encode()))


def test_a_worker_loads_no_tests() -> None:
    from tests.dispatch import test_echo

    said, loaded, names, place = run("-c", PROGRAM, folder=ROOT).splitlines()
    assert (said, loaded, names) == ("100 rows from Zürich", "1 False", "[]")
    line = test_echo.say.__code__.co_firstlineno
    assert place == f"{line} {test_echo.__file__}"


@pytest.mark.parametrize(
    ("source", "there"),
    [
        pytest.param(
            """
            import os
            from anyio import run, sleep
            from asyncflow import Orchestrator
            from tests.support import flows

            pytestmark = pytest.mark.anyio

            def job(value, flows):
                "Say what."
                try:
                    return run(value) or flows
                except Orchestrator:
                    return os

            async def test_it() -> None:
                await sleep(1)
            """,
            """
            import os

            def job(value, flows):
                "Say what."
                from anyio import run
                from asyncflow import Orchestrator
                try:
                    return run(value) or flows
                except Orchestrator:
                    return os
            """,
            id="what a function uses is imported there",
        ),
        pytest.param(
            """
            from asyncflow import Driver, Scope, Status

            @pytest.fixture
            def status() -> Status:
                return Status.FAILED

            class Toy(Driver):
                def scope(self):
                    return [Scope for Scope in (Status, Scope)]

            DEFAULT = lambda: Scope
            """,
            """
            from asyncflow import Driver
            from asyncflow import Scope

            class Toy(Driver):
                def scope(self):
                    from asyncflow import Status
                    return [Scope for Scope in (Status, Scope)]

            DEFAULT = lambda: Scope
            """,
            id="what the module uses is imported at once",
        ),
    ],
)
def test_imports_go_where_they_are_used(source: str, there: str) -> None:
    assert loaded(source) == ast.unparse(ast.parse(textwrap.dedent(there)))
