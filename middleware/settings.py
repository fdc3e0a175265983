"""What a middleware can be told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Final

from moviola.base.settings import setting
from moviola.wire import descriptors, limits, options

from .model.rules import Rules

MAX_LOSSES: Final = 1000
"""A task that takes more workers down with it than this is no accident."""

_RULES: Final = Rules()


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a middleware; times are in seconds, sizes in bytes."""

    TABLE: ClassVar[str] = "middleware"

    bind: str = options.bind()
    port: int = options.middleware_port(help="port to listen at")
    state: Path = options.state()
    secret_file: Path | None = options.secret_file()
    no_secret: bool = options.no_secret()
    log: str = options.log()
    spool_limit: int = setting(
        8 * limits.GIB,
        type=options.SIZE,
        help="bytes of chunks held; a quarter more for what lies between workers that share a chain",
    )
    credit: int = setting(
        _RULES.credit, type=options.whole(1, limits.MAX_CREDIT, "tasks"), help="tasks a worker may hold"
    )
    worker_timeout: float = setting(
        _RULES.worker_timeout_s,
        type=options.SECONDS,
        help="seconds of silence after which a worker, or an aggregator, counts as lost",
    )
    stall_timeout: float = setting(
        _RULES.stall_timeout_s,
        type=options.SECONDS,
        help="seconds without progress after which a task is taken away",
    )
    delivery_timeout: float = setting(
        _RULES.delivery_timeout_s,
        type=options.SECONDS,
        help="seconds after which a result that did not reach its aggregator is asked for again",
    )
    max_lost: int = setting(
        _RULES.max_losses,
        type=options.whole(1, MAX_LOSSES, "losses"),
        help="times a task may be lost with its worker before its job is paused",
    )
    upload_timeout: float = setting(
        _RULES.upload_timeout_s,
        type=options.SECONDS,
        help="seconds after which an upload that stopped gives its spool back",
    )
    admin: tuple[str, ...] = setting(
        (),
        type=replace(options.USER, placeholder="USER"),
        help="who may see and control everybody's jobs; may be given again",
        default_text="the user who runs this",
        repeats="append",
        protected=True,
    )
    fsync: bool = options.fsync()

    @property
    def rules(self) -> Rules:
        """The dispatcher's rules under these settings, with as many places as this process may have descriptors."""
        return Rules(
            credit=self.credit,
            worker_timeout_s=self.worker_timeout,
            stall_timeout_s=self.stall_timeout,
            delivery_timeout_s=self.delivery_timeout,
            max_losses=self.max_lost,
            upload_timeout_s=self.upload_timeout,
            stage_bytes=self.spool_limit // 4,
            admins=self.admin or (options.system_user(),),
            max_clients=descriptors.share(limits.MAX_CLIENTS),
            max_workers=descriptors.share(limits.MAX_WORKERS),
        )
