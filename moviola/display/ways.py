"""The ways in which progress can be shown, as flags name them."""

from __future__ import annotations

from typing import Final

AUTO: Final = "auto"
BAR: Final = "bar"
PLAIN: Final = "plain"
JSON: Final = "json"
NONE: Final = "none"

WAYS: Final = (AUTO, BAR, PLAIN, JSON, NONE)
"""What suits the terminal; lines that change in place, where the terminal can; lines that stay; events for programs, as
docs/PROGRESS.md describes them; nothing."""
