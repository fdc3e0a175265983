"""Every bound of the wire, by name, with its reason.

Sizes are in bytes, times in seconds. A peer that passes a limit of its connection loses that connection and
nothing else.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

MAX_GREETING_HEADER: Final = 128 * KIB
"""Header size before a handshake is complete. A worker's Hello with the schemas of 100 filters is about 40 KiB, and 64
leases that it still holds are about as much."""

MAX_HEADER: Final = 4 * MIB
"""Header size after it. The largest is Submit: codec parameters and one template container per audio track."""

MAX_DESCRIPTION: Final = 3 * MIB
"""Bytes of a job's source and outputs in messages. What is made of them (Own, Task, records) says more besides, and
must fit into a header as well."""

MAX_PAYLOAD: Final = 256 * MIB
"""One chunk or one result. Chunks aim at 32 MiB; a single lossless 8K frame still fits."""

MAX_HANDED_ON: Final = 192 * MIB
"""An intermediate: what one worker of a shared chain hands on to the next, for one chunk."""

MAX_FAILED_CHUNK: Final = 64 * MIB
"""A chunk that failed and is kept as a file for people to look at."""

MAX_PART: Final = 8 * MIB
"""A part of a finished file."""

MAX_CONNECTIONS: Final = 4096
"""Open connections of one process: 2 000 workers, their watchers, and room to spare. Programs raise their limit of
descriptors for it; where the system grants too few, fewer connections are taken (both in descriptors.py)."""

MAX_WORKERS: Final = MAX_CONNECTIONS // 2
"""Places for workers and aggregators of one process."""

MAX_CLIENTS: Final = MAX_CONNECTIONS * 3 // 8
"""Places for clients. Together with MAX_WORKERS and MAX_HANDSHAKES they make up MAX_CONNECTIONS, so however many peers
of one sort come, there is room for the others."""

MAX_HANDSHAKES: Final = MAX_CONNECTIONS // 8
"""Accepted connections whose handshake is not finished; at most half as many may come from one address. One more takes
the place of the oldest."""

HANDSHAKE_GRACE_S: Final = 0.25
"""How long an unfinished handshake keeps its place: long enough for a peer that means to finish it. Peers that come
faster than that wait in the system's queue."""

ACCEPTS_PER_TURN: Final = 64
"""Connections taken in one turn of the loop: a few milliseconds of work."""

IDLE_CLIENT_S: Final = 60.0
"""A client that has neither a job nor a watch, and says nothing for so long, is disconnected with the code `idle`. If
no place is left, it is disconnected before that."""

ACCEPT_PAUSE_S: Final = 0.5
"""How long no connection is accepted after the system had no room for one more. Peers in its queue keep waiting."""

HANDSHAKE_TIMEOUT_S: Final = 10.0
"""A connection that has not finished its handshake by then is closed: scanners and half-open peers."""

RECEIVE_BUFFER: Final = 256 * KIB
"""The loop's shared receive buffer: one read empties a default socket buffer."""

RECEIVE_BUDGET: Final = 512 * MIB
"""Messages in progress, of all connections of one process: two of the largest, or those of some dozen clients that send
chunks of the size aimed at. One message more may be above it (see moviola/wire/budget.py)."""

FREE_SHARE: Final = 16 * KIB
"""Bytes of a message in progress that each connection may always hold, so that small messages never wait: 64 MiB for
all connections."""

RECEIVE_STEP: Final = 256 * KIB
"""Bytes by which the memory of a message in progress is extended, as often as needed."""

FRAME_TIMEOUT_S: Final = 60.0
"""A connection is ended if a message on it has begun and within this time neither FRAME_PROGRESS more of it nor its end
has come. A peer that was only stopped for a while dials again."""

FRAME_PROGRESS: Final = 16 * KIB
"""Bytes of a message that must come within FRAME_TIMEOUT_S: 273 a second, far slower than any network over which a
chunk would ever arrive."""

FAVOUR_TIMEOUT_S: Final = 5.0
"""The whole time for a message that takes memory beyond RECEIVE_BUDGET while others wait for some."""

READ_EACH: Final = 4 * MIB
"""What one connection may read in one turn of the loop, so that one fast sender does not starve the others."""

READ_PER_TURN: Final = 64 * MIB
"""What all connections together may read in one turn. Each gets an equal share, but at least a RECEIVE_BUFFER."""

MESSAGES_EACH: Final = 256
"""Messages of one connection in one turn; what came with them waits in its buffer."""

MESSAGES_PER_TURN: Final = 1024
"""Messages of all connections together in one turn: about a tenth of a second of work. Each connection gets an equal
share, but at least one message."""

HIGH_WATERMARK: Final = 8 * MIB
"""Outgoing bytes in memory from which on a connection is not read: a peer that takes no answers may not ask more."""

LOW_WATERMARK: Final = 1 * MIB
"""Outgoing bytes in memory below which it is read again."""

MAX_BACKLOG: Final = 1024 * MIB
"""Outgoing bytes in memory at which a connection is closed: a peer that reads nothing. Payloads that leave from
disk do not count. What clients leave unread is held to far less by the middleware (MAX_UNREAD)."""

CONNECT_TIMEOUT_S: Final = 5.0
"""How long one address may take to accept a connection before the next one is tried."""

MAX_CHUNKS: Final = 10_000_000
"""Chunks of one stream: a week of single frames at 16 a second. A bitmap of them has 1.25 MB,
and travels in windows (see windows.py)."""

MAX_TRACKS: Final = 256
"""Outputs and streams of a job together."""

MAX_CREDIT: Final = 64
"""Tasks that a worker may be lent at a time: each lies there with its chunk, and what one worker holds no other can
take."""

MAX_FINGERPRINT: Final = 4096
"""Characters of library versions and CPU class: about 150 each time that another build takes over in a chain. Holdings
has one text for each track."""

USER_TIMEOUT_S: Final = 60.0
"""Unacknowledged sent data after which the kernel gives a connection up (where it can): a host that vanished."""

KEEPALIVE_S: Final = 15.0
"""After so long without a message the kernel asks whether the other host is still there, and asks again after as long.
A peer that only listens, such as a client whose job waits, would otherwise notice a dead host after two hours, which is
the systems' default."""

MAX_ASSET_SIZE: Final = 16 * MIB
"""One file that a filter chain names and that travels with its job: a logo, or a network's weights of usual size."""

MAX_ASSETS: Final = 8
"""Such files of one job: what a worker must hold for a task stays within 128 MiB."""

ASSET_PREFIX: Final = "sha256:"
"""What stands before the hash, in 64 hexadecimal digits, of such a file's content."""

MAX_PRIORITY: Final = 100
"""Of a job, from 0: far more ranks than a person tells apart."""
