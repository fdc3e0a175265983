"""A fourth kind of material, to prove that a kind is a folder and an entry: sound in WAV files.

It is cut into blocks of a tenth of a second, each a record with the column "peak": a filter over records keeps the
loud ones.
"""

from __future__ import annotations

from typing import Final

from moviola.media.kind import Deferred, Grouping, Kind, Naming

KIND: Final = Kind(
    name="audio",
    plural="sounds",
    phrase="this is a sound",
    unit="block",
    suffixes=frozenset((".wav",)),
    grouping=Grouping.EACH,
    takes=frozenset(("record",)),
    default_chains=("where:column=peak:min=1000",),
    options=("chunk_records",),
    tells_count=True,
    split=Deferred("tests.media.audio.sound.split"),
    process=Deferred("tests.media.audio.sound.process"),
    splice=Deferred("tests.media.audio.sound.splice"),
    naming=Naming(endings=lambda _encoder: (".wav",)),
    excerpt=Deferred("tests.media.audio.sound.write_excerpt"),
)
