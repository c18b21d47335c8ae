"""What a job of another orchestrator prints is followed as it comes."""

from __future__ import annotations

from pathlib import Path

import pytest
from anyio import fail_after, to_thread

from asyncflow import Orchestrator, Submission
from asyncflow.recovery import peers
from tests.runtime.test_job_output import PATIENCE, print_and_wait
from tests.support.flows import configuration, single

pytestmark = pytest.mark.anyio

EXPECTED = ["begun\n", "one: é\n", "two: é\n", "no end of line"]


async def followed(path: str, folder: Path, *, is_live: bool = True) -> list[str]:
    """Run a job in one orchestrator, and follow it in another; let it go on by its lines.

    :param is_live: whether lines come while it runs
    """
    config = configuration(workers=1)
    cfg = single(config, print_and_wait, str(folder))
    seen: list[str] = []

    async with (
        Orchestrator(config, path) as one,
        Orchestrator(configuration(), path, adopt=False) as other,
    ):
        scenario = await one.create_scenario(cfg)
        submission = scenario.submit()
        await submission.accepted()
        same = await other.get(submission.id)
        assert isinstance(same, Submission)
        (job,) = same.jobs

        with fail_after(PATIENCE):
            async for line in job.follow():
                seen.append(line)

                for after, name in (("begun\n", "one"), ("one: é\n", "two")):
                    if line == after:
                        assert submission.is_finished is not is_live
                        await to_thread.run_sync((folder / name).touch)

            await submission

    return seen


async def test_lines_come_while_the_job_runs(path: str, tmp_path: Path) -> None:
    assert await followed(path, tmp_path) == EXPECTED


async def test_who_cannot_tell_is_waited_for(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(address: str, job_id: str) -> object:
        raise peers.PeerGone(address)

    monkeypatch.setattr(peers, "follow", unknown)
    (tmp_path / "one").touch()
    (tmp_path / "two").touch()
    assert await followed(path, tmp_path, is_live=False) == EXPECTED
