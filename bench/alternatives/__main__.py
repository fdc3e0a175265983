"""Compares a cluster on this machine with what people would use instead: `python -m bench.alternatives`.

The same clip, the same kind of filter, the same encoder and quality, on all cores. All ways take turns, and each is
compared with the cluster's runs before and after it, so that a machine whose speed drifts drifts for all. What is
quoted is the median of the ratios: above 1 the cluster is faster. FFmpeg, Ray and Celery take part where they are
installed (`pip install ray celery redis`; Celery needs the program redis-server).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.alternatives.ways import WAYS, missing
from bench.alternatives.work import WORKS
from bench.children import measured
from bench.machine import core_count, description
from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.alternatives",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("filters", nargs="*", default=list(WORKS), metavar="FILTER", help=f"of {', '.join(WORKS)}")
    parser.add_argument("--way", action="append", choices=WAYS, help="all that are installed when not given")
    parser.add_argument("--runs", type=int, default=3, help="of each way and filter (%(default)s)")
    parser.add_argument(
        "--copies", type=int, default=6, help="of a film of 5 s that are joined to the clip (%(default)s; 12: a minute)"
    )
    parser.add_argument("--json", action="store_true", help="print one object a row")
    args = parser.parse_args()
    if unknown := [name for name in args.filters if name not in WORKS]:
        parser.error(f"no such filter here: {', '.join(unknown)}; there are {', '.join(WORKS)}")
    ways = [way for way in args.way or WAYS if not missing(WAYS[way][1])]
    for way in [way for way in args.way or WAYS if way not in ways]:
        print(f"{way} is not installed, and takes no part", file=sys.stderr)
    rows = compare(args.filters, ways, args.runs, args.copies)
    if args.json:
        for row in rows:
            print(json.dumps(row))
    else:
        show(rows, ways)
    return 0


def compare(filters: list[str], ways: list[str], runs: int, copies: int) -> list[dict[str, object]]:
    """Return for each filter the frames/s of every way, and how many times as fast the cluster was."""
    clip = clips.film_times(copies)
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder, LocalCluster(Path(folder), workers=core_count()) as cluster:

        def ours(name: str) -> float:
            return float(cluster.send(str(clip), "--filters", WORKS[name].moviola)["frames_per_second"])

        target = Path(folder) / "out.mp4"
        for name in filters:
            ours(name)  # warms the page cache, and what workers import
            speeds: dict[str, list[float]] = {way: [] for way in ("Moviola", *ways)}
            ratios: dict[str, list[float]] = {way: [] for way in ways}
            for run in range(runs):
                before = ours(name)
                for way in ways:
                    function = f"bench.alternatives.ways:{WAYS[way][0]}"
                    frames, seconds = measured(function, name=name, clip=str(clip), target=str(target))
                    after = ours(name)
                    speeds[way].append(frames / seconds)
                    speeds["Moviola"].append(after)
                    ratios[way].append((before + after) / 2 / (frames / seconds))
                    before = after
                print(f"{name}, run {run + 1} of {runs}", file=sys.stderr)
            rows.append(
                {
                    "filter": name,
                    "frames_per_second": {way: round(statistics.median(each), 1) for way, each in speeds.items()},
                    "times_as_fast": {way: round(statistics.median(each), 2) for way, each in ratios.items()},
                }
            )
    return rows


def show(rows: list[dict[str, object]], ways: list[str]) -> None:
    """Print a table with a row for each filter."""
    table = Table(title=f"frames/s of 720p, H.264 (and how many times as fast a cluster is); {description()}")
    for column in ("filter", "Moviola", *ways):
        table.add_column(column, justify="left" if column == "filter" else "right")
    for row in rows:
        speeds, times = row["frames_per_second"], row["times_as_fast"]
        assert isinstance(speeds, dict)
        assert isinstance(times, dict)
        cells = [f"{speeds[way]} ({times[way]} ×)" for way in ways]
        table.add_row(str(row["filter"]), str(speeds["Moviola"]), *cells)
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
