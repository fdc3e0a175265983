"""The gateway's process: its socket, its signals, its log."""

from __future__ import annotations

import logging
import socket
from typing import Final

import uvicorn

from moviola.session.target import UsageError
from moviola.web.access import OnlyUser
from moviola.web.app import make_app
from moviola.web.gateway import Gateway
from moviola.web.settings import WebSettings
from moviola.wire.addresses import is_loopback
from moviola.wire.sockets import listen

log = logging.getLogger("web")

SHUTDOWN_S: Final = 1
"""How long requests may go on after SIGTERM, in whole seconds; streams are told at once."""


def serve(settings: WebSettings) -> None:
    """Answer requests until a signal ends it.

    Raises:
        UsageError: the settings cannot be.
        OSError: the port is taken, or the address does not belong to this machine.
    """
    if not is_loopback(settings.bind):
        raise UsageError(
            f"a gateway cannot tell yet who asks, so it listens on this machine alone; leave out --bind {settings.bind}"
        )
    app = make_app(Gateway(settings.target, OnlyUser(settings.user)))
    sockets = listen(settings.bind, settings.port)
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=SHUTDOWN_S)
    log.info("listening at http://%s", _address(sockets[-1]))
    uvicorn.Server(config).run(sockets)


def _address(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
