"""Makes text from other programs safe to show in a terminal or a log.

Names of sources, workers and files, reasons and tracebacks may come from anywhere. They may contain line breaks, which
would forge the next line, or escapes that a terminal obeys.
"""

from __future__ import annotations

import logging
from typing import Any, Final

MARK: Final = "\N{REPLACEMENT CHARACTER}"
"""What replaces each character that cannot be printed."""

INDENT: Final = "    "
"""Stands before each line of a traceback, so that only the log's own lines begin at the margin."""


def shown(text: str) -> str:
    """Return the text in one printable line: any kind of blank becomes a space, other such characters become MARK."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else " " if each.isspace() else MARK for each in text)


class LogFormatter(logging.Formatter):
    """Formats each log event in one line, whatever its message contains; a traceback follows, indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - its name in logging
        """Return the event's line, made safe by `shown`."""
        return shown(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """Return the traceback, each line made safe and indented."""
        return "\n".join(INDENT + shown(line) for line in super().formatException(ei).splitlines())
