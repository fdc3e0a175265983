"""Where this copy of Moviola lies: in a checkout, or installed as a package; and what follows from that.

A checkout keeps everything in its own folder, beside the code. An installation keeps it in the folders of its user,
as the system's conventions say (XDG on Linux, `~/Library` on macOS).
"""

from __future__ import annotations

import re
import shlex
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from platformdirs import PlatformDirs

NAME: Final = "moviola"

ROOT: Final = Path(__file__).resolve().parents[2]
"""The folder that has our packages: a checkout, or `site-packages`."""


_EXTRA: Final = re.compile(r"""extra == ["']([\w-]+)["']""")
"""In a requirement of metadata: only who asks for this extra needs it."""


@cache
def is_checkout() -> bool:
    """Return whether this is a checkout, also one that is installed in place (`pip install --editable`).

    A checkout has the programs beside this package; an installation has them inside of it.
    """
    return not (ROOT / NAME / "client").is_dir()


@cache
def version() -> str:
    """Return the version: a checkout's from its pyproject.toml, an installation's from its metadata."""
    if is_checkout():
        import tomllib  # noqa: PLC0415 - only who asks for the version needs it

        with open(ROOT / "pyproject.toml", "rb") as file:
            return str(tomllib.load(file)["project"]["version"])
    from importlib import metadata  # noqa: PLC0415 - takes longer than all else that `--help` needs

    return metadata.version(NAME)


def requirements(extra: str = "") -> list[str]:
    """Return the packages that an installation needs, or one of its extras, as `NAME>=…,<…`."""
    from importlib import metadata  # noqa: PLC0415 - as above

    found: dict[str, list[str]] = {}
    for package, _, marker in (each.partition(";") for each in metadata.requires(NAME) or ()):
        of = _EXTRA.search(marker)
        found.setdefault(of[1] if of else "", []).append(package.strip())
    return found.get(extra, [])


def has_pip() -> bool:
    """Return whether this Python has pip: an environment of `uv tool` has none."""
    return find_spec("pip") is not None


def install_command(*arguments: str) -> str:
    """Return what to type to have packages in this Python, with arguments as pip takes them."""
    if has_pip():
        return shlex.join([sys.executable, "-m", "pip", "install", *arguments])
    return shlex.join(["uv", "pip", "install", "--python", sys.executable, *arguments])


def state_folder() -> Path:
    """Return the folder of clusters' state where no other is named: spools, ledgers, logs, the secret."""
    return ROOT / "state" if is_checkout() else _user_folders().user_state_path


def results_folder() -> Path:
    """Return the folder of finished files where no other is named."""
    return ROOT / "results" if is_checkout() else _user_folders().user_data_path / "results"


def samples_folder() -> Path:
    """Return the folder for clips that the demo fetches or makes."""
    return ROOT / "data" if is_checkout() else _user_folders().user_cache_path


def _user_folders() -> PlatformDirs:
    import platformdirs  # noqa: PLC0415 - a checkout does without

    return platformdirs.PlatformDirs(NAME, appauthor=False)
