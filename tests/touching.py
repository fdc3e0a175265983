"""Which objects are looked at while something happens: what a turn costs must not grow with those that are idle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def touched(*kinds: type) -> Iterator[list[object]]:
    """The objects of these kinds of which anything is read meanwhile."""
    seen: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        for kind in kinds:

            def read(self: object, name: str) -> Any:
                seen.append(self)
                return object.__getattribute__(self, name)

            patch.setattr(kind, "__getattribute__", read, raising=False)
        yield seen
