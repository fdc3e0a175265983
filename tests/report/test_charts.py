"""The report's charts: what is drawn of which numbers."""

from __future__ import annotations

import re
import sys

import pytest

from moviola.base.histogram import Histogram
from moviola.base.vocabulary import SpanOutcome
from moviola.report import charts
from moviola.report.facts import Series, Words
from moviola.session.timeline import Span
from tests.report.samples import spans, timeline


def test_each_worker_has_a_row_and_each_try_says_what_it_is() -> None:
    made = [*spans(2), Span("w2", 7, "out", 0.0, 2.0, 5.0, SpanOutcome.LOST)]
    drawn = charts.timeline(timeline(made))
    assert 'aria-label="Worker w1: 2 chunks done"' in drawn
    assert 'aria-label="Worker w2: 0 chunks done, 1 tried in vain"' in drawn
    assert '<rect class="lost" x="20" y="0" width="30" height="10"><title>chunk 7 of out: lost, 2 s to 5 s' in drawn
    assert "lost with its worker" in drawn
    assert "goes on" not in drawn


def test_a_try_that_waits_is_not_drawn() -> None:
    drawn = charts.timeline(timeline(spans(1, outcome=SpanOutcome.WAITING)))
    assert "<rect" not in drawn


def test_of_very_many_tries_those_that_went_well_are_one_element_and_trouble_stays_by_itself() -> None:
    made = spans(charts.MAX_TOLD_SPANS + 10)
    made.append(Span("w1", 5, "out", 0.0, 2.0, 5.0, SpanOutcome.FAILED))
    drawn = charts.timeline(timeline(made, seconds=2000.0))
    assert drawn.count("<path") == 1
    assert drawn.count("<rect") == 1


def test_of_very_many_workers_the_busiest_have_a_row() -> None:
    made = [span for number in range(60) for span in spans(2 if number < 48 else 1, f"w{number:02}")]
    drawn = charts.timeline(timeline(made))
    assert drawn.count("<svg") == charts.MAX_LANES
    assert "12 more workers did the rest" in drawn
    assert "w59" not in drawn


def test_what_touches_is_drawn_as_one() -> None:
    assert charts.merged([(5, 6), (0, 1), (1.01, 2), (0.5, 0.6)]) == [(0, 2), (5, 6)]


def test_latencies_are_counted_in_equal_classes() -> None:
    drawn = charts.latencies([0.5, 0.5, 1.5, 23.9], "label")
    assert re.findall(r"<title>([^<]+)</title>", drawn) == ["0 s to 1 s: 2", "1 s to 2 s: 1", "23 s to 24 s: 1"]


def test_latencies_that_are_all_nothing_are_drawn() -> None:
    assert "0 s to 1 s: 3" in charts.latencies([0.0, 0.0, 0.0], "label")


def test_a_stage_shows_the_classes_that_it_has() -> None:
    drawn = charts.stage("filter", Histogram([0.1, 0.2, 0.5, 1.0], [0, 3, 0, 2, 1], 4.2))
    assert "0.7 s on average" in drawn
    assert re.findall(r"<title>([^<]+)</title>", drawn) == ["to 0.2 s: 3", "to 1 s: 2", "over 1 s: 1"]


def test_a_curve_spans_its_least_and_greatest() -> None:
    points = [(0.0, 0.0, 2.0, 4.0), (1.0, 1.0, 2.0, 2.0)]
    drawn = charts.curve(Series("faces", points, 0.0, 4.0, 2.0), "4 s")
    assert 'points="0,15 100,15"' in drawn
    assert 'points="0,1 100,15 100,22 0,29"' in drawn
    assert "faces over 4 s: 0 to 4, 2 on average" in drawn


@pytest.mark.parametrize(("least", "zero"), [(0.0, "29"), (-sys.float_info.max, "15")])
def test_a_curve_up_to_the_greatest_float_is_drawn(least: float, zero: str) -> None:
    greatest = sys.float_info.max
    points = [(0.0, least, least, least), (1.0, greatest, greatest, greatest), (1.0, 0.0, 0.0, 0.0)]
    drawn = charts.curve(Series("gap", points, least, greatest, greatest), "4 s")
    assert f'points="0,29 100,1 100,{zero}"' in drawn
    assert "to 1.8e+308, 1.8e+308 on average" in drawn
    assert not re.search("inf|nan", drawn)


def test_a_single_value_is_a_dot() -> None:
    assert "<rect" in charts.curve(Series("x", [(0.5, 3.0, 3.0, 3.0)], 3.0, 3.0, 3.0), "4 s")


def test_texts_have_a_row_each_with_their_times() -> None:
    drawn = charts.occurrences(Words("label", [("cat", 3, [0.0, 0.5]), ("dog", 1, [0.9])], 4), 10, "4 s")
    assert drawn.count("<svg") == 2
    assert "M0 1h10v8h-10zM50 1h10v8h-10z" in drawn
    assert "and 4 other texts" in drawn
