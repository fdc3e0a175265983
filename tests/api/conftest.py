from __future__ import annotations

from pathlib import Path

import pytest

from tests.session.material import write_clip


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 30 frames. Not to be written to."""
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")
