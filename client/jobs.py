"""Looks at jobs, waits for them, brings their files, says what shall become of them.

  list            all jobs (this is the default): how long ago they were sent and
                  what they took, frames (images, records) done, tasks queued +
                  in work; --state STATE, --limit N, --watch
  show ID         all that is known of one job, with its failures; with
                  --task N also what happened to its chunk N
  logs ID         what happened to its tasks, line by line, with times
  wait ID         shows how far it is until it has ended
  fetch ID        the same, and brings its files
  cancel ID       ends it, and frees its workers at once
  pause ID        hands nothing more of it out, until
  resume ID
  priority ID N   has it go before your jobs of lower priority, 0 to 100;
                  tasks that workers hold go on
  retry ID        begins a failed or cancelled job again; the command that
                  sent it sends its source again
  forget ID       takes an ended job out of the list; its files stay, but
                  with --files
  prune           removes the files of old jobs from the folder of results
                  here: --older-than 7d, --keep 20, --dry-run

ID is a job's id or the beginning of one, or 'latest'.

Exit status: 0 all is done; 1 it cannot be done, or the job has failed;
2 wrong usage, or no such job; 3 no middleware to reach; 4 the job is partly
done; 5 cancelled, the job or the waiting for it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from moviola.base.command_line import LinesFormatter, set_completer
from moviola.base.invocation import typed
from moviola.base.process_entry import run_as_process
from moviola.base.sentences import capitalised
from moviola.base.vocabulary import Topic, Verb
from moviola.display.progress import display_for
from moviola.display.terminal import Terminal
from moviola.media.kinds import KINDS, USUAL
from moviola.media.material import Encoder
from moviola.session.cluster_settings import ClientSettings
from moviola.session.cluster_view import ClusterView, look
from moviola.session.jobs import LATEST, find, follow_request, is_folder
from moviola.session.network import Sender
from moviola.session.outcome import Outcome, Status
from moviola.session.pipes import PIPE, as_piped, held_result, refuse_output, write_results
from moviola.session.rpc import control, job_details
from moviola.session.target import Target, UsageError, as_sentence
from moviola.wire.limits import MAX_PRIORITY
from moviola.wire.messages import Job
from moviola.wire.options import whole_number

from .completion import job_ids
from .display.job_list import JOBS_SHOWN, as_json, print_jobs
from .display.job_report import details_as_json, print_details, print_log
from .display.summary import print_summary
from .display.watching import keep_showing
from .interruption import interruptible
from .options import Parser, read_target
from .pruning import NotRemoved, forget_files, prune
from .settings import JobsSettings
from .verbs import refuse_options_of_others, reported

WISHES = tuple(verb.value for verb in Verb if verb not in (Verb.DETACH, Verb.FORGET_FILES))
PRUNE = "prune"
VERBS = ("list", "show", "logs", "wait", "fetch", *WISHES, PRUNE)
OPTIONS_OF = {
    "state": ("list",),
    "limit": ("list",),
    "watch": ("list",),
    "out": ("fetch",),
    "overwrite": ("fetch",),
    "task": ("show",),
    "older_than": (PRUNE,),
    "keep": (PRUNE,),
    "dry_run": (PRUNE,),
    "files": (Verb.FORGET.value,),
}
"""The options that are for some verbs only."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status, as the module's docstring lists them."""
    options = _read_options(arguments)
    stdout, stderr = Terminal(), Terminal(stderr=True)
    return reported(lambda: _run(options, stdout, stderr), stderr)


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = Parser(prog=typed("jobs"), description=summary, epilog=rest, formatter_class=LinesFormatter)
    parser.add_argument("verb", nargs="?", choices=VERBS, default="list", metavar="VERB", help="one of those below")
    which = parser.add_argument("id", nargs="?", default="", metavar="ID", help="which job")
    which.completer = job_ids(parser)  # type: ignore[attr-defined]  # argcomplete looks for it
    help = f"with priority: the new one, 0 to {MAX_PRIORITY}"
    read = whole_number(0, MAX_PRIORITY)
    set_completer(parser.add_argument("priority", nargs="?", type=read, metavar="N", help=help))
    parser.add(ClientSettings, JobsSettings)
    options = parser.read(arguments)
    if options.verb == "list" and options.id:
        parser.error(f"list takes no ID; {typed('jobs')} show {options.id} shows one job")
    if options.verb == PRUNE and options.id:
        parser.error(f"prune takes no ID; {typed('jobs')} forget {options.id} --files removes those of one job")
    if options.verb not in ("list", PRUNE) and not options.id:
        parser.error(f"{options.verb} which job? Give its id, the beginning of one, or '{LATEST}'")
    if options.verb == Verb.PRIORITY and options.priority is None:
        parser.error(f"which priority? Give a whole number from 0 to {MAX_PRIORITY} behind the job")
    if options.verb != Verb.PRIORITY and options.priority is not None:
        parser.error(f"{options.verb} takes no number; {typed('jobs')} priority {options.id} N changes a priority")
    refuse_options_of_others(parser, options, OPTIONS_OF)
    return options


