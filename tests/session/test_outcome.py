from __future__ import annotations

import json

import pytest

from moviola.session.outcome import Outcome, OutputOutcome, Status, exit_status

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
    }


def test_a_job_without_outputs_has_no_rate() -> None:
    assert Outcome("clip.mp4", "j", FAILED, "failed").to_json()["frames_per_second"] == 0.0
