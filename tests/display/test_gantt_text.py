"""A Gantt chart as text, and as Mermaid."""

from __future__ import annotations

from asyncflow.display.gantt_text import WIDTH, mermaid, text
from asyncflow.display.timeline import JobTimes, Timeline, timeline
from asyncflow.status import Status
from tests.support.runs_drawn import BEGIN, random_jobs


def run(*jobs: JobTimes) -> Timeline:
    return timeline(jobs, [[] for _ in jobs], submitted=0, now=40)


def test_a_line_tells_what_a_job_did() -> None:
    found = run(
        JobTimes(
            name="load",
            status=Status.COMPLETED,
            started=10,
            worked=19,
            finished=39.5,
            tries=[(0, 8.5)],
        ),
        JobTimes(name="tell", status=Status.SKIPPED, finished=20),
        JobTimes(name="wait", status=Status.RUNNING, started=20),
    )
    assert text(found) == (
        "✓  load  |xxxxxxxxx·████████████████████▪▪▪▪▪▪▪▪▪▪|  29.5 s, 2 tries  COMPLETED\n"
        "↷  tell  |····················↷                   |                   SKIPPED\n"
        "▶  wait  |····················████████████████████|  20.0 s           RUNNING\n"
        "40.0 s in all\n"
    )


def test_a_time_in_which_nothing_ran_is_folded() -> None:
    found = run(
        JobTimes(name="a", status=Status.COMPLETED, started=0, finished=1),
        JobTimes(name="b", status=Status.COMPLETED, started=3601, finished=3602),
    )
    first, _, last = text(found).splitlines()
    assert "…" in first
    assert last == "1 h 00 m in all (…: nothing ran for 1 h 00 m)"


def test_many_jobs_have_shades() -> None:
    jobs, needs, end = random_jobs(500, 1)
    lines = text(timeline(jobs, needs, submitted=BEGIN, now=end)).splitlines()
    assert len(lines) == 5
    assert all("█" in line and line.index("|", 20) for line in lines[:-1])
    assert {line.rindex("|") - line.index("|") for line in lines[:-1]} == {WIDTH + 1}


def test_mermaid_has_a_section_for_each_job() -> None:
    job = JobTimes(
        name="lo:ad;#", status=Status.FAILED, started=1, finished=2, tries=[(0, 0.5)]
    )
    skipped = JobTimes(name="tell", status=Status.SKIPPED, finished=0)
    assert mermaid(run(job, skipped), title="my run") == (
        "gantt\n"
        "    title my run\n"
        "    dateFormat x\n"
        "    axisFormat %H:%M:%S\n"
        "    section #10007; lo#58;ad#59;#35;\n"
        "    failed :crit, 0, 500\n"
        "    waiting :done, 500, 1000\n"
        "    running :active, 1000, 2000\n"
        "    section #8631; tell\n"
        "    SKIPPED :milestone, 0, 0\n"
    )


def test_no_jobs_are_no_text() -> None:
    assert text(run()) == ""
