"""Errors of engines; each text is one sentence that says what is wrong, and what to do.

EngineUnavailable    nothing can be done on the engine at all
EngineFailed         a job that was begun there cannot be brought to its end (a moviola.media.errors.MediaError)
"""

from __future__ import annotations

from moviola.media.errors import MediaError


class EngineUnavailable(Exception):
    """Raised if an engine cannot be used: it is not installed, nobody answers, or its nodes do not go together."""


class EngineFailed(MediaError):
    """Raised for a job that an engine cannot bring to its end."""
