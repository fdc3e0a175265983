"""Whether the folders and ports that a cluster wants can be had, said before anything is started."""

from __future__ import annotations

import errno
import os
import socket
import sys
from pathlib import Path

from moviola.base.paths import expanded
from moviola.launcher.problem import Problem

AIRPLAY_PORT = 5000  # where macOS listens with its AirPlay Receiver switched on


def absolute(flag: str, text: str | Path) -> Path:
    """Return the absolute path of a file or folder. Raises Problem for one that leads nowhere."""
    try:
        return expanded(Path(text)).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a user that there is not, a loop of links, a null character
        raise Problem(f"{flag} cannot be {str(text)!r}: {error}.") from error


def make_state(path: Path) -> None:
    """Makes the state folder, which is its user's own. Raises Problem."""
    make_folder("--state", path)
    try:
        there = path.stat()
        if there.st_mode & 0o077 and there.st_uid == os.geteuid():
            path.chmod(0o700)
    except OSError as error:  # a file system without permissions, such as a stick's
        raise Problem(f"Cannot shut others out of {path} ({error.strerror}): choose another with --state.") from error


def make_folder(flag: str, path: Path) -> None:
    """Raises Problem where the folder cannot be made or written to."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".moviola-probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Problem(f"Cannot write to {path} ({error.strerror}): choose another folder with {flag}.") from error


def check_port(flag: str, port: int) -> None:
    """Raise Problem if a program listens on this port of the loopback, or if this user may not listen on it."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family) as probe:
                # A bind alone misses on macOS a listener on all addresses, such as AirPlay's on port 5000.
                if probe.connect_ex((host, port)) == 0:
                    raise Problem(taken(flag, port))
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Problem(taken(flag, port)) from error
            if error.errno == errno.EACCES:
                raise Problem(f"Port {port} needs administrator rights: choose one from 1024 with {flag}.") from error
            # A machine without IPv6 has nothing to take there.


def taken(flag: str, port: int) -> str:
    hint = " (on macOS, AirPlay Receiver holds it)" if sys.platform == "darwin" and port == AIRPLAY_PORT else ""
    return f"Port {port} is taken by another program{hint}: stop that one, or choose another port with {flag}."
