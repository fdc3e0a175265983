from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from moviola.filters import registry
from tests.media.video.cutting_room import PLUGIN


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Makes the filters of PLUGIN known to the tests of a module, and to no others."""
    path = tmp_path_factory.mktemp("plugin") / "unruly.py"
    path.write_text(PLUGIN)
    with patch.object(registry, "_loaded", {}):
        registry.load_plugin(path)
        yield
