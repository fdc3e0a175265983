"""Seeds that nobody has played yet, and the hunt for every planted defect.

The usual run plays the same seeds each time, so that a tree either passes or does not. What those have missed is found
here.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
SEEDS: Final = 2000
SMOKE_SEEDS: Final = 4
HUNTED: Final = 2000
"""Seeds at most for each planted defect: the rarest was caught after 243 and 518."""


def exit_status_of(*arguments: str) -> int:
    """Play; what is found is printed as it comes."""
    return subprocess.run([sys.executable, "-m", "tests.simulation", *arguments], cwd=ROOT, check=False).returncode


@pytest.mark.suite("simulation")
@pytest.mark.smoke
@pytest.mark.timeout(3600)
def test_fresh_seeds_pass(is_smoke: bool) -> None:
    assert exit_status_of("--seeds", str(SMOKE_SEEDS if is_smoke else SEEDS)) == 0


@pytest.mark.suite("simulation")
@pytest.mark.timeout(7200)
def test_every_planted_defect_is_caught() -> None:
    assert exit_status_of("--mutants", "--seeds", str(HUNTED)) == 0
