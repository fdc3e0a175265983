"""Options that several programs share: each flag, its environment variable and its default, once.

A flag wins over its variable. Everything returns plain values; the programs' `__main__.py` put them into settings.
"""

from __future__ import annotations

import argparse
import getpass
import logging
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from wire.addresses import LOOPBACK
from wire.limits import MAX_NAME
from wire.shown import LogFormatter, shown

MIDDLEWARE_PORT: Final = 5000
AGGREGATOR_PORT: Final = 5001
MAX_PORT: Final = 65535
LOG_LEVELS: Final = ("debug", "info", "warning", "error")


def environment(variable: str, default: str) -> str:
    """The variable's value, or the default where it is unset or empty."""
    return os.environ.get(variable) or default


def add_middleware_address(parser: argparse.ArgumentParser, *, port_flag: str = "--port") -> None:
    """Where the middleware is: `--host` (MOVIOLA_HOST, loopback) and a port (MOVIOLA_PORT, 5000)."""
    parser.add_argument(
        "--host",
        default=environment("MOVIOLA_HOST", LOOPBACK),
        help="host of the middleware (MOVIOLA_HOST; %(default)s)",
    )
    parser.add_argument(
        port_flag,
        type=port_number,
        default=environment("MOVIOLA_PORT", str(MIDDLEWARE_PORT)),
        metavar="PORT",
        help="port of the middleware (MOVIOLA_PORT; %(default)s)",
    )


def add_bind(parser: argparse.ArgumentParser) -> None:
    """`--bind` (MOVIOLA_BIND): where to listen; loopback unless told otherwise."""
    parser.add_argument(
        "--bind",
        default=environment("MOVIOLA_BIND", LOOPBACK),
        metavar="ADDRESS",
        help="address to listen at, '*' for all (MOVIOLA_BIND; %(default)s)",
    )


def add_state(parser: argparse.ArgumentParser) -> None:
    """`--state` (MOVIOLA_STATE): the folder of what must survive a restart; each program has its own in it."""
    parser.add_argument(
        "--state",
        type=Path,
        default=environment("MOVIOLA_STATE", "state"),
        metavar="FOLDER",
        help="folder for what must survive a restart (MOVIOLA_STATE; %(default)s/)",
    )


def add_results(parser: argparse.ArgumentParser) -> None:
    """`--results` (MOVIOLA_RESULTS): the folder of finished files."""
    parser.add_argument(
        "--results",
        type=Path,
        default=environment("MOVIOLA_RESULTS", "results"),
        metavar="FOLDER",
        help="folder for finished files (MOVIOLA_RESULTS; %(default)s/)",
    )


def add_log(parser: argparse.ArgumentParser) -> None:
    """`--log` (MOVIOLA_LOG): how much is logged; give its value to `set_up_log`."""
    parser.add_argument(
        "--log",
        type=log_level,
        metavar="{" + ",".join(LOG_LEVELS) + "}",
        default=environment("MOVIOLA_LOG", "info"),
        help="how much to log (MOVIOLA_LOG; %(default)s)",
    )


def add_user(parser: argparse.ArgumentParser) -> None:
    """`--user` (MOVIOLA_USER_NAME): whose jobs are submitted, seen and controlled."""
    parser.add_argument(
        "--user",
        type=user_name,
        default=environment("MOVIOLA_USER_NAME", system_user()),
        metavar="NAME",
        help="whose jobs these are (MOVIOLA_USER_NAME; the system's user, %(default)s)",
    )


def system_user() -> str:
    """Return the name of the user who runs this process; `uid-N` where the system has none, as in a container."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError, ImportError):
        name = ""
    name = shown(name.encode(errors="replace").decode())[:MAX_NAME]
    return name or (f"uid-{os.getuid()}" if hasattr(os, "getuid") else "somebody")


def user_name(text: str) -> str:
    """For argparse: a user's name."""
    if not 0 < len(text) <= MAX_NAME or not text.isprintable():
        raise argparse.ArgumentTypeError(f"a user's name has 1 to {MAX_NAME} characters that can be printed")
    return text


def port_number(text: str) -> int:
    """For argparse: a port, 0 for any free one."""
    if not (text.isascii() and text.isdecimal()) or int(text) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to {MAX_PORT}, and '{text}' is not")
    return int(text)


def size(text: str) -> int:
    """For argparse: bytes, with K, M, G or T for powers of 1024."""
    number, factor = text, 1
    if text[-1:].upper() in ("K", "M", "G", "T"):
        number, factor = text[:-1], 1024 ** ("KMGT".index(text[-1].upper()) + 1)
    if not (number.isascii() and number.isdecimal()) or not int(number):
        raise argparse.ArgumentTypeError(f"a size is a number of bytes such as 500M or 20G, and '{text}' is not")
    return int(number) * factor


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """For argparse: a whole number within bounds, both included."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"must be a whole number from {least} to {most}, not '{text}'")
        return int(text)

    return read


def seconds(text: str) -> float:
    """For argparse: a span of time above 0, fractions allowed."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise argparse.ArgumentTypeError(f"it is a number of seconds above 0, and '{text}' is not")
    return number


def log_level(text: str) -> str:
    """For argparse, which would not hold a default, such as the environment's, against `choices`."""
    if text not in LOG_LEVELS:
        raise argparse.ArgumentTypeError(f"levels are {', '.join(LOG_LEVELS)}, and '{text}' is none")
    return text


def set_up_log(level: str) -> None:
    """One line an event to standard error: time, level, what. Modules log to `logging.getLogger(__name__)`."""
    handler = logging.StreamHandler()
    handler.setFormatter(LogFormatter("%(asctime)s.%(msecs)03d %(levelname)-7s %(name)s  %(message)s", "%F %T"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
