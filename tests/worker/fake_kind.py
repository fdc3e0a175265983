"""A kind of material whose chunks say what is to become of them: `<verb> [argument]`.

echo            the payload comes back
raise           as a filter does that failed on frame 37
abort           the process dies by SIGABRT
exit STATUS     the process ends, as by a filter that calls os._exit
wait PATH       frames go by until there is a file PATH
hang PATH       as wait, but without a sign of life
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moviola.media.errors import ProcessingFailed
from moviola.media.material import Output, Result


def process(
    payload: bytes | bytearray | memoryview,
    source_process: dict[str, Any],
    output: Output,
    *,
    mode: str = "filter",
    on_frame: Callable[[int], None] | None = None,
) -> Result:
    assert on_frame is not None
    verb, _, argument = bytes(payload).decode().partition(" ")
    pause = threading.Event()
    frames = 0
    on_frame(0)  # the preroll
    if verb == "raise":
        raise ProcessingFailed([37], "edges", "Traceback\nZeroDivisionError: division by zero")
    if verb == "abort":
        os.abort()
    if verb == "exit":
        os._exit(int(argument))
    while verb in ("wait", "hang") and not Path(argument).exists():
        pause.wait(0.002)
        if verb == "wait":
            frames += 1
            on_frame(frames)
    return Result(bytes(payload), "fake", frames, frames, 0, 0, 0)
