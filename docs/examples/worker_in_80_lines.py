"""A worker in plain blocking sockets, written from docs/PROTOCOL.md; only the work on the pixels is Moviola's own.
`worker_in_80_lines.py HOST PORT SECRET_FILE FILTER…` works until a connection ends; then it is to be started again."""

import hmac
import secrets
import socket
import struct
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import msgpack
import xxhash

from moviola.filters import registry
from moviola.media import kinds
from moviola.media.fingerprint import fingerprint
from moviola.media.material import Output

HOST, PORT, SECRET, FILTERS = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]).read_bytes().strip(), sys.argv[4:]
NAME, SESSION, TOKEN = f"{socket.gethostname()}-plain", secrets.token_hex(8), secrets.token_hex(16)
SHOWN = ("lease", "job", "track", "index", "owner_epoch", "mode", "stage", "tag")  # of a Task, with what came of it
addresses, stores, inbox, progress, never = {}, {}, [], [], threading.Event()


class Link:
    def __init__(self, host, port, token, **details):
        self.socket, self.lock = socket.create_connection((host, port)), threading.Lock()
        parts = (self.receive()[0]["nonce"], b"worker", NAME.encode(), SESSION.encode())
        proof = hmac.digest(SECRET, b"".join(len(part).to_bytes(4, "big") + part for part in parts), "sha256")
        who = {"role": "worker", "name": NAME, "session": SESSION, "versions": [3], "token": token, "details": details}
        self.send("Hello", proof=proof, **who)
        self.limits = self.receive()[0]["limits"]

    def send(self, kind, payload=b"", **fields):
        header, checksum = msgpack.packb({"type": kind, **fields}), xxhash.xxh3_64_intdigest(payload) if payload else 0
        with self.lock:
            self.socket.sendall(struct.pack("!4sIQQ", b"MVLA", len(header), len(payload), checksum) + header + payload)

    def receive(self):
        _, header_size, size, checksum = struct.unpack("!4sIQQ", self.exactly(24))
        message, payload = msgpack.unpackb(self.exactly(header_size)), self.exactly(size)
        if message["type"] == "Error" and message["fatal"]:
            sys.exit(message["text"])
        return message, payload, not size or xxhash.xxh3_64_intdigest(payload) == checksum

    def exactly(self, size):
        data = self.socket.recv(size, socket.MSG_WAITALL) if size else b""
        return data if len(data) == size else sys.exit("a connection has ended")


def link_of(store):
    if store not in stores:
        token = hmac.new(TOKEN.encode(), store.encode(), "sha256").hexdigest()
        stores[store] = Link(addresses[store]["host"], addresses[store]["port"], token)
    return stores[store]


def work(task, chunk):
    progress[:] = [now := {"lease": task["lease"], "phase": "computing", "frames": 0, "steps": 0}]
    process, output, stage = kinds.processor(task["source"]["kind"]), Output.from_wire(task["output"]), task["stage"]
    tell = lambda frames: now.update(frames=frames, steps=now["steps"] + 1)  # noqa: E731
    part = {"stage": range(*stage)} if stage else {}
    try:
        made = asdict(process(chunk, task["source"], output, mode=task["mode"], on_frame=tell, **part))
    except Exception as error:
        return {"outcome": "failed", "cause": {"kind": "exception", "text": str(error)}}
    is_last, payload = not stage or stage[1] == len(output.chain), made.pop("payload")
    now["phase"], link = "delivering", link_of(task["owner"]) if is_last else middleware
    facts = {"build": made.pop("fingerprint"), **{name: task[name] for name in SHOWN}, **made}
    link.send("Result" if is_last else "HandOn", payload, **facts)
    while (found := link.receive())[0]["type"] != "Stored" or found[0]["lease"] != task["lease"]:
        inbox.append(found)
    return {"outcome": {"kept": "stored"}.get(found[0]["verdict"], found[0]["verdict"])}


def beat():
    while not never.wait(middleware.limits["beat_interval_s"]):
        middleware.send("Beat", leases=list(progress))


schemas = [schema.to_wire() for name, schema in registry.schemas().items() if name in FILTERS]
details = {"filters": schemas, "kinds": list(kinds.KINDS), "slots": 1, "fingerprint": fingerprint()}
middleware = Link(HOST, PORT, TOKEN, **details)
threading.Thread(target=beat, daemon=True).start()
while True:
    message, payload, is_whole = inbox.pop(0) if inbox else middleware.receive()
    match message["type"]:
        case "Aggregator" if message["addresses"]:
            addresses[message["store"]] = message["addresses"][0]
        case "Task":
            ending = work(message, payload) if is_whole else {"outcome": "damaged"}
            progress.clear()
            middleware.send("Released", lease=message["lease"], **ending)
        case "Revoke":
            middleware.send("Released", lease=message["lease"], outcome="revoked")
