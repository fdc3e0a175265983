"""SVG and HTML as text: elements whose texts and values are escaped, so that no file puts its own words into a page.

Charts have a coordinate system of percent and are stretched to the room that there is (`preserveAspectRatio="none"`);
what is written stands beside them as HTML, so that letters keep their size on a phone.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from math import floor, log10


class Markup(str):
    """Text that is markup already: all other text is escaped where it is put into an element."""

    __slots__ = ()


Part = str | int | float | None
"""What an element may have inside; None is nothing."""

VOID = frozenset({"br", "hr", "img", "meta", "path", "rect", "line", "polyline", "circle", "polygon"})
"""Elements that have nothing inside."""


def element(tag: str, *inside: Part, **attributes: Part) -> Markup:
    """Return an element.

    Args:
        tag: its name.
        inside: texts, which are escaped, and markup.
        attributes: `class_` and the like lose the underscore, others become hyphens (`aria_label`); None is left out.
    """
    told = "".join(
        f' {_name(name)}="{escape(_text(value))}"' for name, value in attributes.items() if value is not None
    )
    if tag in VOID:
        return Markup(f"<{tag}{told}/>" if tag not in ("br", "hr", "img", "meta") else f"<{tag}{told}>")
    return Markup(f"<{tag}{told}>{joined(inside)}</{tag}>")


def joined(parts: Iterable[Part]) -> Markup:
    """Return parts one behind the other."""
    return Markup(
        "".join(part if isinstance(part, Markup) else escape(_text(part)) for part in parts if part is not None)
    )


def number(value: float) -> str:
    """Return a coordinate in as few signs as its place needs."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value % 1 else str(int(value))


def chart(label: str, *inside: Part, height: float, class_: str = "chart") -> Markup:
    """Return a picture that is as wide as there is room: 0 to 100 from left to right, 0 to `height` from the top.

    Args:
        label: what it shows, for those who do not see it.
        inside: its elements.
        height: of the coordinate system; how tall it is drawn, its class says.
        class_: of the element.
    """
    box = f"0 0 100 {number(height)}"
    return element("svg", *inside, class_=class_, viewBox=box, preserveAspectRatio="none", role="img", aria_label=label)


def rectangle(x: float, y: float, width: float, height: float, class_: str, title: str = "") -> Markup:
    """Return a rectangle, which shows `title` where it is pointed at."""
    where = {"x": number(x), "y": number(y), "width": number(width), "height": number(height)}
    if not title:
        return element("rect", class_=class_, **where)
    told = "".join(f' {name}="{value}"' for name, value in where.items())
    return Markup(f'<rect class="{escape(class_)}"{told}><title>{escape(title)}</title></rect>')


def polyline(points: Iterable[tuple[float, float]], class_: str) -> Markup:
    """Return a line through points."""
    return element("polyline", class_=class_, points=_points(points))


def polygon(points: Iterable[tuple[float, float]], class_: str) -> Markup:
    """Return an area."""
    return element("polygon", class_=class_, points=_points(points))


def boxes(rectangles: Iterable[tuple[float, float]], y: float, height: float, class_: str) -> Markup:
    """Return one element that draws many rectangles in a row: (left, right) of each, from `y` down by `height`."""
    height_text = number(height)
    drawn = "".join(
        f"M{number(left)} {number(y)}h{number(right - left)}v{height_text}h-{number(right - left)}z"
        for left, right in rectangles
    )
    return element("path", class_=class_, d=drawn)


def ticks(end: float, most: int = 6) -> list[float]:
    """Return round values at equal distances from 0 up to `end`, at most `most` and one more."""
    if end <= 0:
        return [0.0]
    step = 10 ** floor(log10(end / most))
    step = next(step * factor for factor in (1, 2, 5, 10) if end / (step * factor) <= most)
    return [round(index * step, 10) for index in range(int(end / step + 1e-9) + 1)]


def _name(name: str) -> str:
    return name.rstrip("_").replace("_", "-") if not name.startswith("preserve") and name != "viewBox" else name


def _text(value: Part) -> str:
    return number(value) if isinstance(value, float) else str(value)


def _points(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{number(x)},{number(y)}" for x, y in points)
