"""Files of filters that a cluster's workers are to load: tried before a worker meets them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from moviola.base import processes
from moviola.base.installation import ROOT
from moviola.launcher.problem import Problem

TRIAL_TIMEOUT_S: Final = 60
"""As long as a cluster may take to start: the files import what they like, and a model may be large."""


def check(files: Sequence[Path]) -> None:
    """Raise Problem, with the reason, where a worker could not load these files."""
    if not files:
        return
    command = [sys.executable, "-m", "moviola.filters.trial", *map(str, files)]
    trial = processes.start(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _, said = trial.communicate(timeout=TRIAL_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        names = ", ".join(map(str, files))
        raise Problem(f"--plugins: {names} cannot be loaded within {TRIAL_TIMEOUT_S} s.") from None
    finally:
        processes.end(trial)
    if trial.returncode != 0:
        lines = said.decode(errors="replace").strip().splitlines()
        raise Problem(f"--plugins: {lines[-1] if lines else processes.how_it_ended(trial.returncode)}.")
