"""The settings of an aggregator, each with its flag and environment variable."""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from moviola.base.settings import setting
from moviola.base.texts import MAX_NAME
from moviola.wire import options
from moviola.wire.addresses import Address
from moviola.wire.limits import GIB


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of an aggregator; sizes are in bytes."""

    TABLE: ClassVar[str] = "aggregator"

    bind: str = options.bind()
    port: int = setting(
        options.AGGREGATOR_PORT,
        type=options.PORT,
        help="port to listen at",
        variables=["MOVIOLA_AGGREGATOR_PORT"],
    )
    host: str = options.middleware_host()
    middleware_port: int = options.middleware_port("--middleware-port")
    advertise: str = setting(
        "",
        type=options.HOST,
        help="host under which workers and clients reach this one",
        variables=["MOVIOLA_ADVERTISE"],
        default_text="as the middleware sees it",
        protected=True,
    )
    name: str = setting(
        "",
        type=replace(options.TEXT, bounds=f"of more than {MAX_NAME} characters the first"),
        help="name in logs and status, always the same",
        default_text="host name and port",
    )
    state: Path = options.state()
    results: Path = options.results()
    results_age: float | None = setting(
        None, type=options.AGE, help="how long finished files are kept, such as 30d", default_text="for ever"
    )
    results_limit: int | None = setting(
        None,
        type=options.SIZE,
        help="bytes of finished files kept; the oldest go first",
        default_text="as the disk has",
    )
    secret_file: Path | None = options.secret_file()
    no_secret: bool = options.no_secret()
    log: str = options.log()
    spool_limit: int = setting(64 * GIB, type=options.SIZE, help="bytes of results held")
    fsync: bool = options.fsync()

    @property
    def middleware(self) -> Address:
        """Return the address of the middleware."""
        return Address(self.host, self.middleware_port)

    @property
    def full_name(self) -> str:
        """The name in logs and status."""
        return (self.name or f"{socket.gethostname()}-{self.port}")[:MAX_NAME]
