from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from moviola.filters.assets import Asset, travelled, value_of

Given = Callable[[bytes], Asset]


@pytest.fixture(scope="module")
def given() -> Iterator[Given]:
    """Makes a network available to filters, as if it had come with the job, and gives the value that stands for it."""
    files: dict[str, bytes] = {}

    def give(content: bytes) -> Asset:
        value = value_of(content)
        files[value] = content
        return Asset(value)

    with travelled(files):
        yield give
