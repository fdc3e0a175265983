"""A video, what was made of it, and what was said."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.fidelity import by_pyav, ffprobe
from tests.fidelity.by_pyav import Timeline
from tests.fidelity.facts import File, Stream
from tests.fidelity.said import Answer
from tests.fidelity.verdicts import Fate, Verdict


@dataclass(frozen=True, slots=True)
class Pair:
    """A source, what was made of it, and what was said."""

    source: File
    output: File
    before: Timeline
    after: Timeline
    answer: Answer
    source_path: Path
    output_path: Path

    @classmethod
    def of(cls, source: Path, answer: Answer) -> Pair:
        """Look at both files. Raise ValueError or av.FFmpegError where one cannot be read."""
        describe = ffprobe.describe if ffprobe.is_installed() else by_pyav.describe
        output = answer.outputs[0]
        return cls(
            describe(source), describe(output), by_pyav.timeline(source), by_pyav.timeline(output), answer,
            source, output,
        )  # fmt: skip

    def judged(self, aspect: str, is_kept: bool, text: str, pattern: str) -> Verdict:
        """Return kept where it is, else changed and said where a sentence has the pattern, else lost silently."""
        if is_kept:
            return Verdict(aspect, Fate.KEPT, text)
        said = self.answer.said(pattern)
        return Verdict(aspect, Fate.SAID if said else Fate.LOST, f"{text} ({said})" if said else text)

    @property
    def videos(self) -> tuple[Stream, Stream] | None:
        """The stream that is filtered, before and after; None where either file has none."""
        before, after = (next(iter(each.of_type("video")), None) for each in (self.source, self.output))
        return None if before is None or after is None else (before, after)
