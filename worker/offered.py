"""Which filters a worker offers, of all that it knows."""

from __future__ import annotations

from moviola.base.suggestions import did_you_mean
from moviola.filters import registry

from .settings import ALL


def chosen_filters(text: str) -> tuple[str, ...]:
    """The filters that a list of names, or `all`, stands for. Raises ValueError with a sentence for a person."""
    known = registry.names()
    wanted = list(dict.fromkeys(name for name in (part.strip() for part in text.split(",")) if name))
    if not wanted:
        raise ValueError(f"--filters names no filter; known are {', '.join(known)}, and '{ALL}'")
    if ALL in wanted:
        return known
    unknown = [name for name in wanted if name not in known]
    if unknown:
        meant = did_you_mean(unknown[0], (*known, ALL), "'") or f"; known are {', '.join(known)}"
        raise ValueError(f"no filter is called {' or '.join(map(repr, unknown))}{meant}")
    return tuple(wanted)
