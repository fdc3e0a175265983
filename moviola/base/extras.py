"""What only some commands need of other packages: whether it is installed, and how to install it."""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec
from typing import Final

from moviola.base.installation import is_checkout

WEB_LIBRARIES: Final = ("starlette", "uvicorn", "sse_starlette", "python_multipart", "prometheus_client", "httpx")
"""What the gateway imports of the extra `web`."""


def missing_for_ray() -> str:
    """Return what to type where Ray is not installed, as a sentence without its full stop; empty where it is."""
    if find_spec("ray") is not None:
        return ""
    what = "'ray>=2.40,<3'" if is_checkout() else "'moviola[ray]'"
    return (
        f"Ray is not installed; install it, in the version that the cluster has, with: {shlex.quote(sys.executable)} "
        f"-m pip install {what}"
    )


def missing_for_web() -> str:
    """Return which libraries the gateway lacks and what to type for them, as a sentence without its full stop; empty
    if it lacks none."""
    missing = [name for name in WEB_LIBRARIES if find_spec(name) is None]
    if not missing:
        return ""
    what = "-r requirements-web.txt" if is_checkout() else "'moviola[web]'"
    verb = "is" if len(missing) == 1 else "are"
    return (
        f"{', '.join(missing)} {verb} not installed; install what the gateway needs with: "
        f"{shlex.quote(sys.executable)} -m pip install {what}"
    )
