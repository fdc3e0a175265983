"""Sentences that name flags, in the spelling of Python: `--overwrite (-y)` becomes `overwrite=True`.

The session's sentences are written for whoever types commands, and some come from other machines. Settings know both of
their names, so no sentence is written twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from moviola.base.settings import Setting, settings_of
from moviola.session.cluster_settings import ClientSettings
from moviola.session.job_settings import JobSettings

_FLAG: Final = re.compile(r"(?<![\w-])(--[a-z][a-z0-9-]*)(?: \(-\w\))?(?: ([A-Za-z0-9_]+))?")
"""A flag, what it is called in short, and a word behind it, which may be its value."""


def in_python(text: str) -> str:
    """Return a sentence in which the flags that are arguments in Python are named as these; others stay."""
    return _FLAG.sub(_argument, text) if "--" in text else text


def _argument(found: re.Match[str]) -> str:
    one, word = _by_flag().get(found[1]), found[2]
    if one is None:
        return found[0]
    behind = f" {word}" if word else ""
    if one.is_switch:
        return f"{one.name}=True{behind}"
    if word in one.type.choices:
        return f'{one.name}="{word}"'
    return f"{one.name}={word}" if word and word.isdigit() else one.name + behind


@cache
def _by_flag() -> Mapping[str, Setting]:
    settings = [*settings_of(JobSettings), *settings_of(ClientSettings)]
    return {flag: one for one in settings for flag in (one.flag, *one.aliases)}
