"""`python -m middleware`: the broker's process."""

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
from moviola.wire.secret import cluster_secret

from .server import serve
from .settings import Settings


def parse(arguments: Sequence[str] | None = None) -> Settings:
    """Return what is said on the command line, in the environment and in the configuration file."""
    parser = Parser(prog=typed("middleware"), description=__doc__)
    return read(Settings, parser, arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    settings = parse(arguments)
    descriptors.raise_limit()
    options.set_up_log(settings.log)
    try:
        serve(settings, cluster_secret(settings.secret_file, settings.no_secret, state=settings.state, makes=True))
    except (OSError, StorageError, ValueError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            taken = f"port {settings.port} is taken; stop what uses it or give another --port."
            print(f"middleware: {taken}", file=sys.stderr)
        else:
            print(f"middleware: {error}", file=sys.stderr)
        return 1
    except HalfDone as error:
        print(f"middleware: a bug ends this process, start it again: {error}", file=sys.stderr)
        return EXIT_CRASHED
    return 0


if __name__ == "__main__":
    sys.exit(main())
