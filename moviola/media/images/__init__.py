"""Pictures in files: a chunk is some of them as they are, a result the processed ones."""

from __future__ import annotations

from typing import Final

from moviola.media.images.formats import SUFFIXES, is_picture, suffix_of
from moviola.media.images.naming import NAMING
from moviola.media.kind import Deferred, Grouping, Kind

KIND: Final = Kind(
    name="images",
    plural="images",
    phrase="these are images, each by itself",
    unit="image",
    suffixes=SUFFIXES,
    grouping=Grouping.FOLDERS,
    takes=frozenset(("picture",)),
    default_chains=("blur",),
    options=("no_video", "chunk_frames", "format", "quality"),
    makes_folder=True,
    split=Deferred("moviola.media.images.split.split"),
    process=Deferred("moviola.media.images.process.process"),
    splice=Deferred("moviola.media.images.splice.splice"),
    frames=Deferred("moviola.media.images.frames.frames"),
    naming=NAMING,
    traits=Deferred("moviola.media.images.traits.traits"),
    findings=Deferred("moviola.media.images.findings.findings"),
    recognises=is_picture,
    suffix_of=suffix_of,
    excerpt=Deferred("moviola.media.images.excerpt.write_excerpt"),
)
