"""`moviola.compare`: the same job in one thread, in several threads, in several processes and on a cluster."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Unpack

from moviola.api.errors import MoviolaError, UsageError, translated
from moviola.api.options import Filters, JobOptions, PathLike, Source, filters_in, material_of, settings_from
from moviola.api.process import IN_THIS_PROCESS
from moviola.base.processes import core_count
from moviola.comparison.contest import compare as compared
from moviola.comparison.records import Comparison, Mode, State
from moviola.comparison.request import Request, check_options, modes_in
from moviola.filters import registry
from moviola.media.kinds import KINDS
from moviola.session.known_filters import schemas_for
from moviola.session.order import OutputRequest
from moviola.session.target import Target

if TYPE_CHECKING:
    from moviola.api.cluster import Cluster

MEANINGLESS: Final = ("overwrite", "priority", "new", "strict", "verify_cuts")
"""Options of jobs that say nothing of a comparison."""

FOLDER_PREFIX: Final = "moviola-compare-"


class ComparisonFailed(MoviolaError):
    """Raised for a comparison in which a mode failed, or a result differed from the first one.

    Attributes:
        comparison: what was found until then; its `reason` says what it was.
    """

    def __init__(self, comparison: Comparison) -> None:
        super().__init__(comparison.reason)
        self.comparison = comparison


def compare(
    source: Source,
    filters: Filters = None,
    *,
    modes: Collection[str] = (),
    workers: int | None = None,
    iterations: int = 1,
    warm_ups: int = 1,
    cluster: Cluster | None = None,
    progress: Callable[[Comparison], object] | None = None,
    **options: Unpack[JobOptions],
) -> Comparison:
    """Do the same job by several modes, compare their results, and return what each mode took.

    Each mode has a process of its own, and they take turns, round by round. No result is kept.

    Args:
        source: a file or a folder; or several files that belong together.
        filters: a chain, several chains, or output names with their chains.
        modes: of "sequential", "threads", "processes" and "distributed"; all four by default.
        workers: threads, and processes; one a core by default.
        iterations: rounds of each mode that count.
        warm_ups: rounds before these, which do not.
        cluster: for "distributed"; by default one of `workers` workers, which is started and stopped.
        progress: called with the Comparison whenever it has changed.
        options: as moviola.JobOptions lists them, but `overwrite`, `priority`, `new`, `strict` and `verify_cuts`.

    Raises:
        UsageError: an argument cannot be.
        UnreadableSource: the source cannot be taken.
        Unreachable: a cluster that is started does not become whole.
        ComparisonFailed: a mode failed, or a result differs.
    """
    with translated(), IN_THIS_PROCESS, ExitStack() as stack:
        for name in MEANINGLESS:
            if name in options:
                raise UsageError(f"{name} has no effect on a comparison; leave it out")
        settings = settings_from(filters, None, options)
        chosen = modes_in(modes)
        material = material_of(source)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX)))
        files = _plugins(folder)
        count = core_count() if workers is None else workers
        target = cluster.target if cluster is not None else None
        known = registry.schemas()
        if target is not None and set(chosen) == {Mode.DISTRIBUTED}:
            known = schemas_for(filters_in(settings), target, lambda sentence: None)
        wanted = OutputRequest.of(settings, known)
        for sentence in wanted.idle([material.kind]):
            raise UsageError(sentence)
        check_options(KINDS[material.kind], options)
        request = Request(material, wanted.order(material), chosen, count, iterations, warm_ups, target, files)
        if Mode.DISTRIBUTED in chosen and cluster is None:
            request = request.at(stack.enter_context(own_cluster(count)))
        (results := folder / "results").mkdir()
        for comparison in compared(request, results):
            if progress is not None:
                progress(comparison)
    if comparison.state is State.FAILED:
        raise ComparisonFailed(comparison)
    return comparison


@contextmanager
def own_cluster(workers: int, plugins: Iterable[PathLike] = ()) -> Iterator[Target]:
    """Start a cluster on this machine, give the block its target, and stop it. Its workers have all labels that filters
    here ask for: the other modes ask for none. Raise Unreachable, UsageError."""
    from moviola.api.local_cluster import local  # noqa: PLC0415 - what starts programs, which others do without

    labels = sorted({schema.label for schema in registry.schemas().values() if schema.label})
    with local(workers, plugins=plugins, labels=labels) as cluster:
        yield cluster.target


def _plugins(folder: Path) -> tuple[Path, ...]:
    """Return files of the filters that this program defines, for the processes. Raise UsageError."""
    from moviola.api.decorated import decorated  # noqa: PLC0415 - numpy and codecs
    from moviola.api.written_out import plugin_files  # noqa: PLC0415

    return tuple(plugin_files([kind.function for kind in decorated().values()], folder))
