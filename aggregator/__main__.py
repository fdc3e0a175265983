"""`python -m aggregator`: the process that collects results and makes files of them."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence

from moviola.base.command_line import Parser
from moviola.base.invocation import typed
from moviola.base.layers import read
from moviola.storage.crashes import EXIT_CRASHED, HalfDone
from moviola.storage.errors import StorageError
from moviola.wire import descriptors, options
from moviola.wire.addresses import is_loopback
from moviola.wire.secret import cluster_secret

from .server import serve
from .settings import Settings


def parse(arguments: Sequence[str] | None = None) -> Settings:
    """Return what is said on the command line, in the environment and in the configuration file."""
    parser = Parser(prog=typed("aggregator"), description=__doc__)
    return read(Settings, parser, arguments)


def secret_of(settings: Settings) -> bytes:
    """Return the cluster's secret; one is made where the middleware is on this machine. Raises OSError, ValueError."""
    makes = is_loopback(settings.host)
    return cluster_secret(settings.secret_file, settings.no_secret, state=settings.state, makes=makes)


def main(arguments: Sequence[str] | None = None) -> int:
    settings = parse(arguments)
    descriptors.raise_limit()
    options.set_up_log(settings.log)
    try:
        serve(settings, secret_of(settings))
    except (OSError, StorageError, ValueError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            taken = f"port {settings.port} is taken; stop what uses it or give another --port."
            print(f"aggregator: {taken}", file=sys.stderr)
        else:
            print(f"aggregator: {error}", file=sys.stderr)
        return 1
    except HalfDone as error:
        print(f"aggregator: a bug ends this process, start it again: {error}", file=sys.stderr)
        return EXIT_CRASHED
    return 0


if __name__ == "__main__":
    sys.exit(main())
