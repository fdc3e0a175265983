"""`python -m aggregator`: the process that collects results and makes files of them."""

from __future__ import annotations

import argparse
import errno
import socket
import sys

from aggregator.server import Settings, serve
from storage.crashes import EXIT_CRASHED, HalfDone
from storage.errors import StorageError
from wire import descriptors, options
from wire.addresses import Address, is_loopback
from wire.limits import MAX_NAME
from wire.secret import add_secret, cluster_secret


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m aggregator", description=__doc__)
    options.add_bind(parser)
    parser.add_argument(
        "--port",
        type=options.port_number,
        default=options.environment("MOVIOLA_AGGREGATOR_PORT", str(options.AGGREGATOR_PORT)),
        help="port to listen at (MOVIOLA_AGGREGATOR_PORT; %(default)s)",
    )
    options.add_middleware_address(parser, port_flag="--middleware-port")
    parser.add_argument(
        "--advertise",
        default=options.environment("MOVIOLA_ADVERTISE", ""),
        metavar="HOST",
        help="host under which workers and clients reach this one (MOVIOLA_ADVERTISE; as the middleware sees it)",
    )
    parser.add_argument("--name", default="", help="name in logs and status, always the same (host name and port)")
    options.add_state(parser)
    options.add_results(parser)
    add_secret(parser)
    options.add_log(parser)
    parser.add_argument(
        "--spool-limit", type=options.size, default="64G", metavar="SIZE", help="bytes of results held (%(default)s)"
    )
    parser.add_argument("--fsync", action="store_true", help="let what is acknowledged survive a power cut")
    return parser.parse_args(arguments)


def settings_of(told: argparse.Namespace) -> Settings:
    """Raises OSError or ValueError when the secret cannot be read."""
    return Settings(
        name=(told.name or f"{socket.gethostname()}-{told.port}")[:MAX_NAME],
        bind=told.bind,
        port=told.port,
        middleware=Address(told.host, told.middleware_port),
        advertise=told.advertise,
        state=told.state,
        results=told.results,
        spool_bytes=told.spool_limit,
        secret=cluster_secret(told, state=told.state, makes=is_loopback(told.host)),
        fsync=told.fsync,
    )


def main(arguments: list[str] | None = None) -> int:
    told = parse(arguments)
    descriptors.raise_limit()
    options.set_up_log(told.log)
    try:
        serve(settings_of(told))
    except (OSError, StorageError, ValueError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            print(f"aggregator: port {told.port} is taken; stop what uses it or give another --port.", file=sys.stderr)
        else:
            print(f"aggregator: {error}", file=sys.stderr)
        return 1
    except HalfDone as error:
        print(f"aggregator: a bug ends this process, start it again: {error}", file=sys.stderr)
        return EXIT_CRASHED
    return 0


if __name__ == "__main__":
    sys.exit(main())
