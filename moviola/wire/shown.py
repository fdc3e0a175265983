"""What others wrote, where people read it: in a terminal, in a log.

Names of sources, workers and files, reasons and tracebacks come from anywhere, and may hold line breaks, which would
forge the next line, or the escapes that a terminal obeys.
"""

from __future__ import annotations

import logging
from typing import Any, Final

MARK: Final = "\N{REPLACEMENT CHARACTER}"

INDENT: Final = "    "
"""Before each line of a traceback: only a line of the log itself begins at its margin."""


def shown(text: str) -> str:
    """The text in one line that is nothing but text: blanks of any kind are spaces, what cannot be seen is a mark."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else " " if each.isspace() else MARK for each in text)


class LogFormatter(logging.Formatter):
    """An event takes one line, whatever its message holds; a traceback stands indented below it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - its name in logging
        return shown(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return "\n".join(INDENT + shown(line) for line in super().formatException(ei).splitlines())
