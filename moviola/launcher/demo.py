"""`moviola demo`: sends a clip through a filter and shows where the result is and what it took."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from moviola.base.installation import ROOT, results_folder, samples_folder
from moviola.base.paths import near
from moviola.base.processes import program
from moviola.base.standard_streams import tell
from moviola.launcher.clip import obtain
from moviola.wire.options import MIDDLEWARE_PORT

FILTERS = "edges"


def run(host: str, port: int, results: Path, secret_arguments: Sequence[str] = ()) -> int:
    """Returns the exit status of the client."""
    try:
        clip, credit = obtain(samples_folder())
    except OSError as error:
        print(f"The demo's clip cannot be written: {error}", file=sys.stderr)
        return 1
    tell(f"\nSending {near(str(clip))} ({credit}) through '{FILTERS}'.")
    command = [*program("client.file_sender"), str(clip), "--filters", FILTERS, "--json"]
    command += ["--host", host, "--port", str(port), *secret_arguments]
    environment = {**os.environ, "MOVIOLA_RESULTS": str(results)}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    for line in done.stdout.splitlines():
        for label, value in rows(json.loads(line)):
            tell(f"  {label:<8} {value}")
    return done.returncode


def rows(job: dict[str, Any]) -> list[tuple[str, str]]:
    """Return rows, a title and a text each, about a finished job, from the client's JSON."""
    state = f"{job['state']}: {job['reason']}" if job.get("reason") else job["state"]
    table = [
        ("job", f"{job['job_id']}, {state}"),
        ("took", f"{job['seconds']:.1f} s, {job['frames_per_second']:.0f} frames/s"),
    ]
    for output in job["outputs"]:
        counts = f"{output['frames_in']} in, {output['frames_out']} out, {output['retries']} retries"
        table += [("frames", counts), ("digest", output["digest"])]
        table += [("metrics", near(output["metrics_path"])), ("result", near(output["path"]))]
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Send the demo's clip to a running cluster.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=MIDDLEWARE_PORT)
    parser.add_argument("--results", type=Path, default=results_folder())
    given = parser.parse_args()
    sys.exit(run(given.host, given.port, given.results))
