"""The one place where the client's programs print, to a terminal or to what stands for one."""

from __future__ import annotations

import io
import json
import select
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.text import Text

from moviola.base import standard_streams
from moviola.session.target import as_sentence
from moviola.wire.shown import shown

Part = str | tuple[str, str] | Text
"""A text, a text and its style, or what `styled` made of some."""


class Terminal(Console):
    """Prints texts as they are, whoever wrote them: nothing in them is taken for markup, for the name of an emoji, or
    for a command to the terminal. A character that the stream's encoding does not know becomes a question mark. If the
    reader leaves, as `head` does, the program goes on, and what it prints is dropped. So is what cannot be written for
    another reason, such as a full disk; of standard output that costs the exit status, see `standard_streams`.

    Args:
        options: of rich.console.Console.
    """

    _is_deserted = False

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)
        if isinstance(self.file, io.TextIOWrapper):
            self.file.reconfigure(errors="replace")

    @property
    def has_reader(self) -> bool:
        """Return False once whoever read what was printed, over a pipe, has left."""
        if not self._is_deserted and not self.is_terminal:
            try:
                poll = select.poll()
                poll.register(self.file.fileno(), 0)
                self._is_deserted = any(mask & select.POLLERR for _, mask in poll.poll(0))
            except (OSError, ValueError, AttributeError):  # it is no file, or there is no poll here
                return True
        return not self._is_deserted

    def say(self, *parts: Part) -> None:
        """Print one line, however long it is."""
        self.print(styled(*parts), soft_wrap=True)

    def tell(self, text: str) -> None:
        """Print sentences: on a terminal broken between words, elsewhere in one line. A text that begins with a blank,
        as lines of a traceback do, is never broken, so that what it names can be copied."""
        self.print(styled(text), soft_wrap=not self.is_terminal or text.startswith(" "))

    def fail(self, status: int, sentence: str) -> int:
        """Say why a program ends; return the exit status, for `return stderr.fail(…)`."""
        self.tell(as_sentence(sentence))
        return status

    def json(self, value: Any) -> None:
        """Print a value of JSON types in one line."""
        self.say(json.dumps(value))

    def render_str(self, text: str, **options: Any) -> Text:
        """Return what rich prints for a bare text, such as a table's cell, made safe for the terminal."""
        return super().render_str(shown(text), **options)

    def on_broken_pipe(self) -> None:
        """Drop everything that is printed from now on, here and by what else writes to the same stream until the
        process has ended."""
        self._is_deserted = True
        standard_streams.lead_nowhere(self.file)

    def __exit__(self, *raised: Any) -> None:
        """Write what was printed in the block that ends. rich has such blocks around all that is printed."""
        try:
            super().__exit__(*raised)
        except OSError as error:
            self._buffer.clear()  # or the next text would begin with this one
            if not self.stderr:
                standard_streams.lose(error)


def styled(*parts: Part) -> Text:
    """Return a line of parts, made safe for the terminal. Texts of others that are to have a style must pass here."""
    return Text.assemble(*map(_safe, parts))


def stacked(lines: Iterable[str]) -> Text:
    """Lines below each other."""
    return Text("\n").join(styled(line) for line in lines)


def _safe(part: Part) -> Part:
    match part:
        case str():
            return shown(part)
        case (text, style):
            return shown(text), style
    return part
