"""What people are told of tables before they are sent."""

from __future__ import annotations

from collections.abc import Iterator

from moviola.media.fidelity import Trait
from moviola.media.material import Source


def traits(source: Source) -> Iterator[Trait]:
    """Yield what these tables are, by the facts that `split` lists."""
    for each in source.facts["tables"]:
        value = f"{each['file']}: {each['records']:,} records of {each['columns']} columns, {each['size']:,} bytes"
        yield Trait(f"table {each['table']}", value)
