"""The manifest of an output: what each frame came of, and what its file must hold. docs/MANIFEST.md tells each field.

It is a gzip file of JSON lines, an object with one key each: what kind of line it is.

records   what each kind of line has
blocks    cuts the packets of a stream into units, for a writer and for whoever verifies
writer    writes them while an output is spliced; what grows meanwhile is one line
reader    reads a manifest back, and checks it: `Manifest`
"""

from __future__ import annotations

from typing import Final

FORMAT: Final = 1
"""Of the manifests that are written, and read."""

SUFFIX: Final = ".manifest.jsonl.gz"
"""How the file is called, behind the output's name."""

LINE_UNITS: Final = 1000
"""Frames, or packets, in a line: enough that what stands around them does not count."""

MAX_LINE_SIZE: Final = 1024 * 1024
"""Bytes of a line that is read. One of 1000 packets with the largest numbers has 50 KiB, of 100 pictures with the
longest names 500 KiB."""

MAX_UNITS: Final = 50_000_000
"""Frames, packets, chunks or pictures that a manifest may have: 23 days at 25 frames a second. In memory they take 33
bytes each. A gzip file of some megabytes may hold more, and none of ours does."""
