"""The fixtures of the plugin that pytest-asyncio runs: one for each scope of its loops."""

from __future__ import annotations

import pytest

from tests.support.plugin import ASYNCIO, run, serve

pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    ("mark", "fixture", "before", "options"),
    [
        pytest.param(
            "@pytest.mark.asyncio",
            "@pytest_asyncio.fixture",
            ASYNCIO,
            ["-p", "no:anyio"],
            id="asyncio",
        ),
        pytest.param(
            "@pytest.mark.asyncio",
            "@pytest_asyncio.fixture",
            ASYNCIO,
            [],
            id="asyncio-beside-anyio",
        ),
        pytest.param(
            "",
            "@pytest.fixture",
            ASYNCIO,
            ["--asyncio-mode", "auto"],
            id="asyncio-auto",
        ),
        pytest.param(
            "@pytest.mark.asyncio(loop_scope='module')",
            "@pytest_asyncio.fixture(loop_scope='module')",
            ASYNCIO,
            [],
            id="asyncio-one-loop-a-module",
        ),
        pytest.param(
            "@pytest.mark.asyncio",
            "@pytest_asyncio.fixture(loop_scope='session')",
            ASYNCIO,
            ["-o", "asyncio_default_test_loop_scope=session"],
            id="asyncio-one-loop",
        ),
    ],
)
def test_the_fixtures_serve(
    pytester: pytest.Pytester, mark: str, fixture: str, before: str, options: list[str]
) -> None:
    serve(pytester, mark, fixture, before, options)


def test_a_loop_of_a_wrong_scope_is_told(pytester: pytest.Pytester) -> None:
    """By pytest-asyncio: a fixture of a session cannot use one of a test."""
    pytester.makepyfile(
        ASYNCIO
        + "import pytest\n\n"
        + "@pytest_asyncio.fixture(loop_scope='session', scope='session')\n"
        + "async def scenario(asyncflow_orchestrator):\n    pass\n\n"
        + "@pytest.mark.asyncio\nasync def test_it(scenario):\n    pass\n"
    )
    ran = run(pytester)
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(["*ScopeMismatch*"])
