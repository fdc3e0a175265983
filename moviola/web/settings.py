"""What `moviola web` can be told."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from moviola.base.settings import setting
from moviola.session.cluster_events import ENDS
from moviola.session.pipes import MAX_INPUT_SIZE
from moviola.session.target import Target, UsageError
from moviola.web.hooks import HOOK_KIND, HOOK_URL, Hooks, hooks_of
from moviola.wire import options
from moviola.wire.addresses import Address
from moviola.wire.secret import cluster_secret


def users_file(default_text: str = "none") -> Any:
    """The setting `--users` (MOVIOLA_WEB_USERS): the file of those who may use a gateway."""
    about = "file of those who may; every request then needs a token"
    return setting(None, type=options.FILE, help=about, flag="--users", default_text=default_text, protected=True)


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The settings of a gateway."""

    TABLE: ClassVar[str] = "web"

    bind: str = options.bind()
    port: int = setting(
        options.WEB_PORT, type=options.PORT, help="port to listen at", variables=["MOVIOLA_WEB_PORT"], protected=True
    )
    host: str = options.middleware_host()
    middleware_port: int = options.middleware_port("--middleware-port")
    secret_file: Path | None = options.secret_file()
    no_secret: bool = options.no_secret()
    state_folder: Path | None = options.state_folder_of_cluster()
    user: str = options.user()
    users: Path | None = users_file()
    upload_limit: int = setting(MAX_INPUT_SIZE, type=options.SIZE, help="bytes that one upload may have")
    webhook: tuple[str, ...] = setting(
        (),
        type=HOOK_URL,
        help="address that is told of events by POST; may be repeated",
        default_text="none",
        repeats="append",
        protected=True,
    )
    webhook_secret_file: Path | None = setting(
        None, type=options.FILE, help="file with the key that signs for webhooks", default_text="none", protected=True
    )
    webhook_kind: tuple[str, ...] = setting(
        tuple(map(str, ENDS)),
        type=HOOK_KIND,
        help="kind of events that webhooks are told of; may be repeated",
        default_text=", ".join(map(str, ENDS)),
        repeats="append",
        protected=True,
    )
    log: str = options.log()

    @property
    def target(self) -> Target:
        """The cluster that these settings lead to. Raises UsageError when its secret cannot be read."""
        try:
            secret = cluster_secret(self.secret_file, self.no_secret, state=self.state_folder)
        except (OSError, ValueError) as error:
            raise UsageError(f"The cluster's secret cannot be read: {error}") from error
        return Target(Address(self.host, self.middleware_port), socket.AF_UNSPEC, secret, self.user)

    @property
    def hooks(self) -> Hooks:
        """Whom the gateway tells of events. Raises UsageError where what is sent to them could not be signed."""
        return hooks_of(self.webhook, self.webhook_secret_file, self.webhook_kind)
