from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

from moviola.comparison.chart import chart
from moviola.comparison.records import Comparison, Mode
from moviola.comparison.scoreboard import Scoreboard

from .requests import request, taken

SVG = "{http://www.w3.org/2000/svg}"


def told() -> Comparison:
    """Two rounds of each mode; threads are twice as fast."""
    board = Scoreboard(request(iterations=2, warm_ups=0), cores=2)
    board.subject("frame", 60, 4)
    for number in (1, 2):
        for mode, seconds in ((Mode.SEQUENTIAL, 2.0), (Mode.THREADS, 1.0)):
            board.begin(mode, number)
            board.end(taken(number, seconds), {"blur": "d1"})
    return board.comparison()


def test_bars_are_as_long_as_modes_are_fast() -> None:
    drawn = ElementTree.fromstring(chart(told()))
    bars = [float(each.get("width", "0")) for each in drawn.iter(f"{SVG}rect")][1:]
    assert bars[1] == 2 * bars[0]
    texts = [each.text for each in drawn.iter(f"{SVG}text")]
    assert texts[0] == "clip.mp4: blur:radius=2"
    assert "60.0   2.00 ×" in texts
    assert "the median of 2 rounds" in str(texts[1])
    assert len(list(drawn.iter(f"{SVG}path"))) == 2


def test_a_name_is_a_text_and_a_comparison_without_figures_a_chart_without_bars() -> None:
    odd = replace(told(), source="<script>&.mp4")
    assert ElementTree.fromstring(chart(odd)).findtext(f"{SVG}text") == "<script>&.mp4: blur:radius=2"
    empty = ElementTree.fromstring(chart(Scoreboard(request(), cores=1).comparison()))
    assert len(list(empty.iter(f"{SVG}rect"))) == 1
