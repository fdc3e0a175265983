"""What the command said of a file: before it began, and in what it wrote beside the output."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]

TIMEOUT_S: Final = 900.0
"""For one file: long enough for some seconds of 8K on a machine that does other things."""

METRICS: Final = ".metrics.json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one file.

    Attributes:
        status: the command's exit status; None where it was ended after `TIMEOUT_S`.
        state: of the job, such as `done`; empty where there was none.
        reason: why it was refused, or failed; in one sentence.
        outputs: the files that it made, the main one first.
        before: the sentences on standard error, none of which is of progress, without the file's name, whose words say
            nothing of what became of it.
        after: the warnings and findings in the metrics.
        frames_out: how many frames it says it made.
        traceback: whether it showed one.
    """

    status: int | None
    state: str = ""
    reason: str = ""
    outputs: tuple[Path, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    frames_out: int = 0
    traceback: bool = False
    metrics: dict[str, Any] = field(default_factory=dict)

    @property
    def is_refused(self) -> bool:
        """Whether it made no file."""
        return not self.outputs

    @property
    def sentences(self) -> tuple[str, ...]:
        """Everything that it said, each sentence once."""
        return tuple(dict.fromkeys((*self.before, *self.after)))

    def said(self, pattern: str) -> str:
        """Return the first sentence in which the regular expression is found, or nothing."""
        return next((each for each in self.sentences if re.search(pattern, each, re.IGNORECASE)), "")


def ask(source: Path, folder: Path, chain: str, options: Sequence[str]) -> Answer:
    """Send one file by `python -m client.file_sender`, and return what it said and made.

    Args:
        source: the file.
        folder: an empty folder for what it makes.
        chain: the filters.
        options: `--local`, or where the cluster is.
    """
    command = [sys.executable, "-m", "client.file_sender", *options, "-f", chain, "--json", "--progress", "none"]
    try:
        done = subprocess.run(
            [*command, "--overwrite", "-o", f"{folder}/", str(source)],
            cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Answer(None, reason=f"not done after {TIMEOUT_S:.0f} s")
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    told = _told(done.stdout)
    metrics = _metrics(folder)
    made = [path for path in _files(folder) if not path.name.endswith((METRICS, "metadata.json"))]
    paths = [Path(each["path"]) for each in told.get("outputs", ()) if each.get("path")]
    made.sort(key=lambda path: path not in paths)
    return Answer(
        status=done.returncode,
        state=str(told.get("state", "")),
        reason=str(told.get("reason") or (lines[-1] if done.returncode and lines else "")),
        outputs=tuple(made) if done.returncode in (0, None) or told.get("outputs") else (),
        before=tuple(line.replace(source.name, "it") for line in lines),
        after=tuple(each.replace(source.name, "it") for each in _sentences(metrics)),
        frames_out=sum(int(each.get("frames_out", 0)) for each in told.get("outputs", ())),
        traceback="Traceback (most recent call last)" in done.stderr,
        metrics=metrics,
    )


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _told(output: str) -> dict[str, Any]:
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            told: dict[str, Any] = json.loads(line)
            return told
    return {}


def _metrics(folder: Path) -> dict[str, Any]:
    for path in (*_files(folder), *folder.parent.glob(f"{folder.name}{METRICS}")):
        if path.name.endswith(METRICS):
            read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return read
    return {}


def _sentences(metrics: dict[str, Any]) -> list[str]:
    findings = [*metrics.get("findings", ()), *metrics.get("source", {}).get("findings", ())]
    of_findings = [f"{each['subject']} {each['reason']}" for each in findings if each.get("fate") != "kept"]
    return [*metrics.get("warnings", ()), *of_findings]
