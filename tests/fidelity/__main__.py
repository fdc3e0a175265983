"""Tell what becomes of everything in the given files.

  python -m tests.fidelity FILE…                       each through `--local`, with the filter `identity`
  python -m tests.fidelity --markdown TABLE.md FILE…   … and write the table
  python -m tests.fidelity FILE… -- --host HOST …      through a cluster: options for `python -m client.file_sender`

Nothing here uses the code under test but the command itself: ffprobe describes the files where it is installed, else
PyAV does; frames and packets are PyAV's, pictures Pillow's. What was said is what the command printed and wrote beside
the output. The exit status is 1 where anything was lost silently.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import av

from tests.fidelity import picture_judge, video_judge
from tests.fidelity.pair import Pair
from tests.fidelity.pictures import UNREADABLE, is_picture
from tests.fidelity.said import Answer, ask
from tests.fidelity.table import Row, counts, markdown
from tests.fidelity.verdicts import Fate, Verdict


def main() -> int:
    arguments = sys.argv[1:]
    options = arguments[arguments.index("--") + 1 :] if "--" in arguments else ["--local"]
    parser = argparse.ArgumentParser(
        prog="python -m tests.fidelity", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--filters", default="identity", metavar="CHAIN", help="(%(default)s)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table here, after each file anew")
    given = parser.parse_args(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    rows: list[Row] = []
    try:
        for path in given.files:
            rows.append(row_of(path.absolute(), given.filters, options))
            print("\n".join(rows[-1].lines()), flush=True)
            if given.markdown is not None:
                given.markdown.write_text(markdown(rows), encoding="utf-8")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    print(counts(rows))
    return int(any(row.fate is Fate.LOST for row in rows))


def row_of(source: Path, chain: str, options: list[str]) -> Row:
    """Send one file, and judge what came of it."""
    with TemporaryDirectory(prefix="fidelity-") as folder:
        inner = Path(folder) / "out"
        inner.mkdir()
        answer = ask(source, inner, chain, options)
        return Row(source, answer, judged(source, answer))


def judged(source: Path, answer: Answer) -> list[Verdict]:
    """Return what became of a file: one verdict an aspect, or one of all."""
    if answer.traceback:
        return [Verdict("all", Fate.LOST, f"a traceback: {answer.before[-1]}")]
    if answer.is_refused:
        fate = Fate.REFUSED if answer.reason else Fate.LOST
        return [Verdict("all", fate, answer.reason or f"no output, and exit status {answer.status}")]
    try:
        if is_picture(source):
            return picture_judge.verdicts(source, answer)
        return video_judge.verdicts(Pair.of(source, answer))
    except (*UNREADABLE, av.FFmpegError, StopIteration) as error:
        return [Verdict("all", Fate.LOST, f"cannot be compared: {type(error).__name__}: {error}")]


if __name__ == "__main__":
    sys.exit(main())
