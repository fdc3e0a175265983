"""What `moviola up` and `moviola down` can be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from moviola.base.installation import results_folder, state_folder
from moviola.base.processes import MAX_WORKERS, core_count
from moviola.base.settings import SWITCH, setting
from moviola.wire import options
from moviola.wire.options import AGGREGATOR_PORT, FOLDER, MAX_PORT, MIDDLEWARE_PORT, WEB_PORT

PORT = options.whole(1, MAX_PORT, "port", "PORT")


@dataclass(frozen=True, slots=True)
class DownSettings:
    """Which cluster of this machine is meant."""

    TABLE: ClassVar[str] = "up"

    state: Path = setting(
        factory=state_folder,
        type=FOLDER,
        help="spools, ledgers and logs; one cluster per folder",
        variables=["MOVIOLA_STATE"],
        default_text="of this checkout or user: {}",
        protected=True,
    )


@dataclass(frozen=True, slots=True)
class UpSettings(DownSettings):
    """A cluster of this machine. What the tables of its programs say of ports and processes counts here too."""

    workers: int = setting(
        factory=core_count,
        type=options.whole(1, MAX_WORKERS, "processes"),
        help="worker processes",
        aliases=["-n"],
        variables=["MOVIOLA_WORKER_PROCESSES"],
        default_text="one per core: {}",
    )
    plugins: tuple[Path, ...] = setting(
        (),
        type=options.FILE,
        help="a Python file with filters of your own, for the workers; may be repeated",
        default_text="those that it runs with",
        repeats="append",
        protected=True,
    )
    port: int = setting(
        MIDDLEWARE_PORT,
        type=PORT,
        help="the middleware's port",
        variables=["MOVIOLA_MIDDLEWARE_PORT", "MOVIOLA_PORT"],
        protected=True,
    )
    aggregator_port: int = setting(
        AGGREGATOR_PORT, type=PORT, help="the aggregator's port", variables=["MOVIOLA_AGGREGATOR_PORT"]
    )
    web: bool = setting(
        False,
        type=SWITCH,
        help="run the gateway beside it: an HTTP API of the cluster",
        default_text="as it runs; at first off",
        protected=True,
    )
    web_port: int = setting(
        WEB_PORT, type=PORT, help="the gateway's port", variables=["MOVIOLA_WEB_PORT"], protected=True
    )
    web_bind: str = options.bind("address that the gateway listens at, '*' for all", "MOVIOLA_WEB_BIND")
    results: Path = setting(
        factory=results_folder,
        type=FOLDER,
        help="finished files",
        variables=["MOVIOLA_AGGREGATOR_RESULTS", "MOVIOLA_RESULTS"],
        default_text="of this checkout or user: {}",
    )
    bind: str = options.bind()
    secret_file: Path | None = options.secret_file()
    no_secret: bool = options.no_secret()
