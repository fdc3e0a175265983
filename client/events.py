"""Tells what happens in a cluster, a line for each thing, until Ctrl-C: jobs, their tasks, workers and aggregators.

  moviola events                          all that happens from now on
  moviola events --since 10m              … and in the last ten minutes
  moviola events --job latest             the story of one job, until it ends
  moviola events --kind job --kind worker-left
  moviola events --json | jq .text        for programs: one JSON object a line
  moviola events --on-done 'cp "$MOVIOLA_JOB_OUTPUT" /srv/films'

Nothing is lost while a connection is: it is made again, and what happened meanwhile is told.

--on-done runs a command for each job that is done or partly done, --on-failed for each that failed or was cancelled:
by a shell, four at a time. The job's facts are in its environment: MOVIOLA_JOB_ID, _NAME, _STATE, _CODE, _REASON,
_USER, _SECONDS, _FRAMES, _OUTPUTS and _FILES (with blanks between the names), and _OUTPUT, the path of the first file
if it lies in the folder of results here. Write "$MOVIOLA_JOB_NAME" in double quotes.

Exit status: 0 it was ended, or the job has; 1 a command failed, or the middleware refuses; 2 wrong usage, or no such
job; 3 no middleware to reach.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

from moviola.base.command_line import LinesFormatter
from moviola.base.invocation import typed
from moviola.base.process_entry import run_as_process
from moviola.base.vocabulary import EventKind, JobState, Topic
from moviola.display.terminal import Terminal
from moviola.session.cluster_events import ENDS, ClusterEvent, EventId
from moviola.session.cluster_settings import ClientSettings
from moviola.session.cluster_view import look
from moviola.session.event_feed import ENDED, EventFeed
from moviola.session.jobs import find
from moviola.session.listening import Listener
from moviola.session.outcome import Status
from moviola.session.rpc import job_details
from moviola.session.target import UsageError, as_sentence
from moviola.wire.errors import Refused, WireError

from .completion import job_ids
from .display.event_lines import EventLines
from .events_settings import ALL, EventsSettings, kind
from .hooks import MAX_WAITING, WELL, Hook, Hooks
from .options import Parser, read_target

HOOKS_INTERVAL_S: Final = 0.2
"""How often it is looked whether a command has ended, while one runs."""

READER_INTERVAL_S: Final = 1.0
"""How often it is looked whether anybody still reads what is printed."""

LOOK_UP_AGAIN_S: Final = 1.0
"""How soon a middleware that was away is asked again about a job that has ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status, as the module's docstring lists them."""
    options = _parser().read(arguments)
    stdout, stderr = Terminal(), Terminal(stderr=True)
    try:
        return _Following(options, stdout, stderr).run()
    except UsageError as error:
        return stderr.fail(Status.WRONG, str(error))
    except (Refused, TimeoutError) as error:
        return stderr.fail(Status.FAILED, str(error))
    except WireError as error:
        return stderr.fail(Status.UNREACHABLE, str(error))
    except KeyboardInterrupt:
        return Status.DONE


def _parser() -> Parser:
    summary, _, rest = (__doc__ or "").replace("moviola events", typed("events")).partition("\n\n")
    parser = Parser(prog=typed("events"), description=summary, epilog=rest, formatter_class=LinesFormatter)
    parser.add(ClientSettings, EventsSettings)
    for action in parser._actions:
        if action.dest == "job":
            action.completer = job_ids(parser)  # type: ignore[attr-defined]  # argcomplete looks for it
    return parser


