from __future__ import annotations

import json

import pytest

from moviola.base.vocabulary import FINAL
from moviola.session.job_session import FINAL_STATES
from moviola.session.outcome import REFUSED, Outcome, OutputOutcome, Remains, Status, exit_status

DONE, FAILED, WRONG, PARTIAL, CANCELLED = (
    Status.DONE,
    Status.FAILED,
    Status.WRONG,
    Status.PARTIAL,
    Status.CANCELLED,
)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], DONE),
        ([DONE, DONE], DONE),
        ([WRONG], WRONG),
        ([WRONG, WRONG], WRONG),
        ([WRONG, DONE], PARTIAL),
        ([DONE, PARTIAL], PARTIAL),
        ([PARTIAL, FAILED, WRONG], FAILED),
        ([Status.UNREACHABLE, FAILED], Status.UNREACHABLE),
        ([CANCELLED, FAILED, DONE], CANCELLED),
    ],
)
def test_one_status_for_several_inputs(statuses: list[Status], expected: Status) -> None:
    assert exit_status(statuses) is expected


def test_json_has_exactly_the_promised_fields() -> None:
    output = OutputOutcome("blur", "r/blur.mp4", "r/blur.metrics.json", 10, 10, 1, 0, 2, 3, "d" * 64)
    outcome = Outcome("clip.mp4", "j", PARTIAL, "partial", "why", 2.0, (output, output), ("a warning",))
    data = json.loads(json.dumps(outcome.to_json()))
    assert (data["source"], data["status"]) == ("clip.mp4", "partial")
    assert list(data) == [
        "source",
        "status",
        "job_id",
        "state",
        "reason",
        "seconds",
        "frames_per_second",
        "unit",
        "outputs",
        "failures",
        "warnings",
        "preflight",
    ]
    assert data["frames_per_second"] == 5.0
    assert data["outputs"][0] == {
        "name": "blur",
        "path": "r/blur.mp4",
        "metrics_path": "r/blur.metrics.json",
        "frames_in": 10,
        "frames_out": 10,
        "fallback_frames": 1,
        "lost_frames": 0,
        "retries": 2,
        "duplicates": 3,
        "digest": "d" * 64,
        "found": [],
    }


def test_a_job_without_outputs_has_no_rate() -> None:
    assert Outcome("clip.mp4", "j", FAILED, "failed").to_json()["frames_per_second"] == 0.0


@pytest.mark.parametrize(
    ("status", "state", "reason", "remains", "told"),
    [
        (FAILED, "failed", "it raised", Remains.NOTHING, "a.mp4: failed: it raised"),
        (PARTIAL, "partial", "1 frame was lost", Remains.NOTHING, "a.mp4: partial: 1 frame was lost"),
        (CANCELLED, "cancelled", "cancelled by ann@host", Remains.NOTHING, "a.mp4: cancelled by ann@host"),
        (CANCELLED, "running", "interrupted; job j goes on", Remains.GOES_ON, "a.mp4: interrupted; job j goes on"),
        (FAILED, "done", "the job is done, but …", Remains.NOTHING, "a.mp4: the job is done, but …"),
        (Status.UNREACHABLE, "failed", "it has not been reached", Remains.GOES_ON, "a.mp4: it has not been reached"),
        (WRONG, REFUSED, "b.mp4: there is no such file", Remains.NOTHING, "b.mp4: there is no such file"),
        (DONE, "done", "", Remains.NOTHING, ""),
    ],
)
def test_how_it_ended_is_told_once_and_in_english(
    status: Status, state: str, reason: str, remains: Remains, told: str
) -> None:
    outcome = Outcome("a.mp4", "j", status, state, reason, remains=remains)
    assert outcome.sentence() == told
    assert outcome.sentence("j-1") == told.replace("a.mp4", "j-1")


def test_each_final_state_of_a_job_has_a_status_of_its_own() -> None:
    assert FINAL_STATES.keys() == FINAL
    assert len(set(FINAL_STATES.values())) == len(FINAL)
