"""JSON that others wrote: what cannot be read raises one exception, whatever is wrong with it."""

from __future__ import annotations

import json
from typing import Any


def json_in(text: str | bytes) -> Any:
    """Return what a JSON text says. Raise ValueError where it is none, or its brackets are nested too deeply to be
    read, for which Python's own reader has another exception."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("its brackets are nested too deeply") from error
