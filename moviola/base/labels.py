"""Labels of workers: words for what a machine has that a filter may ask for, such as `gpu`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Final

from moviola.base.mapped import Length

MAX_LABEL: Final = 63
"""Characters of a label: as many as other systems give one, such as Kubernetes, so that theirs can be taken over."""

MAX_LABELS: Final = 16
"""Labels of a worker: they are told with each of its records."""

SPELLING: Final = f"1 to {MAX_LABEL} characters of a-z, 0-9, '.', '_' and '-', the first a letter or a digit"
"""How a label is written. Small letters only: `GPU` and `gpu` would look alike, and be two."""

Label = Annotated[str, Length(MAX_LABEL)]
"""A label as messages carry it."""

_LABEL: Final = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{MAX_LABEL - 1}}}")


def is_label(text: str) -> bool:
    """Return whether a text is written as a label is."""
    return _LABEL.fullmatch(text) is not None


def fault_of(labels: Sequence[str]) -> str:
    """Return why these cannot be a worker's labels, as a sentence; empty where they can."""
    bad = [label for label in labels if not is_label(label)]
    if bad:
        return f"a label has {SPELLING}; {bad[0]!r:.80} is not a label"
    if len(labels) > MAX_LABELS:
        return f"a worker has {MAX_LABELS} labels at most, not {len(labels)}"
    return ""
