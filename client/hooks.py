"""Commands that are run for each job that ends, a few at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from moviola.base.processes import signal_name
from moviola.base.vocabulary import JobState
from moviola.wire.messages import Job
from moviola.wire.shown import shown

MAX_AT_ONCE: Final = 4
"""Commands that run at the same time: what they do, such as copying a film, takes a disk or a network."""

MAX_WAITING: Final = 1000
"""Jobs whose command has not begun: as many as a cluster has."""

MAX_VALUE: Final = 8000
"""Characters of one variable: systems take 128 KiB, and no more in all than a few MiB."""

WELL: Final = frozenset({JobState.DONE, JobState.PARTIAL})
"""The states in which a job has files."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A command that a shell runs for jobs that end in some states. Nothing of a job is ever inserted into its text."""

    flag: str
    command: str
    states: frozenset[JobState]


class Hooks:
    """Runs the commands that were asked for, each with a job's facts in its environment.

    Args:
        hooks: which commands.
        results: the folder in which results of jobs may lie.
        say: called with a sentence about each command that could not be run, or failed.
        to_stderr: send what commands print to standard error, because a program reads standard output.
        environ: environment variables that commands get beside a job's facts.
    """

    def __init__(
        self,
        hooks: list[Hook],
        results: Path,
        say: Callable[[str], None],
        *,
        to_stderr: bool = False,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._hooks, self._results, self._say, self._environ = hooks, results, say, dict(environ)
        self._stdout = sys.stderr.fileno() if to_stderr else None
        self._waiting: deque[tuple[Hook, Job]] = deque()
        self._running: list[tuple[Hook, Job, subprocess.Popen[bytes]]] = []
        self.failed = 0

    @property
    def wanted(self) -> frozenset[JobState]:
        """Return the states for which there is a command."""
        return frozenset[JobState]().union(*(hook.states for hook in self._hooks))

    @property
    def are_busy(self) -> bool:
        """Return True while a command runs, or is to."""
        return bool(self._waiting or self._running)

    def ended(self, job: Job) -> None:
        """Have the commands run for a job that has ended, as soon as there is a place."""
        for hook in self._hooks:
            if job.state not in hook.states:
                continue
            if len(self._waiting) >= MAX_WAITING:
                self.fail(f"{hook.flag} was not run for job {job.job}: {MAX_WAITING} commands wait already")
            else:
                self._waiting.append((hook, job))
        self.turn()

    def turn(self) -> None:
        """Take note of commands that have ended, and start those that wait for a place."""
        for hook, job, process in list(self._running):
            if process.poll() is not None:
                self._running.remove((hook, job, process))
                self._note_end(hook, job, process.returncode)
        while self._waiting and len(self._running) < MAX_AT_ONCE:
            self._start(*self._waiting.popleft())

    def wait(self, timeout_s: float) -> None:
        """Wait until the command that was started first has ended, for at most `timeout_s`; then do a `turn`."""
        if self._running:
            with suppress(subprocess.TimeoutExpired):
                self._running[0][2].wait(timeout_s)
        self.turn()

    def give_up(self) -> None:
        """End the commands that run, with all that they have started, drop those that wait, and say so of each."""
        for hook, job, process in self._running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            self.fail(f"{hook.flag} for job {job.job} was ended before it was done")
        for hook, job in self._waiting:
            self.fail(f"{hook.flag} was not run for job {job.job}: this command was ended")
        self._running.clear()
        self._waiting.clear()

    def _start(self, hook: Hook, job: Job) -> None:
        facts = facts_of(job, self._results)
        try:
            process = subprocess.Popen(
                ["/bin/sh", "-c", hook.command],
                env={**self._environ, **facts},
                stdin=subprocess.DEVNULL,
                stdout=self._stdout,
                start_new_session=True,  # a Ctrl-C at the terminal is for whoever listens
            )
        except OSError as error:
            return self.fail(f"{hook.flag} cannot be run for job {job.job}: {error.strerror}")
        self._running.append((hook, job, process))
        return None

    def _note_end(self, hook: Hook, job: Job, status: int) -> None:
        if status < 0:
            self.fail(f"{hook.flag} for job {job.job} was ended by {signal_name(-status)}")
        elif status > 0:
            self.fail(f"{hook.flag} for job {job.job} failed with exit status {status}")

    def fail(self, sentence: str) -> None:
        """Count and say what could not be done."""
        self.failed += 1
        self._say(sentence)


def facts_of(job: Job, results: Path) -> dict[str, str]:
    """Return the variables that tell a command of a job that has ended."""
    files = [file.file for file in job.files]
    made = [results / job.job / one.file for one in job.outputs if one.file]
    output = next((str(path) for path in made if os.path.exists(path)), "")
    facts = {
        "ID": job.job,
        "NAME": job.name,
        "STATE": job.state,
        "CODE": job.code,
        "REASON": job.reason,
        "USER": job.user,
        "SECONDS": f"{job.seconds:.1f}",
        "FRAMES": str(job.progress.frames_done),
        "OUTPUTS": " ".join(one.name for one in job.outputs),
        "FILES": " ".join(files),
        "OUTPUT": output,
    }
    return {f"MOVIOLA_JOB_{name}": shown(value)[:MAX_VALUE] for name, value in facts.items()}