def _run(options: argparse.Namespace, stdout: Terminal, stderr: Terminal) -> int:
    if options.verb == PRUNE:
        return prune(options, stdout, stderr)
    target = read_target(options)
    if options.verb == "list":
        return _list(options, target, stdout)
    view = look(target, [Topic.JOBS, Topic.FILTERS] if options.verb == "show" else [Topic.JOBS])
    job = find(view.jobs, options.id)
    if options.verb == "show":
        record = job_details(target, job.job, options.task)
        if options.json:
            stdout.json(details_as_json(record))
        else:
            print_details(stdout, record, view.known_filters())
        return Status.DONE
    if options.verb == "logs":
        record = job_details(target, job.job, log=True)
        if options.json:
            stdout.json(details_as_json(record))
        else:
            print_log(stdout, record)
        return Status.DONE
    if options.verb in WISHES:
        return _wish(options, target, job.job, stdout, stderr)
    return _follow(options, target, job, stdout, stderr)


def _list(options: argparse.Namespace, target: Target, stdout: Terminal) -> int:
    """All jobs, or those of some states; with --watch again and again until somebody ends it."""

    def of(view: ClusterView) -> list[Job]:
        return [job for job in view.jobs.values() if not options.state or job.state in options.state]

    if options.json:
        stdout.json(as_json(of(look(target, [Topic.JOBS]))))
        return Status.DONE
    limit = options.limit or JOBS_SHOWN

    def show(console: Terminal, view: ClusterView) -> None:
        now_unix_s = time.time()  # noqa: TID251 - jobs are told by the time of day
        print_jobs(console, of(view), now_unix_s, limit)

    if options.watch:
        keep_showing(stdout, target, [Topic.JOBS], show)
    else:
        show(stdout, look(target, [Topic.JOBS]))
    return Status.DONE


def _wish(options: argparse.Namespace, target: Target, job: str, stdout: Terminal, stderr: Terminal) -> int:
    """Asks for what is wished, and tells the answer: also where, after it, files here cannot be removed."""
    answer = control(target, job, Verb.FORGET_FILES if options.files else options.verb, options.priority)
    failure = ""
    try:
        if options.files and (here := forget_files(options.results, job)):
            answer = f"{answer}; {here}"
    except NotRemoved as error:
        failure = str(error)
    if options.json:
        stdout.json({"job_id": job, "verb": options.verb, "answer": answer})
    elif not options.quiet:
        stdout.say(as_sentence(capitalised(answer)))
    return stderr.fail(Status.FAILED, failure) if failure else Status.DONE


def _follow(options: argparse.Namespace, target: Target, job: Job, stdout: Terminal, stderr: Terminal) -> int:
    """Waits for a job and, where that is asked for, brings its files."""
    if options.out != PIPE:
        return _followed(options, options.out, target, job, stdout, stderr).status
    if options.json:
        raise UsageError("--out - and --json both write to standard output; leave one out")
    kind = KINDS.get(job.progress.kind, KINDS[USUAL])
    is_hidden = stdout.is_terminal and not kind.naming.is_text(Encoder())
    refuse_output(len(job.progress.outputs), is_folder=is_folder(job), is_hidden=is_hidden)
    with held_result() as folder:
        outcome = _followed(options, folder, target, job, stderr, stderr)
        failure = write_results([outcome], sys.stdout.buffer)
    if not failure:
        return outcome.status
    stdout.on_broken_pipe()
    return stderr.fail(Status.FAILED, failure)


def _followed(
    options: argparse.Namespace, out: str | None, target: Target, job: Job, stdout: Terminal, stderr: Terminal
) -> Outcome:
    request = follow_request(job, out, options.results, fetch=options.verb == "fetch", overwrite=options.overwrite)
    display = display_for(stderr, quiet=options.quiet, progress=options.progress)
    sender = Sender(target, display)
    try:
        with interruptible(sender.interrupt):
            (outcome,) = sender.send([request])
    finally:
        display.close()
    _tell(options, as_piped([outcome])[0] if options.out == PIPE else outcome, job.job, stdout, stderr)
    return outcome


def _tell(options: argparse.Namespace, outcome: Outcome, job: str, stdout: Terminal, stderr: Terminal) -> None:
    if outcome.reason:
        stderr.fail(outcome.status, outcome.sentence(job))
    if options.json and outcome.job_id:
        stdout.json(outcome.to_json())
    if options.json or options.quiet:
        return
    for warning in outcome.warnings:
        stderr.fail(outcome.status, warning)
    print_summary(stdout, [outcome])


if __name__ == "__main__":
    sys.exit(run_as_process(main))
