"""What can go wrong between two peers.

    WireError
    ├── ProtocolError   the peer's fault: it is told `code` and `text`, and only its connection closes
    ├── Refused         the other side answered a handshake or a request with an error
    ├── Unreachable     no address of the other side took a connection
    └── Unsendable      what we were to say breaks a limit or the schema: nothing has left, the connection lives

A bug of our own is none of these: it raises whatever it raises and ends the process.
"""

from __future__ import annotations


class WireError(Exception):
    """Base of all failures between peers."""


class ProtocolError(WireError):
    """The peer sent what the protocol does not allow.

    Args:
        code: one of the codes listed in docs/PROTOCOL.md, for programs.
        text: one sentence, for people.
        job: the one that the message was about, where that is known.
    """

    def __init__(self, code: str, text: str, job: str = "") -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.job = job


class Refused(WireError):
    """The other side said no; `code` and `text` are its own."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Unreachable(WireError):
    """No connection could be made; the text names the addresses tried and why each failed."""


class Unsendable(WireError):
    """A message breaks its own schema or a limit, so the other side would close the connection; the text says which."""
