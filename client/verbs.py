"""Commands that are given a verb, `moviola jobs` and `moviola workers`: what both do alike."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence

from moviola.base.sentences import capitalised
from moviola.display.terminal import Terminal
from moviola.session.outcome import Status
from moviola.session.target import UsageError
from moviola.wire.errors import Refused, WireError

from .options import Parser


def reported(work: Callable[[], int], stderr: Terminal) -> int:
    """Do `work` and return its exit status. If it raises an error of the cluster, of the usage, or an interruption, say
    so, and return the status that stands for that."""
    try:
        return work()
    except UsageError as error:
        return stderr.fail(Status.WRONG, str(error))
    except (Refused, TimeoutError) as error:
        return stderr.fail(Status.FAILED, capitalised(str(error)))
    except WireError as error:
        return stderr.fail(Status.UNREACHABLE, str(error))
    except KeyboardInterrupt:
        return stderr.fail(Status.CANCELLED, "Interrupted")


def refuse_options_of_others(
    parser: Parser, options: argparse.Namespace, options_of: Mapping[str, Sequence[str]]
) -> None:
    """End the process with a sentence if an option was given that the verb does not take.

    Args:
        parser: says it.
        options: what was read; `verb` among it.
        options_of: the verbs that take an option, by the option's name. Verbs take all that are not named here.
    """
    for name, verbs in options_of.items():
        if getattr(options, name) not in (None, False, ()) and options.verb not in verbs:
            parser.error(f"--{name.replace('_', '-')} is for {' and '.join(verbs)}, not for {options.verb}")
