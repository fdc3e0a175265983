"""Lists the filters that the workers of a cluster offer, or those of this installation, and what each of them takes;
with a NAME tells all about that filter, with an example.

Exit status: 0 listed; 2 wrong usage; 3 no middleware to reach; 5 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from moviola.base.command_line import set_completer
from moviola.base.invocation import typed
from moviola.base.process_entry import run_as_process
from moviola.base.vocabulary import Topic
from moviola.display.terminal import Terminal
from moviola.filters.schema import FilterSchema, ParameterError, unknown_filter
from moviola.session.cluster_settings import ClusterSettings
from moviola.session.cluster_view import look
from moviola.session.outcome import Status
from moviola.session.target import Target, UsageError
from moviola.wire.errors import Unreachable, WireError

from . import filter_list
from .options import Parser, load_plugins, read_target
from .settings import FiltersSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the filters and return the exit status."""
    summary, _, statuses = (__doc__ or "").partition("\n\n")
    parser = Parser(prog=typed("filters"), description=summary, epilog=statuses)
    names = parser.add_argument("names", nargs="*", metavar="NAME", help="only this filter, on a page of its own")
    set_completer(names, "moviola.filters.completion:filters")
    parser.add(ClusterSettings, FiltersSettings)
    options = parser.read(arguments)
    stdout, stderr = Terminal(), Terminal(stderr=True)
    try:
        load_plugins(options)
        target = read_target(options)
        return list_filters(stdout, target, options.names, is_local=options.local, as_json=options.json)
    except (UsageError, ParameterError) as error:
        return stderr.fail(Status.WRONG, str(error))
    except Unreachable as error:
        return stderr.fail(Status.UNREACHABLE, f"{error}; --local lists those of this installation")
    except WireError as error:
        return stderr.fail(Status.UNREACHABLE, str(error))


def list_filters(stdout: Terminal, target: Target, names: Sequence[str] = (), *, is_local: bool, as_json: bool) -> int:
    """Print the filters of this installation or of a cluster, and return the exit status.

    Where no worker offers any, those of this installation are listed, and that is said.

    Args:
        names: of filters that get a page each, in place of the list of all.

    Raises:
        WireError: the cluster cannot be asked.
        ParameterError: there is no filter of such a name.
    """
    offered: dict[str, tuple[FilterSchema, int | None]] = {} if is_local else {**_offered(target)}
    if not is_local and not offered:
        Terminal(stderr=True).say(
            f"No worker is connected to {target.address}, so nobody says what filters this cluster has; "
            f"these are the ones that are built in. {typed('worker')} starts one."
        )
    if not offered:
        from moviola.filters import registry  # noqa: PLC0415 - numpy and OpenCV

        offered = {name: (schema, None) for name, schema in registry.schemas().items()}
    for name in names:
        if name not in offered:
            raise ParameterError(unknown_filter(name, offered))
    if as_json:
        filter_list.print_filters_json(stdout, {name: offered[name] for name in names} if names else offered)
    elif not names:
        filter_list.print_filters(stdout, offered)
    for number, name in enumerate([] if as_json else dict.fromkeys(names)):
        if number:
            stdout.say()
        from . import filter_page  # noqa: PLC0415 - loads all kinds of material, and a list needs none

        filter_page.print_page(stdout, *offered[name])
    return Status.DONE


def _offered(target: Target) -> dict[str, tuple[FilterSchema, int]]:
    """The filters that the workers of a cluster offer. Raises WireError."""
    try:
        return look(target, [Topic.WORKERS]).offered_filters()
    except TimeoutError as error:
        raise Unreachable(str(error)) from error


if __name__ == "__main__":
    sys.exit(run_as_process(main))
