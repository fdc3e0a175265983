"""Texts that travel, and the most characters that each may have."""

from __future__ import annotations

from typing import Annotated, Final

from moviola.base.mapped import Length

MAX_NAME: Final = 255
"""Characters in a name: of a worker, a job, a file, a filter. A job is called like its source, and file systems take
names of 255 bytes or UTF-16 units, which are never more characters."""

MAX_TEXT: Final = 64 * 1024
"""Characters in a text for people: a reason, a traceback."""

Name = Annotated[str, Length(MAX_NAME)]
"""A name or id, or one of a few words."""

Text = Annotated[str, Length(MAX_TEXT, for_people=True)]
"""A text for people, cut by its sender if it is too long."""

Token = Annotated[str, Length(MAX_TEXT)]
"""A long text that programs compare; it is never cut."""


def encodable(name: str) -> str:
    """Return a name as messages can carry it: bytes that are no text in the file system's encoding become marks."""
    return name.encode("utf-8", "replace").decode()
