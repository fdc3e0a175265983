"""What a job can be told, by the command, by the gateway and by Python alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from moviola.base.settings import SWITCH, choice, setting
from moviola.media.images.formats import MAX_QUALITY, OUTPUT_FORMATS
from moviola.media.kinds import KINDS, USUAL
from moviola.media.material import NO_VIDEO, ON_ERROR, Cutting, Encoder
from moviola.media.video.codecs import CODECS, MAX_CRF, NAMES, PRESETS
from moviola.wire import options
from moviola.wire.limits import MAX_PRIORITY

MAX_CHUNK_FRAMES: Final = 1_000_000
MAX_CHUNK_RECORDS: Final = 100_000_000

_ENCODER: Final = Encoder()
_WITH_PRESETS: Final = " and ".join(codec.name for codec in CODECS.values() if codec.presets)


def _default_chains() -> Iterator[str]:
    """Yield what is done where nothing is asked for, and then where that is something else for some kind."""
    usual = KINDS[USUAL].default_chains
    yield " and ".join(usual)
    for kind in KINDS.values():
        if kind.default_chains != usual:
            yield f"for {kind.plural} {' and '.join(kind.default_chains)}"


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """What becomes of one source. The options that only some kinds of material know are in their records."""

    TABLE: ClassVar[str] = "send"

    filters: tuple[str, ...] = setting(
        (),
        type=replace(
            options.TEXT,
            unit="chain",
            bounds="see docs/FILTERS.md",
            placeholder="CHAIN",
            completes="moviola.filters.completion:chains",
        ),
        help="filters, such as 'blur:radius=5,edges', or NAME=CHAIN, which names the output; give it again for a "
        "further output",
        aliases=["-f", "--processing"],
        default_text=lambda: "; ".join(_default_chains()),
        repeats="append",
    )
    codec: str = setting("h264", type=choice(NAMES), help="of the outputs")
    crf: int = setting(_ENCODER.crf, type=options.whole(0, MAX_CRF, "crf"), help="quality, 0 is best")
    no_video: bool = setting(False, type=SWITCH, help="encode nothing: keep only what filters found, as JSON lines")
    preset: str = setting(
        "veryfast",
        type=choice(PRESETS),
        help=f"speed of the encoder, for {_WITH_PRESETS}",
        aliases=["--encoder-preset"],
    )
    format: str = setting("", type=choice(OUTPUT_FORMATS), help="of images", default_text="each its own")
    quality: int = setting(
        _ENCODER.quality,
        type=options.whole(1, MAX_QUALITY, "quality"),
        help="of images as JPEG, WebP, HEIC or AVIF, 1 to 100",
    )
    chunk_frames: int | None = setting(
        None,
        type=options.whole(1, MAX_CHUNK_FRAMES, "frames"),
        help="frames, or images, a chunk",
        default_text="automatic",
    )
    chunk_records: int | None = setting(
        None,
        type=options.whole(1, MAX_CHUNK_RECORDS, "records"),
        help="records a chunk",
        default_text="automatic",
    )
    on_error: str = setting(
        "",
        type=choice(ON_ERROR),
        help="frames whose filter fails: pass on the original, fail the job, drop them, or put black in their place",
        default_text="original; black where a filter hides something",
    )
    no_manifest: bool = setting(
        False, type=SWITCH, help="write no manifest, the file by which `verify` proves a result"
    )

    @property
    def encoder(self) -> Encoder:
        """How the outputs are encoded."""
        codec = NO_VIDEO if self.no_video else NAMES[self.codec]
        return Encoder(codec, self.crf, self.preset, self.format, self.quality)

    @property
    def cutting(self) -> Cutting:
        """How finely the source is cut."""
        return Cutting(self.chunk_frames, self.chunk_records)


@dataclass(frozen=True, slots=True)
class JobSettings(OutputSettings):
    """What a job can be told: what becomes of its source, where the results go, and how it is done."""

    out: str | None = setting(
        None, type=options.PATH, help="a file for one output, a folder for several", aliases=["-o"], once=True
    )
    overwrite: bool = setting(
        False, type=SWITCH, help="replace files of these names that are there", aliases=["-y"], once=True
    )
    priority: int = setting(
        0,
        type=options.whole(0, MAX_PRIORITY, "priority"),
        help="of your jobs those of a higher one go first, 0 to 100",
    )
    new: bool = setting(False, type=SWITCH, help="a new job, also where an unfinished one could go on", once=True)
    strict: bool = setting(
        False, type=SWITCH, help="refuse a source of which anything would be changed or lost, and name all of that"
    )
    verify_cuts: bool = setting(False, type=SWITCH, help="decode each video twice first, whole and in chunks")
