"""The note that outlives a child."""

from __future__ import annotations

import os
import subprocess
import sys

from moviola.wire.schema import Lease
from worker.shared_status import Note, Stage


def test_what_a_process_wrote_is_there_after_it_was_killed() -> None:
    note = Note.create()
    program = (
        "import os, signal, sys; from worker.shared_status import *\n"
        "note = Note(int(sys.argv[1])); note.stage = Stage.WELCOMED; note.turned(); note.lease = Lease(3, 2**62)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program, str(note.fd)], pass_fds=[note.fd], check=False, timeout=60)
    assert (note.stage, note.turns, note.lease) == (Stage.WELCOMED, 1, Lease(3, 2**62))
    note.clear()
    assert (note.stage, note.turns, note.lease) == (Stage.STARTING, 0, None)
    note.close()


def test_no_lease_and_the_first_lease_are_different_things() -> None:
    note = Note.create()
    assert note.lease is None
    note.lease = Lease(0, 0)
    assert note.lease == Lease(0, 0)
    note.lease = None
    assert note.lease is None
    fd = note.fd
    note.close()
    assert not os.path.exists(f"/proc/self/fd/{fd}")
