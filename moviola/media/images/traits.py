"""What people are told of images before they are sent."""

from __future__ import annotations

from collections.abc import Iterator

from moviola.media.fidelity import Trait
from moviola.media.material import Source


def traits(source: Source) -> Iterator[Trait]:
    """Yield what these images are, by the facts that `split` lists."""
    facts = source.facts
    formats = ", ".join(f"{count} {name}" for name, count in facts["formats"].items())
    yield Trait(
        "images", f"{facts['frame_count']} files, {facts['size']:,} bytes: {formats or 'none that can be read'}"
    )
    if facts["page_count"] > sum(facts["formats"].values()):
        yield Trait("pages", str(facts["page_count"]))
    if facts["unreadable_count"]:
        yield Trait("unreadable", f"{facts['unreadable_count']} of them")
    yield Trait("chunks", str(facts["chunk_count"]))
