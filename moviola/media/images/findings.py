"""What becomes of pictures in one output: of their formats, and of what they carry beside their pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import field
from typing import Final

from moviola.base.mapped import Mapped
from moviola.base.records import record
from moviola.media.fidelity import Fate, Finding
from moviola.media.images import formats
from moviola.media.images.formats import FORMATS, Format, written_as
from moviola.media.material import NO_VIDEO, Output, Source, header

ALPHA, ASSOCIATED, CMYK, LAB, LONG_XMP = "alpha", "associated alpha", "cmyk", "lab", "long xmp"
GREY_PROFILE, GREY_ALPHA_PROFILE, OF_LATER_PAGES = "grey profile", "grey profile with alpha", "of later pages"
"""What pictures have among what they carry: transparency, and such as is multiplied into the colours; colours for print
or of CIELab; XMP that is too long for a JPEG; a colour profile for grey, without and with transparency;
something of a later page that the first has not, or otherwise."""

_SPACES: Final = {CMYK: "CMYK", LAB: "CIELab"}

_NOUNS: Final = {
    formats.EXIF: "EXIF",
    formats.XMP: "XMP",
    formats.IPTC: "IPTC",
    formats.PROFILE: "the colour profile",
    formats.RESOLUTION: "the resolution",
    formats.COMMENT: "the comment",
    formats.TEXTS: "texts",
    formats.COLOURS: "the colour space (nclx, cICP)",
    formats.COLOUR_CHUNKS: "the colour space (gamma and primaries)",
    ALPHA: "transparency",
}


@record
class ImageGroup(Mapped):
    """Images of one source that fare alike.

    Attributes:
        format: of their files, a name of FORMATS.
        count (images): how many there are.
        is_moving: they are animations.
        has_pages: each has several pages that are no animation.
        bits: of a sample; more than 8 are kept by some formats only.
        carried: how many of them have each of what can be carried (formats.EXIF, …), and of ALPHA, ….
    """

    format: str
    count: int
    is_moving: bool = False
    has_pages: bool = False
    bits: int = 8
    carried: dict[str, int] = field(default_factory=dict)


@record
class ImageFacts(Mapped):
    """Those of a source's facts that decide what becomes of it."""

    groups: list[ImageGroup] = field(default_factory=list)


def findings(source: Source, output: Output) -> Iterator[Finding]:
    """Yield what becomes of a source's images in this output; of an output without pictures nothing is said."""
    if output.encoder.codec == NO_VIDEO:
        return
    kept = Counter[str]()
    for group in header(ImageFacts, source.facts).groups:
        if group.format not in FORMATS:
            continue
        name = written_as(group.format, output.encoder.format, is_moving=group.is_moving, is_deep=group.bits > 8)
        yield from _of_format(group, FORMATS[name], output.encoder.format)
        for thing, count in group.carried.items():
            for lost, why in _unfit(thing, group, FORMATS[name]):
                kept[lost] -= count
                yield Finding(f"{_NOUNS[lost]} of {_images(count, group)}", Fate.LOST, f"is left out: {why}")
            if thing not in _NOUNS:
                continue
            if thing in FORMATS[name].holds or (thing == ALPHA and FORMATS[name].has_alpha):
                kept[thing] += count
            else:
                yield _lost(thing, count, group, FORMATS[name])
    for thing, count in sorted((+kept).items()):
        yield Finding(f"{_NOUNS[thing]} of {_images(count)}", Fate.KEPT, "is kept as far as it stays true")


def _unfit(thing: str, group: ImageGroup, made: Format) -> Iterator[tuple[str, str]]:
    """Yield what a format has a place for, and does not keep of such images all the same, and why."""
    if thing == LONG_XMP and made.name == "jpg":
        yield formats.XMP, "it is too long for a JPEG file; --format png keeps it"
    if thing in (GREY_PROFILE, GREY_ALPHA_PROFILE) and formats.PROFILE in made.holds:
        bits = min(group.bits, made.bits_of(is_moving=group.is_moving))
        if not made.keeps_grey(bits, has_alpha=thing == GREY_ALPHA_PROFILE):
            yield formats.PROFILE, f"it is for grey, of which a {made.label} file makes colours; --format tiff keeps it"


def _lost(thing: str, count: int, group: ImageGroup, made: Format) -> Finding:
    where = " where there is some" if thing == ALPHA else ""
    able = [each.name for each in FORMATS.values() if thing in each.holds or (thing == ALPHA and each.has_alpha)]
    best = group.format if group.format in able else "png" if "png" in able else able[0]
    reason = f"is left out{where}: a {made.label} file has no place for it; --format {best} keeps it"
    return Finding(f"{_NOUNS[thing]} of {_images(count, group)}", Fate.LOST, reason)


def _of_format(group: ImageGroup, made: Format, wanted: str) -> Iterator[Finding]:
    """Yield what a format makes of such images, whatever they carry."""
    images, source = _images(group.count, group), FORMATS[group.format]
    if made is not source and not wanted:
        why = "256 colours are too few for what filters make" if source.name == "gif" else "AVIF is written with 8 bits"
        yield Finding(f"the format of {images}", Fate.CHANGED, f"becomes {made.label}: {why}")
    if min(group.bits, 16) > (bits := made.bits_of(is_moving=group.is_moving)):
        has = f"{made.label} animations have" if group.is_moving and made.can_move else f"a {made.label} file has"
        able = "tiff keeps them, frames as pages" if group.is_moving else "png or tiff keeps them"
        reason = f"become {bits}: {has} no more; --format {able}"
        yield Finding(f"the {group.bits} bits a sample of {images}", Fate.CHANGED, reason)
    if group.is_moving and not made.can_move:
        each = "become pages" if made.has_pages else "become pictures of their own"
        reason = f"{each}, without their times: a {made.label} file does not move; --format {group.format} keeps them"
        yield Finding(f"the frames of {images}", Fate.CHANGED, reason)
    if group.has_pages and not made.has_pages:
        reason = f"become pictures of their own: a {made.label} file has one; --format tiff keeps them together"
        yield Finding(f"the pages of {images}", Fate.CHANGED, reason)
    if made.name == "gif":
        reason = "become 256 a frame, and transparency all or nothing: a GIF file has no more; --format png keeps them"
        yield Finding(f"the colours of {images}", Fate.CHANGED, reason)
    if (count := group.carried.get(OF_LATER_PAGES)) and made.has_pages and made is not source:
        reason = f"is left out: a {made.label} file gets that of the first; --format tiff keeps it"
        yield Finding(f"what later pages carry of {_images(count, group)}", Fate.LOST, reason)
    for thing, space in _SPACES.items():
        if count := group.carried.get(thing):
            reason = f"become RGB: filters know no {space}"
            yield Finding(f"the {space} colours of {_images(count, group)}", Fate.CHANGED, reason)
    if (count := group.carried.get(ASSOCIATED)) and made.has_alpha:
        reason = "becomes unassociated: colours are divided by it, and rounded, for filters to see them"
        yield Finding(f"the associated transparency of {_images(count, group)}", Fate.CHANGED, reason)


def _images(count: int, group: ImageGroup | None = None) -> str:
    label = f"{FORMATS[group.format].label} " if group else ""
    return f"1 {label}image" if count == 1 else f"{count} {label}images"
