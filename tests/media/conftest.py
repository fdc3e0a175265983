from __future__ import annotations

import pytest

from filters.registry import load_plugin
from tests.media.video.cutting_room import PLUGIN


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Makes the filters of PLUGIN known."""
    path = tmp_path_factory.mktemp("plugin") / "unruly.py"
    path.write_text(PLUGIN)
    load_plugin(path)
