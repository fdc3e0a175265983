from __future__ import annotations

import subprocess
import sys

from moviola.comparison.meter import Meter, cpu_seconds
from tests.waiting import PATIENCE_S

MIB = 1024 * 1024

PARENT = """
import subprocess, sys
child = "import time; began = time.process_time()\\nwhile time.process_time() - began < 0.2: pass"
block = bytearray(b"x") * (64 << 20)
sys.stdin.readline()
subprocess.run([sys.executable, "-c", child], check=True)
print("done", flush=True)
sys.stdin.read()
"""
"""Takes 64 MiB, and lets a child, which ends before it, compute for 0.2 s when a line comes."""


def test_a_process_is_measured_with_its_children_also_those_that_have_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with Meter([process.pid]) as meter:
            process.stdin.write(b"\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"done\n"
        process.stdin.close()
        process.wait(PATIENCE_S)
    assert meter.usage.cpu_seconds >= 0.2
    assert meter.usage.peak_memory >= 64 * MIB
    assert meter.usage.other_cores >= 0.0


def test_a_process_that_is_gone_takes_nothing() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(PATIENCE_S)
    assert cpu_seconds([process.pid]) == 0.0
