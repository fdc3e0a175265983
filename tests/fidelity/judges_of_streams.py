"""Tags, chapters, and the streams that are neither filtered nor heard."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tests.fidelity.facts import COVER, File, Stream
from tests.fidelity.pair import Pair
from tests.fidelity.verdicts import Fate, Verdict, joined

TITLES_TOLERANCE_S: Final = 0.0021
"""Of cues and chapters, whose ends are rounded as well as their starts."""

UNREMARKABLE_TAGS: Final = re.compile(
    r"^(major_brand|minor_version|compatible_brands|encoder|duration(-\w+)?|bps(-\w+)?|number_of_\w+(-\w+)?"
    r"|_statistics_\w+(-\w+)?|vendor_id|handler_name|source_id|variant_bitrate|service_name|service_provider"
    r"|alpha_mode|filename|mimetype|timecode|rotate|id3v2_priv.*|itun\w+|language|creation_time|isvbr|devicec.*"
    r"|wm/(encoding\w*|wmadrc\w*|mediaclass\w*|uniquefile\w*|provider\w*|toolversion|toolname)|wmf\w+"
    r"|metadatacreator|averagelevel|peakvalue|metadata_?date|operational_pattern_ul|\w*_uid|uid"
    r"|product_\w+|toolkit_version\w*|modification_date|application_platform|material_package\w*|file_package\w*"
    r"|reel_\w+|company_name|project_name|generation_uid|data_type|junk"
    r"|has(keyframes|metadata|video|audio|cuepoints)|canseektoend|last\w*timestamp|(data|audio|video|file)size"
    r"|\w+datarate|audiodelay|framerate|stereo|starttime|totalduration|\w+codecid|audiosamplerate|audiosamplesize)$",
    re.IGNORECASE,
)
"""What says how the source's file was written, not what it is about."""

NAMELESS: Final = frozenset({"", "und", "xxx", "vide", "soun", "sbtl", "text", "video", "sound", "audio"})
"""Languages and names of a track that say nothing of it."""

LONG_TAG: Final = 40
"""Characters of a value that are shown."""


def tags(pair: Pair) -> Verdict:
    """Tags of the file and of its streams: each has a namesake of the same value."""
    verdicts = _tags_of(pair, "", pair.source.tags, pair.output.tags)
    for kind in ("video", "audio", "subtitle"):
        made = pair.output.of_type(kind)
        for number, stream in enumerate(pair.source.of_type(kind)):
            if number < len(made):
                own = made[number].tags
                there = {"title": own.get("handler_name", ""), **own}  # which is where MP4 has the name of a track
                if kind == "video":
                    there = {**pair.output.tags, **there}
                verdicts += _tags_of(pair, f"stream {stream.index} ", stream.tags, there)
                verdicts += _flags_of(pair, stream, made[number])
    return joined("tags", verdicts)


def _tags_of(pair: Pair, where: str, tags: Mapping[str, str], made: Mapping[str, str]) -> list[Verdict]:
    there = {name.lower(): value for name, value in made.items()}
    verdicts = []
    for name, value in tags.items():
        if _is_unremarkable(where, name, value):
            continue
        found = there.get(name.lower(), there.get(re.sub(r"-[a-z]{3}$", "", name.lower())))
        if name.lower() == "title" and where and found is None:  # all that FFmpeg 5.1 reads of an MP4's
            found = there.get("name", there.get("handler_name"))
        kept = found is not None and _normal(found) == _normal(value)
        text = f"{where}{name}" if kept else f"{where}{name}={value[:LONG_TAG]!r}" + (
            f" → {found[:LONG_TAG]!r}" if found is not None else ""
        )  # fmt: skip
        verdicts.append(
            pair.judged("tags", kept, "" if kept else text, rf"\btags?\b.*{re.escape(name)}|{re.escape(name)}.*\btag")
        )
    return verdicts


def _is_unremarkable(where: str, name: str, value: str) -> bool:
    if name.lower() in ("language", "handler_name") and where:
        return value.strip().lower() in NAMELESS or (
            name.lower() == "handler_name"
            and re.search("handle|core media|produced by google|apple|gpac|l-smash", value, re.IGNORECASE) is not None
        )
    if name.lower() == "creation_time":
        return bool(where) or value.startswith(("1904", "1970"))
    return UNREMARKABLE_TAGS.match(name) is not None or not value.strip()


def _normal(value: str) -> str:
    """Return the same text for the same instant, and for the same place on Earth."""
    text = re.sub(r"\s+", " ", value.strip())
    if re.match(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d", text):
        return re.sub(r"(\.0+)?Z?$", "", text).replace(" ", "T")
    return re.sub(r"(\.\d*?)0+(?=[-+/]|$)", r"\1", text) if re.match(r"[-+]\d", text) else text


def _flags_of(pair: Pair, stream: Stream, made: Stream) -> list[Verdict]:
    """Return a verdict where dispositions changed; MP4 and MOV set `default` on the first track of a kind."""
    ours = {"default", "forced", "comment", "hearing_impaired", "visual_impaired", "original", "dub", "captions"}
    first, second = stream.dispositions & ours, made.dispositions & ours
    if first == second or (not first and second == {"default"}):
        return []
    text = f"stream {stream.index} {'+'.join(sorted(first)) or 'no flag'} → {'+'.join(sorted(second)) or 'no flag'}"
    return [pair.judged("tags", False, text, rf"stream {stream.index}\b.*flag|flag")]


def chapters(pair: Pair) -> Verdict:
    before, after = pair.source.chapters, pair.output.chapters
    if not before:
        return Verdict("chapters", Fate.NOTHING)
    origin = pair.before.times[0] - pair.after.times[0] if pair.before.times and pair.after.times else 0.0
    kept = len(before) == len(after) and all(
        one.title == other.title
        and min(abs(one.start - other.start), abs(one.start - other.start - origin)) <= TITLES_TOLERANCE_S
        for one, other in zip(before, after, strict=True)
    )
    return pair.judged("chapters", kept, f"{len(before)} → {len(after)}", "chapter")


def other_streams(pair: Pair) -> Verdict:
    """Covers, attachments, data and further videos."""
    verdicts = []
    for kind in (COVER, "attachment", "data"):
        made = len(pair.output.of_type(kind))
        for number, stream in enumerate(pair.source.of_type(kind)):
            text = f"{kind} {stream.tags.get('filename', stream.codec or stream.tags.get('handler_name', ''))}".strip()
            if kind == "data" and _is_chapters(pair, stream):
                continue
            kept = number < made or (
                kind == "data" and _has_timecode(pair.source, stream) and _has_timecode_tag(pair.output)
            )
            verdicts.append(
                pair.judged(
                    "other streams", kept, text, rf"stream {stream.index}\b|{kind}|{re.escape(stream.codec or kind)}"
                )
            )
    for number, stream in enumerate(pair.source.of_type("video")[1:], 1):
        kept = number < len(pair.output.of_type("video"))
        verdicts.append(pair.judged("other streams", kept, f"video {stream.index}", rf"stream {stream.index}\b"))
    return joined("other streams", verdicts)


def _is_chapters(pair: Pair, stream: Stream) -> bool:
    """Whether a text track is what QuickTime keeps chapters in."""
    return bool(pair.source.chapters) and stream.codec in ("bin_data", "text", "")


def _has_timecode(file: File, stream: Stream) -> bool:
    return "timecode" in stream.tags or (not stream.codec and _has_timecode_tag(file))


def _has_timecode_tag(file: File) -> bool:
    return "timecode" in file.tags or any("timecode" in stream.tags for stream in file.streams)
