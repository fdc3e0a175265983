"""The presets that are built in: chains and how they are encoded, for what many people do.

Each stands here as it would in a configuration file, in `[presets.NAME]`; see moviola.base.presets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from moviola.base.presets import BuiltIn

PRESETS: Final[BuiltIn] = {
    "anonymise": {
        "help": "coarse blocks over the faces that are found, also where one is lost for a moment; it covers "
        "things that look like faces and misses some that are: look at the result before you show it",
        "filters": ["pixelate:faces=true:block=24:margin=0.5"],
    },
    "thumbnails": {
        "help": "pictures, or a video, that fit into 320x320 pixels",
        "filters": ["resize:width=320:height=320"],
        "crf": 28,
        "format": "jpg",
        "quality": 80,
    },
    "proxy": {
        "help": "a small copy that is quick to edit, with the same frames",
        "filters": ["resize:width=960:height=540"],
        "crf": 28,
        "preset": "ultrafast",
    },
    "lossless": {
        "help": "every picture as it is, in FFV1 or PNG",
        "filters": ["identity"],
        "codec": "ffv1",
        "format": "png",
    },
    "findings": {
        "help": "faces, people and scene cuts as JSON lines, without a video",
        "filters": ["faces", "people", "metadata"],
        "no-video": True,
    },
}


def offered(_typed: str) -> Mapping[str, str]:
    """Return what the Tab key offers for a preset, each with a few words."""
    return {name: str(settings["help"]) for name, settings in PRESETS.items()}
