from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

import moviola.media.video.writing.digest
from moviola.media.video.writing.digest import digest
from tests.media.video.clips import encode


def test_is_what_its_words_say(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mp4", "libx264", 12, options={"preset": "veryfast"})
    sha = hashlib.sha256()
    with av.open(str(clip)) as container:
        for packet in container.demux(video=0):
            if packet.size:
                assert packet.pts is not None
                seconds = Fraction(packet.pts) * packet.time_base
                whole = seconds.denominator == 1
                text = str(seconds.numerator) if whole else f"{seconds.numerator}/{seconds.denominator}"
                sha.update(f"{text} {'K' if packet.is_keyframe else '-'} {packet.size}\n".encode() + bytes(packet))
    assert digest(clip) == sha.hexdigest()


def test_the_ten_lines_for_everybody_give_the_same(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mkv", "libx264", 30, sound="pcm_s16le")
    words = moviola.media.video.writing.digest.__doc__ or ""
    script = textwrap.dedent(words[words.index("    import hashlib") :])
    assert len(script.strip().splitlines()) <= 10
    given = subprocess.run([sys.executable, "-c", script, str(clip)], capture_output=True, text=True, check=True)
    assert given.stdout.strip() == digest(clip)
    assert re.fullmatch("[0-9a-f]{64}", digest(clip))


def test_changes_with_times_and_with_bytes(tmp_path: Path) -> None:
    one = encode(tmp_path / "one.mp4", "libx264", 10)
    late = encode(tmp_path / "late.mp4", "libx264", 10, times=range(1, 11))
    other = encode(tmp_path / "other.mp4", "libx264", 10, options={"crf": "40"})
    assert len({digest(each) for each in (one, late, other)}) == 3


def test_a_file_without_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    with pytest.raises(ValueError, match="no video"):
        digest(path)
