from __future__ import annotations

import pytest

from moviola.filters import registry
from moviola.filters.completion import chains, names


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("bl", ["blur", "blur:"]),
        ("blur:", ["blur:radius="]),
        ("blur:rad", ["blur:radius="]),
        ("blur:radius=", ["blur:radius=7"]),
        ("blur:radius=5,gray", ["blur:radius=5,grayscale"]),
        ("small=resize:wi", ["small=resize:width="]),
        ("small=flip:direction=", ["small=flip:direction=horizontal", "small=flip:direction=vertical"]),
        ('watermark:text="a:b,c":siz', ['watermark:text="a:b,c":size=']),
        ("pixelate:faces=", ["pixelate:faces=true", "pixelate:faces=false"]),
        ("blur:radius=5:", []),
        ("xyzzy:", []),
        ("blur:xyzzy=", []),
    ],
)
def test_what_is_typed_of_a_chain_is_gone_on_with(typed: str, offered: list[str]) -> None:
    assert [text for text in chains(typed) if text.startswith(typed)][: len(offered) + 1][: len(offered)] == offered
    if not offered:
        assert not [text for text in chains(typed) if text.startswith(typed)]


def test_every_filter_is_offered_and_everything_has_words() -> None:
    offered = chains("")
    assert set(registry.BUILT_IN) <= offered.keys()
    assert all(offered.values())


def test_a_list_of_filters() -> None:
    assert "blur,edges" in names("blur,ed")
    assert "all" in names("")
