"""Which filters a worker offers, of all that it knows."""

from __future__ import annotations

from moviola.base.suggestions import did_you_mean
from moviola.filters import registry

from .settings import ALL


def chosen_filters(text: str) -> tuple[str, ...]:
    """Return the filters that a list of names stands for; `all` stands for all that can run here. Raises ValueError
    with a sentence for a person."""
    known, lacking = registry.names(), registry.lacking()
    wanted = _names_in(text)
    if not wanted:
        raise ValueError(f"--filters names no filter; known are {', '.join(known)}, and '{ALL}'")
    if ALL in wanted:
        return registry.runnable()
    unknown = [name for name in wanted if name not in known]
    if unknown:
        meant = did_you_mean(unknown[0], (*known, ALL), "'") or f"; known are {', '.join(known)}"
        raise ValueError(f"no filter is called {' or '.join(map(repr, unknown))}{meant}")
    for name in wanted:
        if name in lacking:
            raise ValueError(f"'{name}' cannot run here: {lacking[name]}")
    return tuple(wanted)


def lacking_filters(text: str) -> dict[str, str]:
    """Return the filters that cannot run here, if `all` were asked for, each with what keeps this worker from offering
    it. Return nothing if only some filters were asked for."""
    return registry.lacking() if ALL in _names_in(text) else {}


def _names_in(text: str) -> list[str]:
    return list(dict.fromkeys(name for name in (part.strip() for part in text.split(",")) if name))
