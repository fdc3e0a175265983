"""Errors between two peers.

    WireError
    ├── ProtocolError   the peer's fault: it is told `code` and `text`, and only its connection closes
    ├── Refused         the other side answered a handshake or a request with an error
    ├── Unreachable     no address of the other side accepted a connection
    └── Unsendable      a message of ours breaks a limit or its schema: nothing was sent, the connection stays open

A bug in Moviola itself is none of these: its exception ends the process.
"""

from __future__ import annotations


class WireError(Exception):
    """The base of all errors between peers."""


class ProtocolError(WireError):
    """Raised when the peer sent something that the protocol does not allow.

    Args:
        code: one of the codes listed in docs/PROTOCOL.md, for programs.
        text: one sentence, for people.
        job: the id of the job that the message was about; empty if that is not known.
    """

    def __init__(self, code: str, text: str, job: str = "") -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.job = job


class Refused(WireError):
    """Raised when the other side refused a handshake or a request.

    Args:
        code: the other side's error code, for programs.
        text: the other side's reason, for people.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Unreachable(WireError):
    """Raised when no connection could be made. The text names the addresses tried and why each one failed."""


class Unsendable(WireError):
    """Raised when a message to be sent breaks its schema or a limit. The text says which."""
