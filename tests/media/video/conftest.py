from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.media.video.catalogue import CLIPS

Clip = Callable[[str], Path]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """A clip of the catalogue by its name."""
    made: dict[str, Path] = {}
    folder = tmp_path_factory.mktemp("clips")

    def get(name: str) -> Path:
        if name not in made:
            made[name] = CLIPS[name](folder)
        return made[name]

    return get
