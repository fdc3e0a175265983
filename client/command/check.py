"""`moviola check`: tries a filter of one's own against the contract, or whether a video can be cut without loss."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from moviola.base.command_line import Parser
from moviola.base.invocation import typed
from moviola.media.kinds import kind_of_file

PLUGIN_SUFFIX: Final = ".py"

ABOUT: Final = """\
Tries files without sending anything. A Python file is one with filters of your own: each is tried against the
contract in docs/FILTERS.md. Any other file is a video: it is decoded as a whole and in chunks, and the frames are
compared. Without a file, the built-in filters are tried.
"""

STATUSES: Final = """\
Exit status: 0 all promises are kept, all frames are equal; 1 some are not; 2 wrong usage, or a file that cannot be
read.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the files and return the exit status, the highest one of all files."""
    parser = _parser()
    given = parser.parse_args(arguments)
    plugins = [file for file in given.files if file.suffix == PLUGIN_SUFFIX]
    clips = [file for file in given.files if file.suffix != PLUGIN_SUFFIX]
    for file in clips:
        kind = kind_of_file(file)
        if kind.verify is None:
            parser.error(f"{file} is not a video: {kind.plural} come out the same however they are cut")
    statuses = []
    if plugins or not clips:
        from moviola.filters.checking import check as contract  # noqa: PLC0415 - numpy and OpenCV

        flags = [*(f"--filter={name}" for name in given.filter), *(["--all"] if given.all else [])]
        flags += [f"--set={text}" for text in given.set]
        statuses += [contract.main([*map(str, files), *flags]) for files in ([[each] for each in plugins] or [[]])]
    if clips:
        from moviola.media.video import check as cuts  # noqa: PLC0415 - numpy and FFmpeg

        statuses.append(cuts.main([f"--chunk-frames={given.chunk_frames}", *map(str, clips)]))
    return max(statuses)


def _parser() -> Parser:
    parser = Parser(prog=typed("check"), description=ABOUT, epilog=STATUSES)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="filters (.py) or videos")
    parser.add_argument("--filter", action="append", default=[], metavar="NAME", help="only this one; may be repeated")
    parser.add_argument("--all", action="store_true", help="the built-in filters too, beside those of files")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="of filters: a parameter's value in all that is tried, such as a file; may be repeated",
    )
    parser.add_argument("--chunk-frames", default="auto", metavar="N,N,…", help="of videos: frames a chunk (auto)")
    return parser
