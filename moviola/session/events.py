"""What goes into a session and what comes out: the whole of its contact with the world.

A command that is answered says by what. What the disk answers comes at once, and carries the command in its field
`command`; the source answers a Pull when there is time, and a server a Dial when it is reached."""

from __future__ import annotations

from enum import Enum

from moviola.base.finished_file import FinishedFile
from moviola.base.records import record
from moviola.media.material import Chunk, Source
from moviola.wire.addresses import Address
from moviola.wire.framing import Buffer
from moviola.wire.messages import Message


class ServerRole(Enum):
    """The two that a session talks to, with at most one connection each."""

    MIDDLEWARE = "middleware"
    AGGREGATOR = "aggregator"


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@record
class Start:
    """The first event."""


@record
class Welcomed:
    """A dialled connection is open."""

    peer: ServerRole


@record
class ClusterMessage:
    """A message came."""

    peer: ServerRole
    message: Message
    payload: Buffer = b""


@record
class Lost:
    """A connection is gone or could not be made. `code` is the other side's last word, if it gave one."""

    peer: ServerRole
    reason: str
    code: str = ""


@record
class Pulled:
    """The source's next chunk."""

    chunk: Chunk


@record
class Exhausted:
    """The source has no more chunks. `source` is what is known of it by now: more than was submitted where it still
    came then."""

    source: Source | None = None


@record
class Unreadable:
    """The source cannot be read on."""

    reason: str


@record
class Begun:
    """A file is to be fetched from byte `offset` up to byte `stop`; None: up to its end. What comes before `offset` is
    here from an earlier try, or is not wanted; what comes from `stop` on is not wanted."""

    command: Begin
    offset: int
    stop: int | None = None


@record
class Kept:
    """A file is in its place, its size and xxh3 as announced. `listed` are the files that it lists, if it is a listing:
    each as it was announced in Finished."""

    command: Begin | Keep
    listed: tuple[FinishedFile, ...] = ()


@record
class ChecksumMismatch:
    """A file that arrived whole has another xxh3 than announced; what arrived is gone."""

    command: Keep


@record
class NotKept:
    """A file cannot be written here."""

    command: Begin | Write | Keep
    reason: str


@record
class Arriving:
    """A part of a message has come, and not its end: a sign of life."""

    peer: ServerRole


@record
class Wanted:
    """Whoever reads results is ready for the next one."""


@record
class Interrupted:
    """The person does not want to wait any longer."""


@record
class Tick:
    """A deadline may have come."""


Event = (
    Start
    | Welcomed
    | ClusterMessage
    | Lost
    | Pulled
    | Exhausted
    | Unreadable
    | Begun
    | Kept
    | ChecksumMismatch
    | NotKept
    | Arriving
    | Wanted
    | Interrupted
    | Tick
)

# ── commands, in the order in which they must be carried out ─────────────────────────────────────────────────────────


@record
class Dial:
    """Connect to a peer. The middleware is where the person said; `addresses` are the aggregator's, as told, or with
    `at_middleware` their ports at the middleware's own host. Answered by Welcomed or Lost."""

    peer: ServerRole
    addresses: tuple[Address, ...] = ()
    at_middleware: bool = False


@record
class HangUp:
    """Close the connection to a peer, if there is one. No Lost follows."""

    peer: ServerRole


@record
class Send:
    """Send a message to a peer, with its payload where it has one."""

    peer: ServerRole
    message: Message
    payload: Buffer = b""


@record
class Pull:
    """Read the next chunk of the source, when there is time. Answered by Pulled, Exhausted or Unreadable."""


@record
class Rewind:
    """Read the source from its beginning again. A Pull that has not been answered yet never is."""


@record
class Begin:
    """Look whether a file is here already, whole or in part; of one `is_listing`, Kept tells what it lists. Answered by
    Begun, Kept or NotKept."""

    file: str
    size: int
    xxh3: str
    is_listing: bool = False


@record
class Write:
    """Append bytes to the file that was begun. Answered by NotKept where it fails."""

    file: str
    payload: Buffer


@record
class Keep:
    """All bytes are there: verify, and put the file into its place. Answered by Kept, ChecksumMismatch or NotKept."""

    file: str


@record
class Give:
    """The next result of those that are read. An empty payload is that of a chunk that is left out."""

    index: int
    payload: Buffer


Command = Dial | HangUp | Send | Pull | Rewind | Begin | Write | Keep | Give
