"""What a traceback comes down to in a sentence."""

from __future__ import annotations

import pytest

from moviola.media.errors import last_line


@pytest.mark.parametrize(
    ("last", "told"),
    [
        ("moviola.filters.base.UnsuitableSize: crop: too small", "crop: too small"),
        ("moviola.filters.schema.ParameterError: blur: no", "blur: no"),
        ("ZeroDivisionError: division by zero", "ZeroDivisionError: division by zero"),
        ("", ""),
    ],
)
def test_the_name_of_an_exception_is_left_out_where_its_text_is_for_people(last: str, told: str) -> None:
    assert last_line(f"Traceback:\n  File …\n{last}\n" if last else "") == told
