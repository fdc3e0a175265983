from __future__ import annotations

import json
from io import StringIO
from typing import Any

from moviola.media import annotations as module
from moviola.media.annotations import Annotations, Summary


def measured(brightness: float, *, cut: bool = False) -> dict[str, Any]:
    return {"filter": "metadata", "brightness": brightness, "contrast": 0.1, "motion": 0.0, "cut": cut}


def test_each_note_is_a_line() -> None:
    file = StringIO()
    book = Annotations(file)
    book.add(3, 7, 0.1200004, [{"filter": "faces", "boxes": [[1, 2, 3, 4]]}, {"filter": "motion", "score": 0.5}])
    book.add(4, 8, 0.16, [{"filter": "café"}])
    assert [json.loads(line) for line in file.getvalue().splitlines()] == [
        {"frame": 3, "source_frame": 7, "time_s": 0.12, "filter": "faces", "boxes": [[1, 2, 3, 4]]},
        {"frame": 3, "source_frame": 7, "time_s": 0.12, "filter": "motion", "score": 0.5},
        {"frame": 4, "source_frame": 8, "time_s": 0.16, "filter": "café"},
    ]
    assert "café" in file.getvalue()
    assert book.line_count == 3
    assert book.summary.to_json() == {}


def test_a_note_cannot_say_that_it_is_of_another_frame() -> None:
    file = StringIO()
    Annotations(file).add(3, 7, 0.5, [{"frame": 99, "time_s": "never", "filter": "liar"}])
    assert json.loads(file.getvalue()) == {"frame": 3, "source_frame": 7, "time_s": 0.5, "filter": "liar"}


def test_measures_are_summed_up() -> None:
    book = Annotations(StringIO())
    for frame, brightness in enumerate((0.2, 0.4, 0.9)):
        book.add(frame, frame, frame / 25, [measured(brightness, cut=frame == 2), {"filter": "other"}])
    told = book.summary.to_json()
    assert told["frames_measured"] == 3
    assert told["brightness"] == {"min": 0.2, "mean": 0.5, "max": 0.9}
    assert told["contrast"] == {"min": 0.1, "mean": 0.1, "max": 0.1}
    assert (told["cut_count"], told["cuts"]) == (1, [{"frame": 2, "time_s": 0.08}])


def test_what_another_filter_notes_in_the_name_of_metadata_is_not_summed_up() -> None:
    book = Annotations(StringIO())
    notes = [{"filter": "metadata", "camera": "left"}, {**measured(0.5), "motion": None}, measured(0.25)]
    book.add(0, 0, 0.0, notes)
    assert book.line_count == len(notes)
    assert book.summary.to_json()["brightness"] == {"min": 0.25, "mean": 0.25, "max": 0.25}


def test_a_frame_that_is_shown_again_counts_once() -> None:
    book = Annotations(StringIO())
    for frame, source_frame in enumerate((0, 0, 1, 1, 1)):
        book.add(frame, source_frame, frame / 50, [measured(float(source_frame), cut=source_frame == 1)])
    told = book.summary.to_json()
    assert (told["frames_measured"], told["brightness"]["mean"]) == (2, 0.5)
    assert told["cuts"] == [{"frame": 2, "time_s": 0.04}]
    assert book.line_count == 5


def test_cuts_beyond_the_bound_are_counted_only(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "MAX_CUTS_LISTED", 2)
    summary = Summary()
    for frame in range(5):
        summary.add(frame, frame / 25, measured(0.5, cut=True))
    assert summary.cut_count == 5
    assert [cut["frame"] for cut in summary.to_json()["cuts"]] == [0, 1]
