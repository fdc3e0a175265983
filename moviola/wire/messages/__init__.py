"""All messages of the protocol. docs/PROTOCOL.md describes what each one means and when it is sent.

A message travels as a msgpack map: its fields, and `type`, the class's name. Payloads ride behind the header in the
same frame (see moviola/wire/framing.py) and are named in each docstring.
"""

from __future__ import annotations

from moviola.wire.messages.codec import MAX_PAYLOADS, MESSAGES, check_sendable, decode, encode, packed_size
from moviola.wire.messages.events import EventRecord, Events, JobGlance, Missed, Snapshot, Subscribe, Subscribed
from moviola.wire.messages.files import Fetch, FetchedResult, FetchResult, File
from moviola.wire.messages.handshake import (
    AggregatorDetails,
    Death,
    Error,
    Greeting,
    HeldLease,
    Hello,
    Limits,
    Welcome,
    WorkerDetails,
)
from moviola.wire.messages.jobs import (
    Aggregator,
    AssetFacts,
    Chunk,
    ChunkWindow,
    Control,
    End,
    Event,
    Filters,
    Job,
    Overview,
    Submit,
    Watch,
    Worker,
)
from moviola.wire.messages.message import CHECKS_WHAT_IS_SENT, ROLES, VERSIONS, Message
from moviola.wire.messages.results import Drop, FailedChunk, Finish, Finished, Holdings, Own, Pass, Result, Stored
from moviola.wire.messages.tasks import Asset, AssetRequest, Beat, Cause, HandOn, LeaseBeat, Released, Revoke, Task

__all__ = [
    "CHECKS_WHAT_IS_SENT",
    "MAX_PAYLOADS",
    "MESSAGES",
    "ROLES",
    "VERSIONS",
    "Aggregator",
    "AggregatorDetails",
    "Asset",
    "AssetFacts",
    "AssetRequest",
    "Beat",
    "Cause",
    "Chunk",
    "ChunkWindow",
    "Control",
    "Death",
    "Drop",
    "End",
    "Error",
    "Event",
    "EventRecord",
    "Events",
    "FailedChunk",
    "Fetch",
    "FetchResult",
    "FetchedResult",
    "File",
    "Filters",
    "Finish",
    "Finished",
    "Greeting",
    "HandOn",
    "HeldLease",
    "Hello",
    "Holdings",
    "Job",
    "JobGlance",
    "LeaseBeat",
    "Limits",
    "Message",
    "Missed",
    "Overview",
    "Own",
    "Pass",
    "Released",
    "Result",
    "Revoke",
    "Snapshot",
    "Stored",
    "Submit",
    "Subscribe",
    "Subscribed",
    "Task",
    "Watch",
    "Welcome",
    "Worker",
    "WorkerDetails",
    "check_sendable",
    "decode",
    "encode",
    "packed_size",
]
