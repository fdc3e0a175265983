"""Settings for all tests."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("moviola", deadline=None)  # a loaded machine is slow, and slow is not wrong
settings.load_profile("moviola")