class _Following:
    """One run of the command: what is asked for, what is shown, and which commands run."""

    def __init__(self, options: argparse.Namespace, stdout: Terminal, stderr: Terminal) -> None:
        self._options, self._stdout, self._stderr = options, stdout, stderr
        self._target = read_target(options)
        self._job = find(look(self._target, [Topic.JOBS]).jobs, options.job).job if options.job else ""
        done = Hook("--on-done", options.on_done, WELL)
        failed = Hook("--on-failed", options.on_failed, frozenset({JobState.FAILED, JobState.CANCELLED}))
        hooks = [hook for hook in (done, failed) if hook.command]
        self._hooks = Hooks(hooks, options.results, self._complain, to_stderr=options.json)
        self._lines = EventLines(stdout, time.strftime("%Y-%m-%d"))
        self._shown = frozenset(one for each in options.kind for one in kind(each)) or ALL
        self._shown |= {EventKind.PROGRESS} if options.with_progress else frozenset()
        self._feed = self._begun_feed()
        self._ends_told = 0
        self._ended: deque[str] = deque()  # jobs of which a command is to be told more
        self._look_up_at = 0.0

    def _begun_feed(self) -> EventFeed:
        """Return the feed for what was asked for. With `--job` and without `--since` it begins with the job's first
        event."""
        told = self._options.since
        if told is None and self._job:
            told = float("inf")
        after = told if isinstance(told, EventId) else None
        now_unix_s = time.time()  # noqa: TID251 - events are told by the time of day
        since_unix_s = max(0.0, now_unix_s - told) if isinstance(told, float) else None
        return EventFeed(after=after, since_unix_s=since_unix_s, job=self._job, kinds=self._shown | set(ENDS))

    def run(self) -> int:
        """Tell what happens until somebody ends it, or the one job has ended. Return the exit status."""
        listener = Listener(self._target, self._feed)
        try:
            while not self._is_over():
                is_busy = self._hooks.are_busy or self._ended
                for event in listener.turn(HOOKS_INTERVAL_S if is_busy else READER_INTERVAL_S):
                    self._take(event)
                self._look_up()
                self._hooks.turn()
        except KeyboardInterrupt:
            self._end_hooks()
        finally:
            listener.close()
        return Status.FAILED if self._hooks.failed else Status.DONE

    def _take(self, event: ClusterEvent) -> None:
        if event.kind in self._shown or event.kind not in set(EventKind):
            self._show(event)
        if event.ends_job:
            self._ends_told += 1
            self._note_end(event.job, ENDS[EventKind(event.kind)])

    def _show(self, event: ClusterEvent) -> None:
        if self._options.json:
            self._stdout.json(event.to_json())
        else:
            self._lines.show(event)

    def _is_over(self) -> bool:
        """Return True if nothing more is to be told, because nobody reads it, or because the one job and the commands
        for it have ended."""
        state = self._feed.state_of(self._job) if self._job else ""
        if state in ENDED and not self._ends_told:
            self._ends_told += 1
            self._stderr.tell(f"Job {self._job} is {state}; what happened to it is not kept any more.")
            self._note_end(self._job, JobState(state))
            self._look_up()
        is_idle = not (self._hooks.are_busy or self._ended)
        return not self._stdout.has_reader or (state in ENDED and is_idle)

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _end_hooks(self) -> None:
        """Wait for the commands of jobs that have ended, because somebody ends this program; a second Ctrl-C gives them
        up. Say so of each job whose command does not come to its end."""
        try:
            self._look_up()
            if self._hooks.are_busy:
                self._stderr.tell("Waiting for the commands of jobs that have ended; Ctrl-C again ends them.")
            while self._hooks.are_busy:
                self._hooks.wait(HOOKS_INTERVAL_S)
        except KeyboardInterrupt:
            self._hooks.give_up()
        for job in self._ended:
            self._hooks.fail(f"No command was run for job {job}: this program ended before it had the job's details")

    def _note_end(self, job: str, state: JobState) -> None:
        if state not in self._hooks.wanted:
            return
        if len(self._ended) < MAX_WAITING:
            self._ended.append(job)
        else:
            self._hooks.fail(f"No command was run for job {job}: {MAX_WAITING} jobs wait for theirs already")

    def _look_up(self) -> None:
        """Ask the middleware for the records of jobs that have ended, and have the commands run with them. If it is
        away it is asked again later."""
        while self._ended and time.monotonic() >= self._look_up_at:
            job = self._ended[0]
            try:
                record = job_details(self._target, job)
            except Refused as error:
                self._hooks.fail(f"No command was run for job {job}: {error}")
            except (WireError, TimeoutError):
                self._look_up_at = time.monotonic() + LOOK_UP_AGAIN_S
                return
            else:
                self._hooks.ended(record)
            self._ended.popleft()

    def _complain(self, text: str) -> None:
        self._stderr.tell(as_sentence(text))


if __name__ == "__main__":
    sys.exit(run_as_process(main))
