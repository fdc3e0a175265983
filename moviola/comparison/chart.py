"""The chart of a comparison as an SVG file: a bar for each mode, whose length is the mode's speed."""

from __future__ import annotations

from html import escape
from typing import Final

from moviola.comparison.records import Comparison, ModeFigures

WIDTH: Final = 760
LEFT: Final = 118
"""Pixels for the names of the modes."""

RIGHT: Final = 178
"""Pixels for the numbers."""

TOP, ROW, BAR, BOTTOM = 62, 46, 24, 44
COLOURS: Final = {"sequential": "#6b7280", "threads": "#0f766e", "processes": "#1d4ed8", "distributed": "#b45309"}
FONT: Final = "font-family='system-ui, sans-serif'"


def chart(comparison: Comparison) -> str:
    """Return an SVG document. A thin line on a bar reaches from the slowest round to the fastest."""
    rows = [each for each in comparison.modes if each.per_second]
    most = max((_rate(comparison, each.seconds_min) for each in rows), default=1.0) or 1.0
    height = TOP + ROW * len(rows) + BOTTOM
    unit = comparison.unit or "frame"
    title = f"{comparison.source}: {', '.join(comparison.filters)}"
    rounds = "1 round" if comparison.iterations == 1 else f"the median of {comparison.iterations} rounds"
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' height='{height}' "
        f"role='img' aria-labelledby='title' {FONT}>",
        f"<title id='title'>{escape(title)}; {escape(_in_words(rows, unit))}</title>",
        f"<rect width='{WIDTH}' height='{height}' fill='#ffffff'/>",
        _text(16, 27, title, size=16, weight=600),
        _text(16, 47, f"{unit}s a second, {rounds}; longer is faster", colour="#4b5563"),
    ]
    for number, each in enumerate(rows):
        parts += _row(comparison, each, TOP + ROW * number, most)
    cores = "1 core" if comparison.cores == 1 else f"{comparison.cores} cores"
    count = f"{comparison.count} {unit}s" if comparison.count != 1 else f"1 {unit}"
    parts.append(_text(16, height - 16, f"{count}, {cores}", colour="#4b5563"))
    return "\n".join([*parts, "</svg>", ""])


def _row(comparison: Comparison, each: ModeFigures, top: int, most: float) -> list[str]:
    room = WIDTH - LEFT - RIGHT
    rate = each.per_second or 0.0
    length = round(room * rate / most, 1)
    middle = top + BAR / 2
    slowest, fastest = (LEFT + room * _rate(comparison, at) / most for at in (each.seconds_max, each.seconds_min))
    speed_up = "" if each.speed_up is None else f"   {each.speed_up:.2f} ×"
    parts = [
        _text(LEFT - 10, middle + 5, each.mode, anchor="end"),
        f"<rect x='{LEFT}' y='{top}' width='{length}' height='{BAR}' rx='3' fill='{COLOURS[each.mode]}'/>",
        _text(WIDTH - RIGHT + 14, middle + 5, f"{rate:.1f}{speed_up}", weight=600),
    ]
    if len(each.rounds) > 1:
        parts.append(
            f"<path d='M{slowest:.1f} {middle}H{fastest:.1f}M{slowest:.1f} {middle - 5}v10"
            f"M{fastest:.1f} {middle - 5}v10' stroke='#111827' stroke-width='1.5' fill='none'/>"
        )
    return parts


def _rate(comparison: Comparison, seconds: float | None) -> float:
    return comparison.count / seconds if seconds else 0.0


def _in_words(rows: list[ModeFigures], unit: str) -> str:
    return "; ".join(f"{each.mode} {each.per_second:.1f} {unit}s a second" for each in rows)


def _text(
    x: float, y: float, text: str, *, size: int = 13, weight: int = 400, colour: str = "#111827", anchor: str = "start"
) -> str:
    return (
        f"<text x='{x}' y='{y}' font-size='{size}' font-weight='{weight}' fill='{colour}' text-anchor='{anchor}' "
        f"xml:space='preserve'>{escape(text)}</text>"
    )
