"""`python -m middleware`: the broker's process."""

from __future__ import annotations

import argparse
import errno
import sys
from typing import Final

from middleware.cluster import Rules
from middleware.server import Settings, serve
from storage.crashes import EXIT_CRASHED, HalfDone
from storage.errors import StorageError
from wire import descriptors, limits, options
from wire.secret import add_secret, cluster_secret

MAX_CREDIT: Final = 64
"""Tasks at a worker, at most: each lies there with its chunk, and what one worker holds no other can take."""

MAX_LOSSES: Final = 1000
"""A task that takes more workers down with it than this is no accident."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    rules = Rules()
    parser = argparse.ArgumentParser(prog="python -m middleware", description=__doc__)
    options.add_bind(parser)
    parser.add_argument(
        "--port",
        type=options.port_number,
        default=options.environment("MOVIOLA_PORT", str(options.MIDDLEWARE_PORT)),
        help="port to listen at (MOVIOLA_PORT; %(default)s)",
    )
    options.add_state(parser)
    add_secret(parser)
    options.add_log(parser)
    parser.add_argument(
        "--spool-limit", type=options.size, default="8G", metavar="SIZE",
        help="bytes of chunks held; a quarter more for what lies between workers that share a chain (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--credit",
        type=options.whole_number(1, MAX_CREDIT),
        default=rules.credit,
        help="tasks a worker may hold (%(default)s)",
    )
    parser.add_argument(
        "--worker-timeout", type=options.seconds, default=rules.worker_timeout_s, metavar="S",
        help="seconds of silence after which a worker, or an aggregator, counts as lost (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--stall-timeout", type=options.seconds, default=rules.stall_timeout_s, metavar="S",
        help="seconds without progress after which a task is taken away (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--delivery-timeout", type=options.seconds, default=rules.delivery_timeout_s, metavar="S",
        help="seconds after which a result that did not reach its aggregator is asked for again (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--max-lost", type=options.whole_number(1, MAX_LOSSES), default=rules.max_losses, metavar="N",
        help="times a task may be lost with its worker before its job is paused (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--upload-timeout", type=options.seconds, default=rules.upload_timeout_s, metavar="S",
        help="seconds after which an upload that stopped gives its spool back (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--admin", type=options.user_name, action="append", metavar="USER",
        help="who may see and control everybody's jobs; may be given again (the user who runs this)",
    )  # fmt: skip
    parser.add_argument("--fsync", action="store_true", help="let what is acknowledged survive a power cut")
    return parser.parse_args(arguments)


def main() -> int:
    told = parse()
    descriptors.raise_limit()
    options.set_up_log(told.log)
    rules = Rules(
        credit=told.credit,
        worker_timeout_s=told.worker_timeout,
        stall_timeout_s=told.stall_timeout,
        delivery_timeout_s=told.delivery_timeout,
        max_losses=told.max_lost,
        upload_timeout_s=told.upload_timeout,
        stage_bytes=told.spool_limit // 4,
        admins=tuple(told.admin or [options.system_user()]),
        max_clients=descriptors.share(limits.MAX_CLIENTS),
        max_workers=descriptors.share(limits.MAX_WORKERS),
    )
    try:
        secret = cluster_secret(told, state=told.state, makes=True)
        serve(Settings(told.bind, told.port, told.state, told.spool_limit, rules, secret, told.fsync))
    except (OSError, StorageError, ValueError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            print(f"middleware: port {told.port} is taken; stop what uses it or give another --port.", file=sys.stderr)
        else:
            print(f"middleware: {error}", file=sys.stderr)
        return 1
    except HalfDone as error:
        print(f"middleware: a bug ends this process, start it again: {error}", file=sys.stderr)
        return EXIT_CRASHED
    return 0


if __name__ == "__main__":
    sys.exit(main())
