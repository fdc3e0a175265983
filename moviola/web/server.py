"""The gateway's process: its socket, its signals, its log."""

from __future__ import annotations

import logging
import shlex
import socket
from typing import Final

import uvicorn

from moviola.base.heap import give_back_large_blocks
from moviola.base.invocation import typed
from moviola.session.target import UsageError
from moviola.web.access import Access, OnlyUser
from moviola.web.app import make_app
from moviola.web.gateway import Gateway
from moviola.web.sessions import Sessions
from moviola.web.settings import WebSettings
from moviola.web.token_access import TokenAccess
from moviola.web.users import UsersFileError
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
    give_back_large_blocks()
    app = make_app(Gateway(settings.target, access_of(settings), settings.upload_limit, settings.hooks))
    sockets = listen(settings.bind, settings.port)
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=SHUTDOWN_S)
    log.info("listening at http://%s", _address(sockets[-1]))
    uvicorn.Server(config).run(sockets)


def access_of(settings: WebSettings) -> Access:
    """Return how requests are told to be somebody's. Raises UsageError where anybody on the network would be let in."""
    if settings.users is not None:
        try:
            return TokenAccess(settings.users, sessions=Sessions(settings.target.secret))
        except UsersFileError as error:
            raise UsageError(str(error)) from error
    if is_loopback(settings.bind):
        return OnlyUser(settings.user)
    add = f"{typed('web')} user add NAME"
    raise UsageError(
        f"with --bind {shlex.quote(settings.bind)} others than this machine reach the gateway, and it would let in "
        f"whoever asks; name those who may with --users FILE or MOVIOLA_WEB_USERS ({add} --users FILE makes it), "
        "or leave out --bind"
    )


def _address(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
