"""Maps that describe nothing: what a hostile peer, a broken child or a damaged disk may send in place of a record."""

from __future__ import annotations

from typing import Any

import msgpack
from hypothesis import strategies as st

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=12)
    | st.binary(max_size=12)
    | st.sampled_from(["1e999999999", "1/0", "30000/1001", "done", "drawn", [1, 0], [0, 1], [1, 25], [[0, 10**12]]])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
)
"""Anything that msgpack can carry."""


@st.composite
def spoiled(draw: st.DrawFn, whole: dict[str, Any]) -> Any:
    """A map like `whole`, of which one place, however deep, is something else or is missing."""
    made: Any = msgpack.unpackb(msgpack.packb(whole), strict_map_key=False)
    place = made
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        inner = place[key]
        if isinstance(inner, dict | list) and inner and draw(st.booleans()):
            place = inner
            continue
        if draw(st.integers(0, 4)) == 0:
            del place[key]
        else:
            place[key] = draw(VALUES)
        return made
