"""Which part of a file is asked for."""

from __future__ import annotations

import pytest

from moviola.web.files import disposition
from moviola.web.ranges import Part, Unsatisfiable, is_known, part_of


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-9", Part(0, 10)),
        ("bytes=90-", Part(90, 100)),
        ("bytes=90-1000", Part(90, 100)),
        ("bytes=-10", Part(90, 100)),
        ("bytes=-1000", Part(0, 100)),
        ("bytes=9-0", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-9", None),
        ("bytes=zero-nine", None),
    ],
)
def test_a_range_is_a_part_or_is_passed_over(header: str | None, part: Part | None) -> None:
    assert part_of(100, header, None, '"a"') == part


@pytest.mark.parametrize(("size", "header"), [(100, "bytes=100-"), (100, "bytes=-0"), (0, "bytes=0-"), (0, "bytes=-1")])
def test_a_range_without_a_byte_is_refused(size: int, header: str) -> None:
    with pytest.raises(Unsatisfiable):
        part_of(size, header, None, '"a"')


def test_a_part_of_another_file_is_not_sent() -> None:
    assert part_of(100, "bytes=0-9", '"a"', '"a"') == Part(0, 10)
    assert part_of(100, "bytes=0-9", '"b"', '"a"') is None


@pytest.mark.parametrize(
    ("header", "known"), [(None, False), ('"a"', True), ('"b", W/"a"', True), ("*", True), ('"b"', False)]
)
def test_a_file_that_is_known_is_not_sent_again(header: str | None, known: bool) -> None:
    assert is_known(header, '"a"') is known


def test_a_name_cannot_break_out_of_its_header() -> None:
    told = disposition('blur/a "b"\r\nSet-Cookie: é.png')
    assert told.isascii()
    assert told.isprintable()
    assert told.startswith('attachment; filename="a _b___Set-Cookie: _.png"; filename*=UTF-8')
