"""Elements as text: what is escaped, how numbers are written, where ticks are."""

from __future__ import annotations

import pytest

from moviola.report.svg import Markup, boxes, element, number, ticks


def test_texts_are_escaped_and_markup_is_not() -> None:
    inner = element("b", "<x>")
    assert inner == "<b>&lt;x&gt;</b>"
    assert element("p", inner, " & ", 3, None) == "<p><b>&lt;x&gt;</b> &amp; 3</p>"


def test_attributes_are_escaped_and_named_as_html_names_them() -> None:
    made = element("i", class_='a" onload="x', aria_label="<", viewBox="0", title=None)
    assert made == '<i class="a&quot; onload=&quot;x" aria-label="&lt;" viewBox="0"></i>'


def test_a_text_that_is_joined_to_markup_is_not_taken_for_markup() -> None:
    assert type(Markup("<b>") + "<x>") is str


@pytest.mark.parametrize(("value", "text"), [(3.0, "3"), (0.5, "0.5"), (1 / 3, "0.33"), (99.999, "100"), (0.001, "0")])
def test_coordinates_have_as_few_signs_as_they_need(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("end", "expected"),
    [(0, [0.0]), (10, [0, 2, 4, 6, 8, 10]), (0.03, [0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03]), (7.5, [0, 2, 4, 6])],
)
def test_ticks_are_round(end: float, expected: list[float]) -> None:
    assert ticks(end) == expected


def test_many_boxes_are_one_element() -> None:
    assert boxes([(0, 1), (2.5, 4)], 1, 8, "x") == '<path class="x" d="M0 1h1v8h-1zM2.5 1h1.5v8h-1.5z"/>'
