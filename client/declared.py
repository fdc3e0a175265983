"""All settings that there are: which class of which program declares those of a table."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from moviola.base.invocation import module_name
from moviola.base.settings import Setting, settings_of

DECLARED: Final = {
    "send": "client.sender_settings:SenderSettings",
    "client": "moviola.session.cluster_settings:ClientSettings",
    "up": "moviola.launcher.settings:UpSettings",
    "worker": "worker.settings:Settings",
    "middleware": "middleware.settings:Settings",
    "aggregator": "aggregator.settings:Settings",
    "web": "moviola.web.settings:WebSettings",
}
"""By table of a configuration file. Programs do not import each other: their declarations are looked up when they are
read."""


def declared(table: str) -> type:
    """Return the class that declares a table's settings."""
    module, _, name = DECLARED[table].partition(":")
    found: Any = getattr(import_module(module_name(module)), name)
    assert isinstance(found, type)
    return found


def kept_settings() -> dict[str, list[Setting]]:
    """Return the settings of every table that files and variables may have, by table."""
    return {table: [one for one in settings_of(declared(table)) if one.table] for table in DECLARED}
