"""What is to be done with one source: everything that can be said before it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moviola.api.display import log
from moviola.api.errors import UsageError
from moviola.api.options import Source, material_of
from moviola.api.spelling import in_python
from moviola.filters.schema import FilterSchema
from moviola.media.kinds import KINDS
from moviola.media.material import Material
from moviola.media.preflight import Preflight
from moviola.session.existing import Destination, settle
from moviola.session.job_settings import JobSettings
from moviola.session.order import OutputRequest


@dataclass(frozen=True, slots=True)
class Planned:
    """A job before its source is opened: everything that can be said of it is said."""

    material: Material
    destination: Destination
    settings: JobSettings

    def tell(self, told: Preflight) -> None:
        """Tell the log what becomes of the source, before anything is done. Raises NotKept."""
        if self.settings.strict:
            told.check_kept(self.material.path)
        for remark in told.remarks():
            log.info("%s: %s", self.material.name, in_python(remark))


def planned(
    source: Source,
    settings: JobSettings,
    schemas: Mapping[str, FilterSchema],
    options: Mapping[str, Any],
    results: Path,
) -> Planned:
    """Return what is to be done with a source, and where the files go.

    Args:
        schemas: of the filters that there are.
        options: those that were given, to refuse what says nothing of such a source.
        results: the folder of jobs' folders.

    Raises:
        UsageError, and what moviola.api.errors.translated takes.
    """
    wanted = OutputRequest.of(settings, schemas)
    material = material_of(source)
    kind = KINDS[material.kind]
    for sentence in wanted.idle([kind.name]):
        raise UsageError(sentence)
    for name in options:
        takers = [each for each in KINDS.values() if name in each.options]
        if takers and kind not in takers:
            plurals = " and ".join(each.plural for each in takers)
            raise UsageError(f"{name} is for {plurals}, and there are only {kind.plural}; leave it out")
    orders = {material: wanted.order(material)}
    return Planned(material, settle(orders, settings.out, results, overwrite=settings.overwrite)[material], settings)
