"""Which engines there are, for those that only name one."""

from __future__ import annotations

from typing import Final

ENGINES: Final = ("ray",)
"""An address may stand behind each: ray://HOST:PORT."""
