"""What a worker's parent is told, and each of its children, which gets its own settings on standard input."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from moviola.filters.assets import Folder
from moviola.filters.plugin_sources import PluginSources
from moviola.media.kinds import KINDS
from moviola.wire.addresses import Address
from moviola.wire.messages import Death
from moviola.wire.tokens import new_token

from .offered import lacking_filters
from .settings import ALL

MAX_CHILD_SETTINGS: Final = 1024 * 1024
"""Bytes a child reads at most; a thousand filter names are far less."""

MAX_SERVED_NAMES: Final = 32 * 1024
"""Bytes of the names and hashes of served files as a child is told them: a pipe takes twice that at once, and so the
parent never waits for a child to read."""


@dataclass(frozen=True, slots=True)
class ChildSettings:
    """What one child is told.

    `kinds` has the dotted name of each kind's `process`; `secret` is hex; `token` is the parent's (see
    moviola/wire/tokens.py); `note_fd` and `plugins_fd` are inherited, see worker/shared_status.py and
    moviola/filters/plugin_sources.py; `build` is a word that the fingerprint has, too;
    `death` is of the process that had the name before; `assets` is the served folder, with the hashes of its files by
    name; `memory_limit` is in bytes, 0 for none; `lacks` is what keeps it from offering other filters, by their names.
    """

    name: str
    host: str
    port: int
    filters: tuple[str, ...]
    kinds: Mapping[str, str]
    note_fd: int
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    log: str = "info"
    death: Death | None = None
    plugins_fd: int = -1
    build: str = ""
    assets: tuple[str, dict[str, str]] | None = None
    memory_limit: int = 0
    labels: tuple[str, ...] = ()
    lacks: dict[str, str] = field(default_factory=dict)

    def to_line(self) -> bytes:
        """Return the settings as one line of JSON, which the child reads from its standard input."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> ChildSettings:
        """Raises ValueError or TypeError for what is no such line."""
        data = json.loads(line)
        death = None if data["death"] is None else Death.from_wire(data["death"])
        return cls(**{**data, "death": death, "filters": tuple(data["filters"]), "labels": tuple(data["labels"])})


@dataclass(frozen=True, slots=True)
class ParentSettings:
    """What the parent is told: `names` are those of its children, one a process. `wanted` is the list of filters as it
    was typed. `token` is new in each parent."""

    middleware: Address
    names: tuple[str, ...]
    filters: tuple[str, ...]
    secret: bytes = field(default=b"", repr=False)
    log: str = "info"
    plugins: PluginSources = field(default_factory=PluginSources)
    assets: Folder | None = None
    memory_limit: int = 0
    wanted: str = ALL
    labels: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=lambda: {each.name: each.process.name for each in KINDS.values()})
    token: str = field(default_factory=new_token, repr=False)

    def child(
        self, name: str, note_fd: int, death: Death | None, plugins_fd: int = -1, build: str = ""
    ) -> ChildSettings:
        """Return the settings of one child of this worker."""
        return ChildSettings(
            name=name,
            host=self.middleware.host,
            port=self.middleware.port,
            filters=self.filters,
            kinds=dict(self.kinds),
            note_fd=note_fd,
            secret=self.secret.hex(),
            token=self.token,
            log=self.log,
            death=death,
            plugins_fd=plugins_fd,
            build=build,
            assets=None if self.assets is None else (str(self.assets.root), dict(self.assets.files)),
            memory_limit=self.memory_limit,
            labels=self.labels,
            lacks=lacking_filters(self.wanted),
        )
