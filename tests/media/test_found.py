"""What filters found is counted once for each frame, wherever a video was cut."""

from __future__ import annotations

from typing import Any

import pytest

from moviola.media import found as module
from moviola.media.found import Found, sentences

BOX = [1, 2, 3, 4]


def note(count: int, missed: int | None = None, name: str = "pixelate") -> dict[str, Any]:
    told: dict[str, Any] = {"filter": name, "boxes": [BOX] * count, "scores": [0.9] * count}
    return told if missed is None else told | {"missed": missed}


def counted(*notes: dict[str, Any]) -> dict[str, Any]:
    found = Found()
    for frame, each in enumerate(notes):
        found.add(frame, [each])
    told: dict[str, Any] = found.to_json()["pixelate"]
    return told


def test_frames_with_finds_and_all_finds_are_counted() -> None:
    told = counted(note(2), note(0), note(1))
    assert told == {"frames": 3, "with_finds": 2, "finds": 3}


def test_frames_without_a_face_seen_before_and_after_are_counted_once() -> None:
    """Of two faces one is missed in frames 2 and 3, the other in frames 3 and 4."""
    told = counted(note(2, 0), note(2, 0), note(1, 0), note(0, 0), note(1, 2), note(2, 2), note(2, 0))
    assert told["missed"] == 3


def test_a_frame_that_is_shown_again_counts_once() -> None:
    found = Found()
    for frame in (0, 0, 1, 1, 1, 2):
        found.add(frame, [note(1, 1 if frame == 2 else 0)])
    assert found.to_json()["pixelate"] == {"frames": 3, "with_finds": 3, "finds": 3, "missed": 1}


def test_frames_that_are_not_in_the_output_are_not_counted() -> None:
    found = Found()
    for frame in (0, 2, 4, 8):
        found.add(frame, [note(1, 4 if frame == 8 else 0)])
    assert found.to_json()["pixelate"]["missed"] == 1, "of frames 4 to 7 the output has one"


def test_filters_are_told_apart_and_one_that_is_there_twice_counts_once() -> None:
    found = Found()
    found.add(0, [note(1, name="faces"), note(2, name="faces"), note(0, name="people"), {"filter": "metadata"}])
    assert found.to_json() == {
        "faces": {"frames": 1, "with_finds": 1, "finds": 3},
        "people": {"frames": 1, "with_finds": 0, "finds": 0},
    }


@pytest.mark.parametrize("missed", [True, "2", 1.5, None, [1]])
def test_what_a_plugin_means_by_the_same_word_is_its_own(missed: object) -> None:
    assert "missed" not in counted(note(1), note(1) | {"missed": missed})


def test_filters_and_frames_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILTERS", 2)
    found = Found()
    for number in range(5):
        found.add(number, [note(1, name=f"f{number}")])
    assert list(found.to_json()) == ["f0", "f1"]
    told = counted(*[note(0, 0)] * (module.LOOK_BACK + 20), note(1, 10**6))
    assert told["missed"] == module.LOOK_BACK


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        ({"frames": 31, "with_finds": 30, "finds": 99}, "faces found something in 30 of 31 pictures"),
        ({"frames": 1, "with_finds": 0, "finds": 0}, "faces found something in none of 1 picture"),
        (
            {"frames": 9, "with_finds": 8, "finds": 8, "missed": 2},
            "faces found something in 8 of 9 pictures; in 2 it missed something that it had found before and found "
            "again after, and went by its motion",
        ),
    ],
)
def test_sentences(count: dict[str, int], sentence: str) -> None:
    assert list(sentences({"faces": count, "broken": 3})) == [sentence]
