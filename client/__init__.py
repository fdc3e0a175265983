"""Command-line programs: send a source, look at the cluster and at jobs, list the filters."""

import signal
import sys

if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # `python -m client.…` is being loaded: Ctrl-C ends it here, and without a traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)
