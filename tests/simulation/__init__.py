"""The real programs on a simulated network, clock and disk: everything that happens comes from one seed."""

import os

os.environ["MOVIOLA_CHECK_SENT"] = "1"  # read by wire/messages.py when it is imported
