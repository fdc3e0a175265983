"""Lists the filters that the workers of a cluster offer, or those of this installation, and what each of them takes.

Exit status: 0 listed; 2 wrong usage; 3 no middleware to reach.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from moviola.base.invocation import typed
from moviola.base.vocabulary import Topic
from moviola.display.terminal import Terminal
from moviola.filters.schema import FilterSchema
from moviola.session.cluster_settings import ClusterSettings
from moviola.session.cluster_view import look
from moviola.session.outcome import Status
from moviola.session.target import Target, UsageError
from moviola.wire.errors import Unreachable, WireError

from . import filter_list
from .interruption import loaded
from .options import Parser, load_plugins, read_target
from .settings import FiltersSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the filters and return the exit status."""
    summary, _, statuses = (__doc__ or "").partition("\n\n")
    parser = Parser(prog=typed("filters"), description=summary, epilog=statuses)
    parser.add(ClusterSettings, FiltersSettings)
    options = parser.read(arguments)
    stdout, stderr = Terminal(), Terminal(stderr=True)
    try:
        load_plugins(options)
        return list_filters(stdout, read_target(options), is_local=options.local, as_json=options.json)
    except UsageError as error:
        return stderr.fail(Status.WRONG, str(error))
    except Unreachable as error:
        return stderr.fail(Status.UNREACHABLE, f"{error}; --local lists those of this installation")
    except WireError as error:
        return stderr.fail(Status.UNREACHABLE, str(error))


def list_filters(stdout: Terminal, target: Target, *, is_local: bool, as_json: bool) -> int:
    """Print the filters of this installation or of a cluster, and return the exit status. Raises WireError.

    Where no worker offers any, those of this installation are listed, and that is said.
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
    show = filter_list.print_filters_json if as_json else filter_list.print_filters
    show(stdout, offered)
    return Status.DONE


def _offered(target: Target) -> dict[str, tuple[FilterSchema, int]]:
    """The filters that the workers of a cluster offer. Raises WireError."""
    try:
        return look(target, [Topic.WORKERS]).offered_filters()
    except TimeoutError as error:
        raise Unreachable(str(error)) from error


if __name__ == "__main__":
    loaded()
    sys.exit(main())
