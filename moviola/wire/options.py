"""Settings that several programs share, and how ports, sizes, times, names and counts are written."""

from __future__ import annotations

import argparse
import getpass
import logging
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from moviola.base.installation import ROOT, is_checkout, results_folder, state_folder
from moviola.base.settings import SWITCH, ValueType, setting
from moviola.base.texts import MAX_NAME
from moviola.wire.addresses import LOOPBACK
from moviola.wire.shown import LogFormatter, shown

MIDDLEWARE_PORT: Final = 5000
AGGREGATOR_PORT: Final = 5001
WEB_PORT: Final = 8080
MAX_PORT: Final = 65535
LOG_LEVELS: Final = ("debug", "info", "warning", "error")


def middleware_host() -> Any:
    """The setting `--host` (MOVIOLA_HOST, loopback): where the middleware is."""
    about = "host of the middleware"
    return setting(LOOPBACK, type=HOST, help=about, flag="--host", variables=["MOVIOLA_HOST"], protected=True)


def middleware_port(flag: str = "--port", help: str = "port of the middleware") -> Any:
    """The setting of the middleware's port (MOVIOLA_PORT, 5000)."""
    return setting(MIDDLEWARE_PORT, type=PORT, help=help, flag=flag, variables=["MOVIOLA_PORT"], protected=True)


def bind(help: str = "address to listen at, '*' for all", variable: str = "MOVIOLA_BIND") -> Any:
    """The setting `--bind` (MOVIOLA_BIND): where to listen; loopback unless told otherwise."""
    address = replace(HOST, placeholder="ADDRESS", bounds="an address of this machine, or '*'")
    return setting(LOOPBACK, type=address, help=help, variables=[variable], protected=True)


def state() -> Any:
    """The setting `--state` (MOVIOLA_STATE): the folder in which each program keeps its own."""
    about = "folder for what must survive a restart"
    return setting(
        factory=lambda: _default_folder(state_folder()),
        type=FOLDER,
        help=about,
        variables=["MOVIOLA_STATE"],
        default_text="state/ in a checkout, else the user's state folder: {}",
        protected=True,
    )


def state_folder_of_cluster() -> Any:
    """The setting `--state-folder` (MOVIOLA_STATE) of programs that keep nothing: where a cluster's secret is."""
    return setting(
        None,
        type=FOLDER,
        help="state folder of a cluster on this machine, whose secret is taken",
        flag="--state-folder",
        variables=["MOVIOLA_STATE"],
        default_text="the one here, or this checkout's or user's",
        protected=True,
    )


def results() -> Any:
    """The setting `--results` (MOVIOLA_RESULTS): the folder of finished files."""
    return setting(
        factory=lambda: _default_folder(results_folder()),
        type=FOLDER,
        help="folder for finished files",
        variables=["MOVIOLA_RESULTS"],
        default_text="results/ in a checkout, else in the user's data folder: {}",
    )


def _default_folder(folder: Path) -> Path:
    """Return the default folder as settings show it: in a checkout, whose programs are started in its folder, the short
    path relative to that."""
    return folder.relative_to(ROOT) if is_checkout() else folder


def log() -> Any:
    """The setting `--log` (MOVIOLA_LOG): how much is logged; give its value to `set_up_log`."""
    return setting("info", type=LOG_LEVEL, help="how much to log", variables=["MOVIOLA_LOG"])


def user() -> Any:
    """The setting `--user` (MOVIOLA_USER_NAME): whose jobs are submitted, seen and controlled."""
    return setting(
        factory=system_user,
        type=USER,
        help="whose jobs these are",
        variables=["MOVIOLA_USER_NAME"],
        default_text="the system's user, {}",
        protected=True,
    )


def secret_file() -> Any:
    """The setting `--secret-file` (MOVIOLA_SECRET_FILE); `secret.cluster_secret` takes it and `no_secret`."""
    return setting(
        None,
        type=FILE,
        help="file with the cluster's shared secret",
        variables=["MOVIOLA_SECRET_FILE"],
        default_text="'secret' in the state folder",
        excludes="secret",
        protected=True,
    )


def no_secret() -> Any:
    """The setting `--no-secret` (MOVIOLA_NO_SECRET)."""
    about = "use none: whoever reaches the cluster's ports may join it"
    return setting(False, type=SWITCH, help=about, variables=["MOVIOLA_NO_SECRET"], excludes="secret", protected=True)


def fsync() -> Any:
    """The setting `--fsync`."""
    return setting(False, type=SWITCH, help="let what is acknowledged survive a power cut")


