from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from moviola.filters.assets import Asset, travelled, value_of

Sent = Callable[[Path], Asset]


@pytest.fixture(scope="module")
def sent() -> Iterator[Sent]:
    """Makes a file available to filters, as if it had come with the job, and gives the value that stands for it."""
    files: dict[str, bytes] = {}

    def send(path: Path) -> Asset:
        content = path.read_bytes()
        value = value_of(content)
        files[value] = content
        return Asset(value)

    with travelled(files):
        yield send
