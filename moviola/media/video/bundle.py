"""Tables and parts of chunks and results of videos, in the layout of moviola/media/bundle.py. The parts are packets.

chunk of the filtered stream (moviola/media/video/cut.py writes it, moviola/media/video/decode.py reads it)
    "p"      [[size, pts, dts, duration, flags, side_data], ...] in decode order, lead-in first. pts and dts
             are in the source's time base or nil; flags 1 = keyframe, 2 = never shown (an edit list cut it
             away); side_data is nil or [[type, bytes], ...].
    "own"    [[start, stop], ...] ranges into "p": the packets whose frames this chunk emits
    "lead"   how many packets come before the first own one
    "first"  index of the first own frame in the whole source, in the order of display
    "rank"   display order of the own packets, counted from 0 within the chunk, one each; nil: as they come
    "span"   [from, until]: when the first own frame is shown and when the next chunk's first one, or at the end of
             the stream when its last frame is gone; in the source's time base, nil if its times are not complete
    "skip"   how many packets from the first on serve only as references: of these the decoder may leave out
             what nothing refers to. All frames that filters need as context come from later packets.

chunk of a passthrough stream
    "p"      as above, in the stream's own time base; no other keys

result (moviola/media/video/process.py writes it, moviola/media/video/splice.py reads it)
    "p"      [[size, pts, dts, flags], ...] in the encoder's index time base
    "x"      the encoder's extradata
    "report" what happened to the frames
"""

from __future__ import annotations

KEY = 1
DISCARD = 2
