"""Messages between a comparison and the processes of its modes. They are pickled, because both ends are of one
version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from moviola.comparison.records import Mode
from moviola.comparison.request import Request


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a process is to do, again and again."""

    mode: Mode
    request: Request


@dataclass(frozen=True, slots=True)
class Work:
    """Do it once, with the files in this folder."""

    folder: Path


@dataclass(frozen=True, slots=True)
class Ready:
    """All that is needed has been loaded and started."""


@dataclass(frozen=True, slots=True)
class Progress:
    """So much of a round is done, 0 to 1; `job` is its id in the cluster, if it has one."""

    share: float
    job: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """A round has ended well.

    Attributes:
        seconds: that it took, with reading and writing.
        unit: what is counted.
        count: frames, images or records of the source.
        chunks: into how many it is cut.
        digests: by output.
        files: by output, its main file or folder.
        busy_s: seconds of computing, by worker of a cluster.
        remarks: sentences about what came out.
    """

    seconds: float
    unit: str
    count: int
    chunks: int
    digests: Mapping[str, str]
    files: Mapping[str, Path]
    busy_s: Mapping[str, float] = field(default_factory=dict)
    remarks: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A round, or its preparation, failed; `is_unreachable` where there is no cluster, or it was lost."""

    reason: str
    is_unreachable: bool = False
