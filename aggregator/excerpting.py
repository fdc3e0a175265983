"""`python -m aggregator.excerpting FILE`: turns a chunk that aggregator/failed.py wrote down into a file to look at."""

from __future__ import annotations

import sys
from pathlib import Path

import msgpack

from moviola.base.files import PARTIAL
from moviola.base.result_folders import note
from moviola.media.errors import MediaError
from moviola.media.kinds import excerpt
from moviola.wire.shown import shown


def main() -> int:
    raw = Path(sys.argv[1])
    told = msgpack.unpackb(raw.read_bytes())
    write_excerpt = excerpt(told["process"]["kind"])
    if write_excerpt is None:
        return 0
    try:
        made = write_excerpt(raw, told["process"], told["chunk"])
    except (MediaError, OSError) as error:
        print(shown(f"{raw.name}: {error}"), file=sys.stderr)
        return 1
    final = raw.name.removeprefix(".").removesuffix(PARTIAL) + made.suffix
    job = raw.parent.parent
    note(job.parent, job.name, f"{raw.parent.name}/{final}", made)
    made.replace(raw.with_name(final))
    return 0


if __name__ == "__main__":
    sys.exit(main())