def system_user() -> str:
    """Return the name of the user who runs this process; `uid-N` where the system has none, as in a container."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError, ImportError):
        name = ""
    name = shown(name.encode(errors="replace").decode())[:MAX_NAME]
    return name or (f"uid-{os.getuid()}" if hasattr(os, "getuid") else "somebody")


def user_name(text: str) -> str:
    """An argparse `type`: a user's name."""
    if not 0 < len(text) <= MAX_NAME or not text.isprintable():
        raise argparse.ArgumentTypeError(f"a user's name has 1 to {MAX_NAME} characters that can be printed")
    return text


def port_number(text: str) -> int:
    """An argparse `type`: a port, 0 for any free one."""
    if not (text.isascii() and text.isdecimal()) or int(text) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to {MAX_PORT}, and '{text}' is not")
    return int(text)


def size(text: str) -> int:
    """An argparse `type`: bytes, with K, M, G or T for powers of 1024."""
    number, factor = text, 1
    if text[-1:].upper() in ("K", "M", "G", "T"):
        number, factor = text[:-1], 1024 ** ("KMGT".index(text[-1].upper()) + 1)
    if not (number.isascii() and number.isdecimal()) or not int(number):
        raise argparse.ArgumentTypeError(f"a size is a number of bytes such as 500M or 20G, and '{text}' is not")
    return int(number) * factor


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """An argparse `type`: a whole number within bounds, both included."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"must be a whole number from {least} to {most}, not '{text}'")
        return int(text)

    return read


def seconds(text: str) -> float:
    """An argparse `type`: a span of time above 0, fractions allowed."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise argparse.ArgumentTypeError(f"it is a number of seconds above 0, and '{text}' is not")
    return number


_SPANS: Final = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}


def age(text: str) -> float:
    """An argparse `type`: a span of time in seconds, with s, m, h, d or w behind the number."""
    number, factor = text[:-1], _SPANS.get(text[-1:].lower(), 0)
    if not (factor and number.isascii() and number.isdecimal()):
        raise argparse.ArgumentTypeError(f"an age is a number of days such as 7d, or 12h, 30m, 2w, and '{text}' is not")
    return float(int(number) * factor)


def age_text(value: float | str) -> str:
    """Return an age as a person would write it; a text stays as it is."""
    if isinstance(value, str):
        return value
    unit = next((unit for unit, span in reversed(_SPANS.items()) if value and value % span == 0), "s")
    return f"{value / _SPANS[unit]:.0f}{unit}"


def log_level(text: str) -> str:
    """An argparse `type`: one of LOG_LEVELS. Used instead of `choices`, which does not validate defaults."""
    if text not in LOG_LEVELS:
        raise argparse.ArgumentTypeError(f"levels are {', '.join(LOG_LEVELS)}, and '{text}' is not one")
    return text


def whole(least: int, most: int, unit: str, placeholder: str = "N") -> ValueType:
    """Return the type of whole numbers within bounds, both included."""
    return ValueType(whole_number(least, most), unit, f"{least} to {most}", placeholder)


def size_text(value: int | str) -> str:
    """Return a size as a person would write it; a text stays as it is."""
    if isinstance(value, str):
        return value
    power = next((power for power in (4, 3, 2, 1) if value % 1024**power == 0), 0)
    return f"{value // 1024**power}{' KMGT'[power].strip()}"


PORT: Final = ValueType(port_number, "port", f"1 to {MAX_PORT}, or 0 for any free one", "PORT")
SIZE: Final = ValueType(size, "bytes", "from 1; K, M, G and T stand for powers of 1024", "SIZE", size_text)
AGE: Final = ValueType(age, "seconds", "whole; s, m, h, d and w stand for seconds to weeks", "AGE", age_text)
SECONDS: Final = ValueType(seconds, "seconds", "above 0", "S", lambda value: f"{value}")
TEXT: Final = ValueType(str, "text", "any", "NAME")
HOST: Final = ValueType(str, "host", "a name or an IP address", "HOST")
FOLDER: Final = ValueType(Path, "path", "of a folder", "FOLDER", lambda path: f"{path}/", is_path=True)
FILE: Final = ValueType(Path, "path", "of a file", "FILE", is_path=True)
PATH: Final = ValueType(str, "path", "of a file or folder", "PATH")
USER: Final = ValueType(user_name, "name", f"1 to {MAX_NAME} characters that can be printed", "NAME")
LOG_LEVEL: Final = ValueType(log_level, "level", ", ".join(LOG_LEVELS), "{" + ",".join(LOG_LEVELS) + "}")


def set_up_log(level: str) -> None:
    """One line an event to standard error: time, level, what. Modules log to `logging.getLogger(__name__)`."""
    handler = logging.StreamHandler()
    handler.setFormatter(LogFormatter("%(asctime)s.%(msecs)03d %(levelname)-7s %(name)s  %(message)s", "%F %T"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
