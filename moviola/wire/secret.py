"""The cluster's shared secret: which file it is in, who makes it, and who may read it.

By default it is the file `secret` in the state folder: programs that one user starts on one machine find the same file,
and no other user can read it. A program that serves makes the file if it is missing; clients only look for it.
"""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path
from typing import Final

from moviola.base.installation import state_folder

SECRET_NAME: Final = "secret"
"""The name of the secret's file in a state folder."""

SECRET_SIZE: Final = 32
"""Random bytes of a new secret, as many as a SHA-256 digest has."""

OTHERS: Final = 0o077
"""The mode bits of everybody but a file's owner."""


def cluster_secret(
    secret_file: Path | None, no_secret: bool, *, state: Path | None = None, makes: bool = False
) -> bytes:
    """Return the cluster's secret by a program's settings; empty if it has none.

    Args:
        secret_file: the file that the setting `--secret-file` names.
        no_secret: the setting `--no-secret`; not together with `secret_file`.
        state: the state folder that the settings name; by default all of `state_folders`.
        makes: make a secret if there is none.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is empty, others can read it, or none can be made.
    """
    if no_secret:
        return b""
    if secret_file is not None:
        return read_secret(secret_file)
    paths = [folder / SECRET_NAME for folder in ([state] if state is not None else state_folders())]
    found = next((path for path in paths if path.exists()), None)
    if found is None and makes:
        try:
            found = make_secret(paths[0])
        except OSError as error:
            raise ValueError(f"the cluster's secret cannot be made, {paths[0]}: {error.strerror or error}") from error
    return b"" if found is None else read_secret(found)


def state_folders() -> list[Path]:
    """Return the state folders in which to look for the secret that this user's programs share, if none is named."""
    return [Path("state"), state_folder()]


def read_secret(path: Path) -> bytes:
    """Return the secret in a file, without surrounding blanks.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is empty, or others can read it.
    """
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & OTHERS:
            raise ValueError(f"the secret file {path} can be read by others; make it yours alone: chmod 600 {path}")
        secret = file.read().strip()
    if not secret:
        raise ValueError(f"the secret file {path} is empty")
    return secret


def make_secret(path: Path) -> Path:
    """Write a new secret that only this user can read, unless the file exists; return its path. Raises OSError."""
    path.parent.parent.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(SECRET_SIZE)) + b"\n")
        try:
            os.link(fresh, path)  # of several programs that begin at once, the first one's is the secret
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            if not path.exists():
                fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return path
