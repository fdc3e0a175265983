from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from moviola.filters import fonts
from moviola.filters.schema import Parameter, ParameterError

TEXT = Parameter("text", "str", "", "one line", charset="drawn")


@pytest.fixture
def no_cjk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on a machine without the extra `fonts`."""
    monkeypatch.setattr(fonts, "_CJK", "no_such_package")
    _forget()
    yield
    _forget()


def _forget() -> None:
    fonts.fonts.cache_clear()
    fonts._is_known.cache_clear()


@pytest.mark.parametrize(
    "text",
    [
        *("Zürich", "Ελλάδα", "Москва", "Hà Nội", "Հայերեն", "ქართული", "አማርኛ", "العربية", "עברית", "हिन्दी"),
        *("বাংলা", "ગુજરાતી", "ਪੰਜਾਬੀ", "ಕನ್ನಡ", "മലയാളം", "ଓଡ଼ିଆ", "සිංහල", "தமிழ்", "తెలుగు"),
        *("ไทย", "ລາວ", "ខ្មែរ", "မြန်မာ", "東京", "北京", "서울", "ひらがな", "© 2026 – “x” €", "😀", "👩‍❤️‍👨", "1️⃣"),
    ],
)
def test_texts_of_the_worlds_scripts_are_taken(text: str) -> None:
    assert TEXT.check(text, "watermark") == text


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a\nb", r"U\+000A"),
        ("a\u202eb", r"U\+202E, RIGHT-TO-LEFT OVERRIDE"),
        ("ᏣᎳᎩ", r"'Ꮳ' \(U\+13E3, CHEROKEE LETTER TSA\)"),
        ("\ud800", r"U\+D800"),
    ],
)
def test_a_character_that_no_font_knows_is_named(text: str, named: str) -> None:
    with pytest.raises(ParameterError, match=named):
        TEXT.check(text, "watermark")


@pytest.mark.usefixtures("no_cjk")
@pytest.mark.parametrize("text", ["東京", "かな", "서울"])
def test_what_the_extra_would_draw_names_the_extra(text: str) -> None:
    with pytest.raises(ParameterError, match="extra `fonts`: pip install manimgx-fonts-cjk, here"):
        TEXT.check(text, "watermark")
    assert TEXT.check("Zürich", "watermark")


@pytest.mark.usefixtures("no_cjk")
def test_what_the_extra_would_not_draw_does_not() -> None:
    with pytest.raises(ParameterError) as refused:
        TEXT.check("ᏣᎳᎩ", "watermark")
    assert "extra" not in str(refused.value)


def test_ascii_is_checked_without_loading_a_font() -> None:
    program = (
        "import sys; from moviola.filters import fonts; assert fonts.can_draw('a');"
        "assert 'uharfbuzz' not in sys.modules; assert fonts.can_draw('ü'); assert 'uharfbuzz' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
