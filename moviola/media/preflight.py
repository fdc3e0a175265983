"""What a job will keep, change and lose of its source, told before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from moviola.base.mapped import Mapped
from moviola.base.records import record
from moviola.media.errors import UnreadableSource
from moviola.media.fidelity import Fate, Finding, Trait, sentences
from moviola.media.kinds import findings, traits
from moviola.media.material import Output, Source


class NotKept(UnreadableSource):
    """Raised, before anything is sent, where not all of a source is kept and nothing less was asked for.

    Attributes:
        preflight: what is kept, and what is not.
    """

    def __init__(self, path: str | Path, preflight: Preflight) -> None:
        self.preflight = preflight
        remarks = preflight.remarks()
        things = "1 thing" if len(remarks) == 1 else f"{len(remarks)} things"
        listed = "; ".join(f"({number}) {remark}" for number, remark in enumerate(remarks, 1))
        super().__init__(
            path, f"{things} of it would not be kept: {listed}", "without --strict it is sent all the same"
        )

    def __reduce__(self) -> tuple[type[NotKept], tuple[Any, ...]]:
        return (NotKept, (self.path, self.preflight))


@record
class Preflight(Mapped):
    """What a job will keep, change and lose.

    Attributes:
        source: its name.
        kind: of the material.
        traits: what the source is.
        findings: first those that are true of all outputs, which name none; then those of each output.
    """

    source: str
    kind: str
    traits: list[Trait] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def harms(self) -> list[Finding]:
        """Return what is changed or lost."""
        return [each for each in self.findings if each.fate is not Fate.KEPT]

    def remarks(self) -> list[str]:
        """Return a sentence for each thing that is not kept, with the output's name where it is true of one only."""
        told = (f"{each.output}: {each.sentence}" if each.output else each.sentence for each in self.harms)
        return list(dict.fromkeys(told))

    def check_kept(self, path: str | Path) -> None:
        """Raise NotKept, which names all of it, where something is changed or lost; `path` is that of the source."""
        if self.harms:
            raise NotKept(path, self)

    def warnings(self, output: str) -> set[str]:
        """Return what the metrics of an output of this name warn of, as far as it was known before."""
        return set(sentences(each for each in self.findings if each.output in ("", output)))


def preflight(source: Source, outputs: Iterable[Output]) -> Preflight:
    """Return what becomes of everything in `source` when these outputs are made of it.

    Raises:
        moviola.media.errors.BadHeader: the source does not say what its kind says.
    """
    by_output = {output.name: findings(source, output) for output in outputs}
    return Preflight(source.name, source.kind, traits(source), [*source.common_facts.findings, *_joined(by_output)])


def _joined(by_output: Mapping[str, list[Finding]]) -> Iterator[Finding]:
    """Yield once what is true of every output, then the rest with the output's name."""
    common = set[Finding]()
    if by_output:
        first, *others = by_output.values()
        common = {each for each in first if all(each in found for found in others)}
        yield from (each for each in first if each in common)
    for name, found in by_output.items():
        yield from (replace(each, output=name) for each in found if each not in common)
