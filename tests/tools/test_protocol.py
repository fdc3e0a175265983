"""The page of the protocol: its tables are fresh, it has every message, and its bytes are true."""

from __future__ import annotations

import hmac
import re
import struct
from dataclasses import dataclass
from unittest.mock import patch

import msgpack
import pytest
import xxhash

from moviola.wire.connection import proof
from moviola.wire.framing import FrameReader, checksum, prefix
from moviola.wire.lease_tags import LeaseTags
from moviola.wire.messages import MESSAGES, Asset, Hello, Message, Revoke, decode, encode
from moviola.wire.schema import Lease
from moviola.wire.tokens import for_store
from tools import protocol

TEXT = protocol.PAGE.read_text()
FRAMES: dict[str, tuple[Message, bytes]] = {
    "revoke": (Revoke(Lease(3, 17)), b""),
    "asset": (Asset("@logo.png"), b"moviola"),
}


def example(name: str) -> bytes:
    """The bytes of an example of the page."""
    (found,) = re.findall(rf"```hex {name}\n(.*?)```", TEXT, re.DOTALL)
    return bytes.fromhex("".join(found.split()))


def test_the_tables_are_fresh() -> None:
    assert protocol.page(TEXT) == TEXT, "run: python -m tools.protocol"


def test_every_message_and_every_record_has_one_table() -> None:
    assert set(MESSAGES) <= set(protocol.blocks(TEXT))
    for name in protocol.described():
        assert len(re.findall(rf"^#+ {name}$", TEXT, re.MULTILINE)) == 1, name


def test_a_record_inside_a_message_gets_a_table_of_its_own() -> None:
    @dataclass
    class Detail:
        """What is told beside.

        Attributes:
            size (bytes): of it.
        """

        size: int = 0

    told = {**protocol.described(), "Detail": Detail}
    with patch.object(protocol, "described", lambda: told):
        made = protocol.page("<!-- records -->\n\n<!-- end -->\n")
    assert "### Detail\n\nWhat is told beside.\n\n| name |" in made
    assert "| `size` | integer | bytes | 0 … 2^63-1 | of it. | `0` |" in made


@pytest.mark.parametrize("name", MESSAGES)
def test_a_section_tells_who_sends_it_what_the_answer_is_and_what_is_refused(name: str) -> None:
    told = protocol.section(TEXT, name)
    for part in ("**Sent** by", "**Answer**", "**Refused**", f"<!-- fields: {name} -->"):
        assert part in told, f"{name}: {part}"


def test_the_sequences_name_messages_and_their_fields() -> None:
    """Each `Message(field, …)` of a diagram; `field=value` gives one that is worth telling."""
    fences = re.findall(r"^```([^\n]*)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    diagrams = [text for language, text in fences if not language]
    told = [found for diagram in diagrams for found in re.findall(r"\b([A-Z][a-z]\w+)\(([^)]*)\)", diagram)]
    assert len(told) > 20
    for name, arguments in told:
        fields = {argument.partition("=")[0].strip(" …") for argument in re.sub(r"\[.*?\]", "", arguments).split(",")}
        assert fields - {""} <= set(protocol.meanings(MESSAGES[name])), f"{name}({arguments})"


@pytest.mark.parametrize("name", FRAMES)
def test_an_example_of_a_frame_is_what_is_sent_and_what_is_read(name: str) -> None:
    message, payload = FRAMES[name]
    told = example(name)
    assert told == prefix(encode(message), len(payload), checksum(payload)) + payload
    reader = FrameReader()
    reader.buffer()[: len(told)] = told
    (frame,) = reader.received(len(told))
    assert (decode(frame.header), bytes(frame.payload), frame.is_damaged) == (message, payload, False)


@pytest.mark.parametrize("name", FRAMES)
def test_an_example_of_a_frame_can_be_made_from_the_page_alone(name: str) -> None:
    message, payload = FRAMES[name]
    header = msgpack.packb({"type": type(message).__name__, **message.to_wire()})
    seal = xxhash.xxh3_64_intdigest(payload) if payload else 0
    assert example(name) == b"MVLA" + struct.pack(">IQQ", len(header), len(payload), seal) + header + payload


def test_the_proof_of_the_page_is_what_both_sides_make() -> None:
    nonce, parts = bytes(range(16)), (bytes(range(16)), b"worker", b"desk-1", b"5e551011")
    signed = b"".join(struct.pack(">I", len(part)) + part for part in parts)
    assert example("proof") == hmac.digest(b"open sesame", signed, "sha256")
    assert example("proof") == proof(b"open sesame", nonce, Hello("worker", "desk-1", "5e551011", [3]))


def test_the_token_for_a_store_is_what_a_worker_shows() -> None:
    assert example("token") == hmac.digest(b"5eed", b"store-1", "sha256")
    assert example("token").hex() == for_store("5eed", "store-1")


def test_the_tag_of_the_page_is_what_a_lease_has() -> None:
    values = ["job-1", 1, 0, 5, 3, 17, "5eed", "filter", [], "A"]
    assert example("tag") == hmac.digest(bytes(32), msgpack.packb(values), "sha256")
    made = LeaseTags(bytes(32)).make("job-1", 1, 0, 5, Lease(3, 17), "5eed", "filter", [], "A")
    assert example("tag") == made


def test_the_map_of_the_documents_has_all_of_them() -> None:
    told = (protocol.PAGE.parent / "README.md").read_text()
    others = [path.name for path in protocol.PAGE.parent.glob("*.md") if path.name != "README.md"]
    assert [name for name in others if f"({name})" not in told] == []


def test_a_field_that_the_docstring_does_not_tell_is_noticed() -> None:
    class Untold(Revoke):
        """Has no section of attributes."""

    with pytest.raises(ValueError, match=r"Untold has the fields \['lease'\]"):
        protocol.table(Untold)
