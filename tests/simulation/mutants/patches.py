"""What a planted defect is: where it goes, and what stands there instead."""

from __future__ import annotations

from typing import Any

Patch = tuple[Any, str, Any]
"""(what is patched, the name of its attribute, the defect in its place)."""

Patches = list[Patch]
