from __future__ import annotations

import pytest

from moviola.display.keys import Key, parsed


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("q", ["q"]),
        (" s", [" ", "s"]),
        ("\x1b[A\x1bOB", [Key.UP, Key.DOWN]),
        ("\x1b[5~\x1b[6~\x1b[H", [Key.PAGE_UP, Key.PAGE_DOWN, Key.HOME]),
        ("\x1b[1;5Cq", ["q"]),  # Ctrl and an arrow: nothing is meant by it
        ("\x1b[200~q", ["q"]),
        ("\x1b", ["\x1b"]),
        ("ä", ["ä"]),
    ],
)
def test_what_a_terminal_sends(text: str, keys: list[str]) -> None:
    assert parsed(text) == keys
