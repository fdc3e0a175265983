"""Which build each step of a filter chain ran under.

A *build* is a worker's fingerprint: its library versions and processor class. A *build path* has the build of each step
that is done, in order; workers that share a chain may be of different builds. Results of one output are alike only if
their paths are equal: with the same builds, but another step at which one took over, pixels may differ.

In messages, ledgers and reports a path is one text. Where one build did all steps, it is that build's text. Otherwise
it tells how many steps in a row each build did: `A*2 + B*1` for two steps of A and then one of B. In this form a
build's own `%` and `*` are written `%25` and `%2A`, so no build can be taken for a path of others. A build whose text
is empty or has a `*` is always written in this form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import Final

BuildPath = tuple[str, ...]
"""One build for each step that is done, the first step's first. Empty: no step is done, or no path is known."""

CACHED: Final = 1024
"""Paths whose texts are remembered: a few for each output in work. A text has at most some kilobytes."""

_COUNT: Final = "*"
_BETWEEN: Final = " + "
_RUN: Final = re.compile(r"([^*]*)\*([1-9][0-9]{0,8})(?: \+ |\Z)")


def extended(path: BuildPath, build: str, count: int) -> BuildPath:
    """Return the path after `count` more steps under `build`."""
    return path + (build,) * count


def matches(path: BuildPath, target: BuildPath) -> bool:
    """Return whether a partial result built by `path` can still become one built by `target`: whether `path` is a
    prefix of it. An empty `target` matches anything."""
    return not target or target[: len(path)] == path


@lru_cache(CACHED)
def to_text(path: BuildPath) -> str:
    """Return the text form of a path; an empty text for an empty path."""
    builds = [(build, sum(1 for _ in steps)) for build, steps in groupby(path)]
    if len(builds) == 1 and path[0] and _COUNT not in path[0]:
        return path[0]
    return _BETWEEN.join(f"{_escaped(build)}{_COUNT}{count}" for build, count in builds)


@lru_cache(CACHED)
def from_text(text: str, step_count: int) -> BuildPath:
    """Return the path of `step_count` steps that `to_text` wrote as `text`; an empty path for an empty text.

    Raises ValueError for any other text.
    """
    path = tuple(_builds(text, step_count)) if text else ()
    if to_text(path) != text:
        raise ValueError(f"{text!r:.200} does not tell the builds of {step_count} steps")
    return path


def _builds(text: str, step_count: int) -> Iterator[str]:
    """Yield at most `step_count` builds, also of a text that is malformed."""
    runs = _RUN.findall(text) if _COUNT in text else [(text, step_count)]
    if sum(int(count) for _, count in runs) == step_count:
        for build, count in runs:
            yield from [_unescaped(build) if _COUNT in text else build] * int(count)


def _escaped(build: str) -> str:
    return build.replace("%", "%25").replace(_COUNT, "%2A")


def _unescaped(text: str) -> str:
    return text.replace("%2A", _COUNT).replace("%25", "%")
