"""An error at a source that nobody foresaw: it is that source's failure alone, and is told in a report to send in.

The report has the traceback, the versions and how the file is built. It has nothing of what is in the file: no pixels,
no records, no values of tags; its name, its folder and the user's own folder are replaced.
"""

from __future__ import annotations

import os
import platform
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from moviola.base.file_names import for_ffmpeg
from moviola.base.installation import state_folder, version
from moviola.media.errors import UnforeseenFault, UnreadableSource
from moviola.media.material import Material

KEPT_REPORTS: Final = 50
"""Reports that stay in their folder, the newest: a folder of files of one kind fails at each of them alike."""

MAX_MESSAGE: Final = 300
"""Characters of an exception's text in the sentence that a person is told; the report has all of it."""

MIN_SECRET: Final = 4
"""Characters from which the value of a tag is replaced in a report: "und" or "1" says nothing of anybody."""

SUFFIX: Final = ".report.txt"


@contextmanager
def contained(kind: str, paths: Sequence[Path], *expected: type[Exception]) -> Iterator[None]:
    """Raise UnforeseenFault, with a report, in place of what the block raises and nobody foresaw.

    Args:
        kind: of the material; empty where it is not known yet.
        paths: of the source that the block is about.
        expected: what the block's caller takes care of, beside UnreadableSource.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, (UnreadableSource, *expected)):
            raise
        raise fault(kind, paths, error) from error


def contained_of(material: Material, *expected: type[Exception]) -> Any:
    """Return `contained` for a material."""
    return contained(material.kind, [path for _, path in material.files], *expected)


def fault(kind: str, paths: Sequence[Path], error: Exception) -> UnforeseenFault:
    """Return what is said of an error that nobody foresaw at this source, after a report of it was written."""
    message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if len(message) > MAX_MESSAGE:
        message = f"{message[: MAX_MESSAGE - 1]}…"
    report = None
    with suppress(Exception):  # what cannot be told must not end what goes on
        report = _written(_report(kind, paths, error))
    return UnforeseenFault(paths[0] if paths else kind, message, str(report or ""))


def _written(text: str) -> Path | None:
    """Write a report where it can be written, and forget the oldest; return None where there is no place."""
    stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{os.getpid()}"  # in this order they are listed
    for folder in (reports_folder(), Path(tempfile.gettempdir(), "moviola-reports")):
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{stamp}{SUFFIX}"
            path.write_text(text, encoding="utf-8")
            for old in sorted(folder.glob(f"*{SUFFIX}"))[:-KEPT_REPORTS]:
                old.unlink(missing_ok=True)
            return path
    return None


def reports_folder() -> Path:
    """Return where reports lie."""
    return state_folder() / "reports"


def _report(kind: str, paths: Sequence[Path], error: Exception) -> str:
    described, secrets = _description(paths)
    lines = [
        "Moviola met an error that it does not foresee. Nothing in this report is content of the file.",
        "",
        *(f"{name}: {value}" for name, value in _versions().items()),
        "",
        f"source: {kind or 'of a kind not known yet'}, {len(paths)} file{'s' if len(paths) != 1 else ''}",
        *described,
        "",
        *"".join(traceback.format_exception(error)).splitlines(),
    ]
    return _without_names("\n".join(lines), paths, secrets) + "\n"


def _versions() -> dict[str, str]:
    from moviola.media.fingerprint import versions  # noqa: PLC0415 - it loads codecs, for a report alone

    return {"moviola": version(), "system": platform.platform(), **versions()}


def _description(paths: Sequence[Path]) -> tuple[list[str], set[str]]:
    """Return how the first file is built, a line each, and the values of its tags, which a report must not have."""
    if not paths:
        return [], set()
    path, lines, secrets = paths[0], [], set[str]()
    with suppress(OSError):
        lines.append(f"first file: {path.suffix or 'without a suffix'}, {path.stat().st_size} bytes")
    try:
        import av  # noqa: PLC0415 - as above

        with av.open(for_ffmpeg(path), metadata_errors="replace") as container:
            secrets |= set(container.metadata.values())
            lines.append(f"container: {container.format.name}, tags: {_names(container.metadata)}")
            for stream in container.streams:
                secrets |= set(stream.metadata.values())
                lines.append(_stream(stream))
    except Exception as error:
        lines.append(f"FFmpeg does not open it: {type(error).__name__}")
    return lines, secrets


def _stream(stream: Any) -> str:
    context = getattr(stream, "codec_context", None)
    codec = context.name if context is not None else "no decoder"
    names = ("profile", "pix_fmt", "width", "height", "sample_rate", "channels", "time_base", "average_rate", "frames")
    told = [f"{name} {value}" for name in names if (value := getattr(stream, name, None))]
    disposition = int(getattr(stream, "disposition", 0))
    return f"stream {stream.index}: {stream.type}, {codec}, {', '.join(told)}, flags {disposition:#x}, " + (
        f"tags: {_names(stream.metadata)}"
    )


def _names(tags: dict[str, str]) -> str:
    return ", ".join(sorted(tags)) or "none"


def _without_names(text: str, paths: Sequence[Path], secrets: set[str]) -> str:
    """Return a text without the names of files and folders of the user's, and without the values of tags."""
    replaced: dict[str, str] = {value: "(a tag's value)" for value in secrets if len(value) >= MIN_SECRET}
    for path in paths:
        with suppress(OSError):
            replaced |= {str(path.resolve()): "(the file)", str(path.resolve().parent): "(its folder)"}
        replaced |= {str(path): "(the file)", path.name: "(the file)", path.stem: "(the file)"}
    with suppress(RuntimeError):  # a user without a home
        replaced[str(Path.home())] = "~"
    for word in sorted((word for word in replaced if len(word) > 1), key=len, reverse=True):
        text = text.replace(word, replaced[word])
    return text
