"""The sentence that says why a job is partly done."""

from __future__ import annotations

from dataclasses import replace

from moviola.base.failures import Failure
from moviola.base.invocation import typed
from moviola.base.output_summary import OutputSummary
from moviola.base.vocabulary import JobState
from moviola.session.shortfall import shortfall

EDGES = OutputSummary("edges", JobState.PARTIAL, 90, 90, fallback_frames=2)
SMALL = OutputSummary("small", JobState.DONE, 90, 90)
RAISED = Failure(
    output="edges", chunk=1, frames=[15, 15], frame=15, filter="bad", worker="w1", failure_type="job_failure",
    failure_reason="exception", explanation="filter 'bad' failed twice on frame 15, which is …", traceback=
    "Traceback (most recent call last):\n  File …\nValueError: too dark\n",
)  # fmt: skip
DIED = replace(
    RAISED, frames=[30, 39], chunk=3, filter="", traceback="", failure_type="worker_failure", failure_reason="memory",
    explanation="it had no memory left",
)  # fmt: skip


def test_a_filters_error_is_told_with_its_frames_and_what_to_type() -> None:
    failures = [RAISED, replace(RAISED, frames=[18, 18], frame=18)]
    assert shortfall([EDGES], failures, "frame", "clip-1") == (
        "2 of 90 frames were not filtered (frames 15, 18); filter bad raised ValueError: too dark; "
        f"the metrics list all, and {typed('jobs')} logs clip-1 tells more; --on-error fail ends a job there, and "
        "--on-error drop leaves such out"
    )


def test_what_was_no_filters_fault_names_the_worker_and_how_to_try_again() -> None:
    told = shortfall([replace(EDGES, fallback_frames=1, lost_frames=9)], [DIED], "image")
    assert told == (
        "1 of 90 images was not filtered, 9 of 90 images were lost; "
        "chunk 3 (images 30-39) failed with the process of worker w1: it had no memory left; "
        "the metrics list all; --new and --overwrite try it again"
    )


def test_of_several_outputs_those_are_named_that_fall_short() -> None:
    told = shortfall([EDGES, SMALL, replace(SMALL, name="tiny", damaged_frames=3)], [], "frame")
    assert told == (
        "edges: 2 of 90 frames were not filtered, tiny: 3 of 90 frames were damaged, or made of damaged ones; "
        "the metrics list all"
    )
    reasons = ["the end is missing: 2 of 90 frames are not in the file"]
    told = shortfall([replace(SMALL, reasons=reasons), replace(SMALL, name="tiny", reasons=reasons)], [], "frame")
    assert told == "the end is missing: 2 of 90 frames are not in the file; the metrics list all"


def test_of_many_frames_the_first_are_named_and_each_filter_once() -> None:
    failures = [replace(RAISED, frames=[number, number]) for number in range(8)]
    told = shortfall([EDGES], [*failures, replace(RAISED, filter="dim", traceback="KeyError: 'x'")], "frame")
    assert "(frames 0, 1, 2, 3, 4, …)" in told
    assert told.count("raised") == 2
    assert "filter dim raised KeyError: 'x'" in told
