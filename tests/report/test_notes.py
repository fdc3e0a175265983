"""What filters noted, over time, out of lines of annotations."""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from typing import Any

import pytest

from moviola.report import notes
from moviola.report.notes import STEPS, notes_of

MOST = sys.float_info.max


def lines(*told: Any) -> list[bytes]:
    return [json.dumps(one).encode() for one in told]


def test_numbers_boxes_and_texts_are_told_apart() -> None:
    made = notes_of(
        lines(
            {"frame": 0, "time_s": 0.0, "filter": "faces", "faces": [[1, 2, 3, 4], [5, 6, 7, 8]], "scores": [0.5, 0.7]},
            {"frame": 1, "time_s": 2.0, "filter": "faces", "faces": [], "scores": []},
            {"frame": 1, "time_s": 2.0, "filter": "metadata", "brightness": 0.25, "cut": True},
            {"frame": 2, "time_s": 3.9, "filter": "mine", "label": "cat", "labels": ["a", "b"], "cut": False},
        ),
        4.0,
        is_time=True,
    )
    assert made.lines == 4
    assert {each.name: (each.least, each.greatest) for each in made.series} == {
        "faces: faces, how many": (0, 2),
        "faces: scores": (0.5, 0.7),
        "metadata: brightness": (0.25, 0.25),
    }
    assert {each.name: [row[:2] for row in each.rows] for each in made.words} == {
        "metadata: cut": [("yes", 1)],
        "mine: label": [("cat", 1)],
        "mine: labels": [("a", 1), ("b", 1)],
    }
    (cut,) = [each for each in made.words if each.name == "metadata: cut"]
    assert cut.rows[0][2] == [0.5]


def test_steps_have_the_least_the_mean_and_the_greatest() -> None:
    made = notes_of(lines(*({"index": 0, "x": value} for value in (1, 2, 6))), 10, is_time=False)
    ((place, least, mean, greatest),) = made.series[0].points
    assert (place, least, mean, greatest) == (0.5 / STEPS, 1, 3, 6)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"no json",
        b"[1]",
        b'{"x": null}',
        b'{"x": {}}',
        b'{"x": NaN}',
        b'{"x": [NaN]}',
        b'{"time_s": "y"}',
        b"[" * 100_000,
    ],
)
def test_lines_that_say_nothing_are_passed_over(line: bytes) -> None:
    made = notes_of([line], 4.0, is_time=True)
    assert (made.series, made.words) == ([], [])


@pytest.mark.parametrize("place", [10**400, 1.7e308, -1.7e308], ids=["whole", "high", "low"])
def test_numbers_beyond_floats_are_passed_over_and_places_beyond_all_are_at_an_edge(place: float) -> None:
    made = notes_of(lines({"time_s": place, "x": 10**400, "y": [1, -(10**400)]}), 4.0, is_time=True)
    assert [(each.name, len(each.points), each.mean) for each in made.series] == [("y", 1, 1.0)]


@pytest.mark.parametrize("values", [[MOST], [MOST, MOST, MOST], [MOST, -MOST, 3.0], [-MOST, -MOST]])
def test_the_greatest_floats_have_a_mean(values: list[float]) -> None:
    made = notes_of(
        lines(*({"time_s": number, "x": value} for number in (0, 2) for value in values)), 4.0, is_time=True
    )
    (series,) = made.series
    mean = sum(map(Fraction, values)) / len(values)
    assert all(found == pytest.approx(float(mean)) for found in (series.mean, *(point[2] for point in series.points)))


def test_fields_and_texts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "MAX_WORDS", 30)
    many = {f"field {number}": number for number in range(notes.MAX_FIELDS + 5)}
    made = notes_of(lines(many, *({"text": f"word {number}"} for number in range(40))), 4.0, is_time=True)
    assert len(made.series) == notes.MAX_FIELDS
    (words,) = made.words
    assert len(words.rows) == notes.WORDS_SHOWN
    assert words.others == 40 - notes.WORDS_SHOWN


def test_a_note_behind_the_end_is_in_the_last_step() -> None:
    made = notes_of(lines({"time_s": 9.0, "x": 1}, {"time_s": -1.0, "x": 1}), 4.0, is_time=True)
    assert [point[0] for point in made.series[0].points] == [0.5 / STEPS, (STEPS - 0.5) / STEPS]
