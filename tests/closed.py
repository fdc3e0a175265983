"""A folder that may not be entered, for tests that root runs, who may enter all."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def close(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, refuse this process a folder and all that lies in it, as the system does with one of mode 000."""

    def is_closed(path: Any, *, itself: bool) -> bool:
        if not isinstance(path, (str, os.PathLike)):
            return False  # a descriptor
        asked = Path(os.path.abspath(path))
        return folder in asked.parents or (itself and asked == folder)

    def refusing(call: Callable[..., Any], *, itself: bool) -> Callable[..., Any]:
        def refuse(path: Any = ".", *arguments: Any, **options: Any) -> Any:
            if is_closed(path, itself=itself):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
            return call(path, *arguments, **options)

        return refuse

    for module, name in ((os, "stat"), (os, "lstat"), (os, "mkdir"), (os, "open"), (io, "open")):
        monkeypatch.setattr(module, name, refusing(getattr(module, name), itself=False))
    for name in ("listdir", "scandir"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name), itself=True))
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not is_closed(path, itself=True) and access(path, mode))
