"""CSV tables: whole records are carried, filtered, joined to the movies that were kept, and written as JSON."""

from __future__ import annotations

from typing import Final

from moviola.media.kind import Deferred, Grouping, Kind
from moviola.media.table.naming import NAMING, suffix_of

KIND: Final = Kind(
    name="table",
    plural="tables",
    phrase="these are tables",
    unit="record",
    suffixes=frozenset((".csv",)),
    grouping=Grouping.TOGETHER,
    takes=frozenset(("record",)),
    default_chains=("post_2000", "argentina_spain"),
    options=("chunk_records",),
    tells_count=True,
    split=Deferred("moviola.media.table.split.split"),
    front=Deferred("moviola.media.table.front.front"),
    process=Deferred("moviola.media.table.process.process"),
    splice=Deferred("moviola.media.table.splice.splice"),
    naming=NAMING,
    traits=Deferred("moviola.media.table.traits.traits"),
    suffix_of=suffix_of,
    check=Deferred("moviola.media.table.chain.check"),
)
