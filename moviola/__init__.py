"""Moviola: filters over video, images and tables, on every core and machine that you own.

    import moviola

    moviola.process("a.mp4", "blur:radius=5", out="b.mp4")      # in this process
    with moviola.Cluster.local(workers=4) as cluster:           # or moviola.Cluster("host", secret_file=…)
        job = cluster.submit("a.mp4", {"small": "resize:width=640", "faces": "faces"})
        for frame in job.frames("faces"):
            ...

docs/PYTHON.md has more. What is named here is imported when it is first used, so that `import moviola` costs nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers know it by its name; `typing` would cost more than all the rest

if TYPE_CHECKING:
    from moviola.api.cluster import Cluster as Cluster
    from moviola.api.cluster import FilterInfo as FilterInfo
    from moviola.api.comparison import ComparisonFailed as ComparisonFailed
    from moviola.api.comparison import compare as compare
    from moviola.api.decorated import Between as Between
    from moviola.api.decorated import filter as filter
    from moviola.api.errors import Closed as Closed
    from moviola.api.errors import JobCancelled as JobCancelled
    from moviola.api.errors import JobFailed as JobFailed
    from moviola.api.errors import MoviolaError as MoviolaError
    from moviola.api.errors import Refused as Refused
    from moviola.api.errors import Timeout as Timeout
    from moviola.api.errors import Unreachable as Unreachable
    from moviola.api.errors import UnreadableSource as UnreadableSource
    from moviola.api.errors import UsageError as UsageError
    from moviola.api.events import ClusterEvent as ClusterEvent
    from moviola.api.frames import Frame as Frame
    from moviola.api.job import Job as Job
    from moviola.api.job import JobStatus as JobStatus
    from moviola.api.metrics import Metrics as Metrics
    from moviola.api.options import JobOptions as JobOptions
    from moviola.api.preflight import preflight as preflight
    from moviola.api.process import process as process
    from moviola.api.progress import Progress as Progress
    from moviola.api.results import OutputResult as OutputResult
    from moviola.api.results import Result as Result
    from moviola.api.verification import read_manifest as read_manifest
    from moviola.api.verification import verify as verify
    from moviola.api.workers import WorkerInfo as WorkerInfo
    from moviola.base.failures import Failure as Failure
    from moviola.comparison.records import Comparison as Comparison
    from moviola.media.manifest.reader import BadManifest as BadManifest
    from moviola.media.manifest.reader import Manifest as Manifest
    from moviola.media.manifest.reader import ManifestFrame as ManifestFrame
    from moviola.verification.findings import Verification as Verification

_HOMES = {
    "BadManifest": "verification",
    "Between": "decorated",
    "Closed": "errors",
    "Cluster": "cluster",
    "ClusterEvent": "events",
    "Comparison": "comparison",
    "ComparisonFailed": "comparison",
    "Failure": "metrics",
    "FilterInfo": "cluster",
    "Frame": "frames",
    "Job": "job",
    "JobCancelled": "errors",
    "JobFailed": "errors",
    "JobOptions": "options",
    "JobStatus": "job",
    "Manifest": "verification",
    "ManifestFrame": "verification",
    "Metrics": "metrics",
    "MoviolaError": "errors",
    "OutputResult": "results",
    "Progress": "progress",
    "Refused": "errors",
    "Result": "results",
    "Timeout": "errors",
    "Unreachable": "errors",
    "UnreadableSource": "errors",
    "UsageError": "errors",
    "Verification": "verification",
    "WorkerInfo": "workers",
    "compare": "comparison",
    "filter": "decorated",
    "preflight": "preflight",
    "process": "process",
    "read_manifest": "verification",
    "verify": "verification",
}
"""By name, the module of moviola.api that has it."""

__all__ = sorted(_HOMES)  # noqa: PLE0605 - the names above, once


if not TYPE_CHECKING:  # otherwise every name would be there for a type checker, the misspelt ones too

    def __getattr__(name: str) -> object:
        from importlib import import_module  # noqa: PLC0415 - only when something is used

        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module 'moviola' has no attribute {name!r}")
        value = getattr(import_module(f"moviola.api.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
