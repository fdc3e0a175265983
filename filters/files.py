"""Files that a filter's parameters name. They lie on the machine of the worker, not on the one that sends the job."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from filters.schema import ParameterError


class Stamp(NamedTuple):
    """A file as it is now: what was made from it holds until one of these changes."""

    path: str
    size: int
    mtime_ns: int


def stamp(filter_name: str, parameter: str, path: str, max_size: int) -> Stamp:
    """Raises ParameterError, a sentence for the person who named the file, where there is none, or one too large."""
    told = f"{filter_name}: {parameter}={path}"
    try:
        found = Path(path).stat()
        if not Path(path).is_file():
            raise ParameterError(f"{told} is no file on this machine, where the filter runs")
        with Path(path).open("rb"):
            pass
    except (OSError, ValueError) as error:
        if isinstance(error, ParameterError):
            raise
        reason = "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
        raise ParameterError(
            f"{told} {reason}; the file must lie at this path on every machine that runs the filter"
        ) from error
    if found.st_size > max_size:
        raise ParameterError(f"{told} has {found.st_size} bytes; {max_size} are the most")
    return Stamp(path, found.st_size, found.st_mtime_ns)
