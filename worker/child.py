"""One worker process: a network thread (the main one, which takes the signals) and a compute thread.

Standard input carries the settings as one line and then nothing; when it ends, the parent is gone.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import random
import secrets
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import NoReturn

from moviola.filters import registry
from moviola.filters.assets import Folder, serve
from moviola.filters.plugin_sources import PluginSources
from moviola.media.fingerprint import add_to_fingerprint, fingerprint
from moviola.media.video import memory
from moviola.wire.addresses import Address
from moviola.wire.loop import Loop
from moviola.wire.options import set_up_log

from .child_settings import MAX_CHILD_SETTINGS, ChildSettings
from .compute import Computer, load
from .events import EXIT_BUG, EXIT_MEMORY, EXIT_ORPHANED, DrainRequested
from .held_task import Identity
from .memory import hold_to
from .network import Network
from .session import Session
from .shared_status import Note

LIFELINE = sys.stdin.fileno() if sys.stdin is not None else 0


def main() -> NoReturn:
    faulthandler.enable()  # where a native crash happened is in the log
    settings = ChildSettings.from_line(_first_line())
    set_up_log(settings.log)
    try:
        status = run(settings)
    except MemoryError:
        logging.getLogger(settings.name).warning("there is no memory left, and so this process ends", exc_info=True)
        status = EXIT_MEMORY
    except BaseException:
        logging.getLogger(settings.name).exception("a bug of the worker itself ends it")
        status = EXIT_BUG
    _leave(status)


def run(settings: ChildSettings) -> int:
    """Works until told to end; returns the exit status."""
    if settings.memory_limit:
        hold_to(settings.memory_limit)
        memory.set_limit(settings.memory_limit)
    if settings.plugins_fd >= 0:
        PluginSources.held(settings.plugins_fd).load()
    add_to_fingerprint(settings.build)
    if settings.assets is not None:
        root, files = settings.assets
        folder = Folder(Path(root), files)
        serve(folder)
        add_to_fingerprint(folder.fingerprint)
    processes = load(settings.kinds)
    note = Note(settings.note_fd)
    session = Session(
        identity=identify(settings),
        middleware=(Address(settings.host, settings.port),),
        jitter=random.random,
        death=settings.death,
    )
    network = Network(session, Loop("worker", secret=bytes.fromhex(settings.secret)), note, LIFELINE)
    computer = Computer(processes, network.report, note)
    signal.signal(signal.SIGTERM, lambda *_: network.report(DrainRequested()))
    threading.Thread(target=computer.run, name="compute", daemon=True).start()
    return network.run(computer)


def identify(settings: ChildSettings) -> Identity:
    schemas = registry.schemas()
    return Identity(
        name=settings.name,
        session=secrets.token_hex(8),
        filters=tuple(schemas[name].to_wire() for name in settings.filters),
        kinds=tuple(settings.kinds),
        fingerprint=fingerprint(),
        host=socket.gethostname(),
        process_id=os.getpid(),
        token=settings.token,
        labels=settings.labels,
        lacks=settings.lacks,
    )


def _first_line() -> bytes:
    """The settings. Not through a buffered file, whose read-ahead would hide the end of the pipe from `select`."""
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(LIFELINE, 65536)
        line += part
        if not part or len(line) > MAX_CHILD_SETTINGS:
            _leave(EXIT_ORPHANED)
    return line


def _leave(status: int) -> NoReturn:
    """Ends the process without waiting for the compute thread, which may be deep in a codec."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
