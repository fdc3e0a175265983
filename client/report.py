"""What came of the files of one command, told as it comes: lines for people, or JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rich.text import Text

from moviola.display.bars import duration
from moviola.display.terminal import Terminal
from moviola.session.outcome import Outcome, OutputOutcome, Remains, Status, exit_status
from moviola.session.target import as_sentence
from moviola.session.units import counted
from moviola.session.views import BatchDisplay

from .display.job_report import failure_line, first_of_each_kind, traceback_of
from .display.left_behind import left_behind
from .display.summary import finished_line, output_line, print_summary

WORDS: Final = {
    Status.DONE: "done",
    Status.PARTIAL: "done in part",
    Status.FAILED: "failed",
    Status.WRONG: "refused",
    Status.CANCELLED: "cancelled",
    Status.UNREACHABLE: "without an answer",
}
"""How a file of a batch ended, in the sentence about all of them."""

MIN_WHOLE_S: Final = 10.0
"""From so many seconds on, tenths of seconds are not shown."""


def ended_in_words(counts: Mapping[Status, int], words: Mapping[Status, str] = WORDS) -> str:
    """Return how many files ended in which way, such as "3 done, 1 failed"; empty where none did."""
    return ", ".join(f"{counts[status]} {word}" for status, word in words.items() if counts.get(status))


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What is to be told.

    Attributes:
        is_batch: there are several files: tell a line for each, and one for all at the end.
        as_json: print one JSON object for each source to standard output, and nothing else there.
        is_quiet: tell only what is wrong.
        is_detached: print the ids of jobs, because nobody waits for their results.
    """

    is_batch: bool
    as_json: bool = False
    is_quiet: bool = False
    is_detached: bool = False


class Report:
    """Tell what came of each file, and of all.

    Args:
        stdout: for what came of the files.
        display: for everything else; it is told to make room.
    """

    def __init__(self, options: ReportOptions, stdout: Terminal, display: BatchDisplay) -> None:
        self._options, self._stdout, self._display = options, stdout, display
        self._outcomes: list[Outcome] = []
        self._said: set[tuple[str, ...]] = set()

    @property
    def status(self) -> Status:
        """The exit status for all that was told of."""
        return exit_status(outcome.status for outcome in self._outcomes)

    def tell(self, outcome: Outcome) -> None:
        """Tell how one file ended."""
        self._outcomes.append(outcome)
        self._explain(outcome)
        if self._options.as_json:
            self._display.make_room()
            self._stdout.json(outcome.to_json())
        elif self._options.is_detached:
            if outcome.status is Status.DONE:
                self._display.make_room()
                self._stdout.say(outcome.job_id)
        elif self._options.is_batch and not self._options.is_quiet:
            for output in outcome.outputs:
                self._display.make_room()
                self._stdout.say(self._line(outcome, output))

    def end(self, seconds: float) -> None:
        """Tell what came of all files together. Call it after the last one.

        Args:
            seconds: how long all of them took.
        """
        if self._options.is_batch:
            left = [as_sentence(sentence) for sentence in left_behind(self._outcomes)]
            for sentence in left:
                self._display.say(sentence)
            if not left:
                self._display.remark(as_sentence(self._sum(seconds)))
        elif not (self._options.as_json or self._options.is_quiet or self._options.is_detached):
            self._display.make_room()
            print_summary(self._stdout, self._outcomes)

    def _line(self, outcome: Outcome, output: OutputOutcome) -> Text:
        if self._stdout.is_terminal:
            return finished_line(outcome, output, self._stdout.width)
        return output_line(outcome, output)

    def _explain(self, outcome: Outcome) -> None:
        """Tell why a file is not as it was asked for, its warnings, and its failures."""
        is_interrupted = outcome.status is Status.CANCELLED and outcome.remains is not Remains.NOTHING
        is_told_at_the_end = self._options.is_batch and is_interrupted
        if outcome.reason and not is_told_at_the_end:
            self._say(as_sentence(outcome.sentence()))
        for warning in outcome.news if not self._options.is_quiet else ():
            self._say(f"{outcome.source}: {warning}")
        for failure in first_of_each_kind(outcome.failures) if not self._options.is_quiet else ():
            self._say(f"{outcome.source}: {failure_line(failure, outcome.unit)}")
            self._say(*traceback_of(failure).splitlines())

    def _sum(self, seconds: float) -> str:
        words = WORDS | ({Status.DONE: "sent"} if self._options.is_detached else {})
        ended = ended_in_words(Counter(each.status for each in self._outcomes), words)
        time = f"{seconds:.1f} s" if seconds < MIN_WHOLE_S else duration(seconds)
        return f"{counted(len(self._outcomes), 'file')} in {time}: {ended}"

    def _say(self, *lines: str) -> None:
        if lines not in self._said:  # two jobs that cannot reach the middleware are one piece of news
            self._said.add(lines)
            for line in lines:
                self._display.say(line)
