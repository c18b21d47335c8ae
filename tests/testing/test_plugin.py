"""The fixtures of the pytest plugin, for async tests of anyio's plugin and others."""

from __future__ import annotations

from pathlib import Path

import pytest

from asyncflow import Configuration, Orchestrator
from tests.support import flows
from tests.support.plugin import ONLY_ASYNCIO, run, serve

pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    ("mark", "fixture", "before", "options"),
    [
        pytest.param(
            "@pytest.mark.anyio",
            "@pytest.fixture",
            ONLY_ASYNCIO,
            ["-p", "no:asyncio"],
            id="anyio",
        ),
        pytest.param(
            "@pytest.mark.anyio",
            "@pytest.fixture",
            ONLY_ASYNCIO,
            [],
            id="anyio-beside-asyncio",
        ),
        pytest.param(
            "",
            "@pytest.fixture",
            ONLY_ASYNCIO,
            ["--anyio-mode", "auto"],
            id="anyio-auto",
        ),
    ],
)
def test_the_fixtures_serve(
    pytester: pytest.Pytester, mark: str, fixture: str, before: str, options: list[str]
) -> None:
    serve(pytester, mark, fixture, before, options)


def test_a_test_that_is_not_async_is_told(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(asyncflow_orchestrator): pass")
    ran = run(pytester)
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(["*asyncflow_orchestrator is for async tests: mark*"])


def test_the_users_own_configuration(pytester: pytest.Pytester) -> None:
    """How it says that jobs are executed counts for the user's own orchestrators."""
    pytester.makepyfile(
        """
        import pytest
        from asyncflow import Config, Orchestrator

        options = {"echo": False, "resources": {"gpu": 2}, "kill_grace": 0.5}
        Config.configure_job_executions("standalone", 3, **options, note="mine")
        Config.configure_task("train", len, needs={"gpu": 2})
        Config.configure_scenario("empty", [])

        @pytest.fixture
        def asyncflow_config():
            return Config

        @pytest.mark.parametrize("anyio_backend", ["asyncio"])
        @pytest.mark.anyio
        async def test_it(asyncflow_orchestrator):
            assert asyncflow_orchestrator.config is Config
            assert asyncflow_orchestrator.max_nb_of_workers == 1
            assert await asyncflow_orchestrator.create_scenario("empty")
            jobs = Config.job_config
            assert (jobs.mode, jobs.max_nb_of_workers) == ("standalone", 3)
            assert (jobs.echo, jobs.properties) == (False, {"note": "mine"})
            assert (jobs.resources, jobs.kill_grace) == ({"gpu": 2}, 0.5)
        """
    )
    run(pytester).assert_outcomes(passed=1)


def test_a_fault_that_never_happens_is_an_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it(asyncflow_faults):
            asyncflow_faults.crash("doubel")
            asyncflow_faults.fail("add", ValueError, attempt=None)
        """
    )
    ran = run(pytester)
    ran.assert_outcomes(passed=1, errors=1)
    never = (
        "the crash of job 1 of task 'doubel'; the failure of every job of task 'add'"
    )
    ran.stdout.fnmatch_lines([f"never happened: {never}"])


@pytest.mark.anyio
@pytest.mark.both_loops
@pytest.mark.blocking_jobs
async def test_a_fixture_here(
    asyncflow_orchestrator: Orchestrator,
    asyncflow_config: Configuration,
    tmp_path: Path,
) -> None:
    config = flows.single(asyncflow_config, flows.double, 21)
    scenario = await asyncflow_orchestrator.create_scenario(config)
    await scenario.submit()
    assert await flows.result_of(scenario) == 42
    assert Path.cwd() == tmp_path
