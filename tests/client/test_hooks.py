"""Commands for jobs that have ended: what they get, how many run at a time, and what is said when they fail."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from client import hooks as module
from client.hooks import WELL, Hook, Hooks, facts_of
from moviola.base.finished_file import FinishedFile
from moviola.base.output_summary import OutputSummary
from moviola.base.vocabulary import JobState
from moviola.wire.messages import Job
from tests.closed import close
from tests.waiting import until

HOSTILE = 'x"; touch harmed; echo "$(touch harmed)`touch harmed`\n'


def job(number: int = 0, state: str = "done", **more: Any) -> Job:
    names = ("out.annotations.jsonl", "out.mp4", "metadata.json")
    files = [FinishedFile(name, 1, "00") for name in names]
    outputs = [OutputSummary("out", JobState.DONE, file="out.mp4")]
    return Job(f"job-{number}", more.pop("name", "clip.mp4"), state, files=files, outputs=outputs, seconds=2.5, **more)


def on_done(command: str) -> Hook:
    return Hook("--on-done", command, WELL)


def finish(hooks: Hooks) -> None:
    until(lambda: not hooks.are_busy, "the commands to end", turn=lambda: hooks.wait(0.1))


def test_a_command_gets_a_jobs_facts_and_nothing_of_a_job_gets_into_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job-0").mkdir()
    (tmp_path / "job-0" / "out.mp4").touch()
    said: list[str] = []
    hooks = Hooks([on_done('env | grep ^MOVIOLA_JOB_ > told; echo "$MOVIOLA_JOB_NAME" > name')], tmp_path, said.append)
    hooks.ended(job(name=HOSTILE, reason=HOSTILE, user="me"))
    finish(hooks)
    told = dict(line.split("=", 1) for line in (tmp_path / "told").read_text().splitlines())
    assert told["MOVIOLA_JOB_ID"] == "job-0"
    assert told["MOVIOLA_JOB_STATE"] == "done"
    assert told["MOVIOLA_JOB_FILES"] == "out.annotations.jsonl out.mp4 metadata.json"
    assert told["MOVIOLA_JOB_OUTPUT"] == str(tmp_path / "job-0" / "out.mp4")
    assert told["MOVIOLA_JOB_SECONDS"] == "2.5"
    assert (tmp_path / "name").read_text().strip() == HOSTILE.strip()
    assert not (tmp_path / "harmed").exists()
    assert not said


def test_what_no_environment_can_hold_is_shown_and_shortened(tmp_path: Path) -> None:
    facts = facts_of(job(reason="a\0b" + "x" * 100_000), tmp_path)
    assert len(facts["MOVIOLA_JOB_REASON"]) == module.MAX_VALUE
    assert "\0" not in facts["MOVIOLA_JOB_REASON"]
    assert facts["MOVIOLA_JOB_OUTPUT"] == ""


def test_a_file_that_this_user_may_not_see_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "job-0").mkdir()
    (tmp_path / "job-0" / "out.mp4").touch()
    assert facts_of(job(), tmp_path)["MOVIOLA_JOB_OUTPUT"]
    close(tmp_path, monkeypatch)
    assert facts_of(job(), tmp_path)["MOVIOLA_JOB_OUTPUT"] == ""


def test_each_command_is_for_its_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    failed = Hook("--on-failed", "echo $MOVIOLA_JOB_ID >> failed", frozenset({JobState.FAILED}))
    hooks = Hooks([on_done("echo $MOVIOLA_JOB_ID >> done"), failed], tmp_path, print)
    assert hooks.wanted == {JobState.DONE, JobState.PARTIAL, JobState.FAILED}
    for number, state in enumerate(("done", "failed", "partial", "cancelled")):
        hooks.ended(job(number, state))
        finish(hooks)
    assert (tmp_path / "done").read_text().split() == ["job-0", "job-2"]
    assert (tmp_path / "failed").read_text().split() == ["job-1"]


def test_a_few_run_at_a_time_and_the_others_wait_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    said: list[str] = []
    hooks = Hooks([on_done(f'cat "{gate}"')], tmp_path, said.append)
    for number in range(module.MAX_AT_ONCE + 4):
        hooks.ended(job(number))
    assert len(hooks._running) == module.MAX_AT_ONCE
    assert said == ["--on-done was not run for job job-7: 3 commands wait already"]
    processes = [process for _, _, process in hooks._running]
    hooks.give_up()
    assert said[1:] == [
        *[f"--on-done for job job-{number} was ended before it was done" for number in range(4)],
        *[f"--on-done was not run for job job-{number}: this command was ended" for number in (4, 5, 6)],
    ]
    assert hooks.failed == 8
    assert not hooks.are_busy
    until(lambda: not any(process.poll() is None for process in processes), "the commands to end")
    assert [process.returncode for process in processes] == [-signal.SIGTERM] * 4


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("exit 3", "--on-done for job job-0 failed with exit status 3"),
        ("kill -9 $$", "--on-done for job job-0 was ended by SIGKILL"),
        ("kill -40 $$", "--on-done for job job-0 was ended by signal 40"),
        ("no-such-command-anywhere", "--on-done for job job-0 failed with exit status 127"),
    ],
)
def test_a_failure_is_said(command: str, sentence: str, tmp_path: Path) -> None:
    said: list[str] = []
    hooks = Hooks([on_done(command)], tmp_path, said.append)
    hooks.ended(job())
    finish(hooks)
    assert said == [sentence]
    assert hooks.failed == 1
