"""`moviola send --dry-run`: what sources are, and what becomes of everything in them; nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from moviola.display.terminal import Terminal
from moviola.media.errors import UnreadableSource
from moviola.media.preflight import Preflight
from moviola.session.faults import contained_of
from moviola.session.outcome import Outcome, Status, exit_status
from moviola.session.plan import Plan, refusal
from moviola.session.preparing import looked_at

from .display.preflight import print_preflight, print_preflights

NOT_SENT = "looked at"
"""The state of a source that was only looked at, in `--json`."""


def dry_run(plan: Plan, stdout: Terminal, stderr: Terminal, *, strict: bool, as_json: bool, quiet: bool) -> Status:
    """Print what is known of each source before it would be sent, and return the exit status.

    Args:
        strict: refuse a source of which not everything is kept, as it would be when it is sent.
        as_json: print one JSON object for each source.
        quiet: print only why sources are refused.
    """
    outcomes = [refusal(complaint) for complaint in plan.complaints]
    for material, destination in plan.jobs.items():
        path = str(material.path)
        told = None
        try:
            with contained_of(material):
                told = looked_at(material, destination.order)
            if strict:
                told.check_kept(material.path)
        except UnreadableSource as complaint:
            outcomes.append(replace(refusal(complaint), path=path, preflight=told))
        else:
            outcomes.append(Outcome(material.name, "", Status.DONE, NOT_SENT, path=path, preflight=told))
    for outcome in outcomes:
        if as_json:
            stdout.json(outcome.to_json())
        if outcome.reason and (outcome.preflight is None or quiet or as_json):
            stderr.fail(outcome.status, outcome.reason)
    if not (as_json or quiet):
        _print([outcome.preflight for outcome in outcomes if outcome.preflight is not None], stdout, strict=strict)
    return exit_status(outcome.status for outcome in outcomes)


def _print(told: Sequence[Preflight], stdout: Terminal, *, strict: bool) -> None:
    if len(told) == 1:
        print_preflight(stdout, told[0], strict=strict)
    elif told:
        print_preflights(stdout, told, strict=strict)
