"""`moviola web`: an HTTP API of a cluster, for programs that send files and ask with curl or a browser."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence

from moviola.base.command_line import EXIT_USAGE, Parser
from moviola.base.extras import WEB
from moviola.base.invocation import typed
from moviola.base.layers import read
from moviola.base.process_entry import run_as_process
from moviola.session.target import UsageError
from moviola.web import user_command
from moviola.web.settings import WebSettings
from moviola.wire import descriptors, options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the gateway until it is ended, and return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["user"]:
        return user_command.main(words[1:])
    settings = read(WebSettings, Parser(prog=typed("web"), description=__doc__), words)
    if missing := WEB.missing():
        return _refuse(missing)
    from moviola.web.server import serve  # noqa: PLC0415 - the libraries that may be missing

    descriptors.raise_limit()
    options.set_up_log(settings.log)
    try:
        serve(settings)
    except UsageError as error:
        return _refuse(str(error))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return _refuse(f"port {settings.port} is taken; stop what uses it or give another --port", status=1)
        return _refuse(str(error), status=1)
    return 0


def _refuse(sentence: str, status: int = EXIT_USAGE) -> int:
    print(f"web: {sentence}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(run_as_process(main))
