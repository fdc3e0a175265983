"""The base of all messages, and the versions of the protocol."""

from __future__ import annotations

import os
from typing import Final

from moviola.wire.schema import Record

VERSIONS: Final = (3,)
"""The protocol versions that this installation speaks, newest last."""

CHECKS_WHAT_IS_SENT: Final = bool(os.environ.get("MOVIOLA_CHECK_SENT"))
"""True if each message is checked against its schema before it is sent. Tests set the variable; otherwise only sizes
are checked, which costs nothing."""

ROLES: Final = ("client", "worker", "aggregator")


class Message(Record):
    """Base of everything that is sent as a frame of its own."""
