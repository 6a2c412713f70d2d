"""What the tests themselves stand on: processes that end, ports that are nobody else's."""

import random
import subprocess
import sys
from pathlib import Path

from children import end, free_port, running, start

FOLDER = Path(__file__).parent


def draws(monkeypatch, *ports):
    """Has chance draw these."""
    left = list(ports)
    monkeypatch.setattr(random, "randrange", lambda low, high: left.pop(0))


def test_a_port_is_drawn_once(monkeypatch):
    first, other = free_port(), free_port()
    draws(monkeypatch, first, other, first, 30001)
    assert free_port() == 30001


def test_another_process_does_not_draw_it():
    ours = free_port()
    program = f"""
import random
from children import free_port
left = [{ours}, 30002]
random.randrange = lambda low, high: left.pop(0)
print(free_port())
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=FOLDER, capture_output=True, text=True, timeout=60)
    assert done.stdout == "30002\n", done.stderr


def test_what_still_runs_is_told():
    process = start(["sleep", "12345"])
    try:
        # The leash is put on first, by a program that becomes the other one.
        assert [line for line in running() if line.endswith("sleep 12345")]
    finally:
        end(process)
    assert not [line for line in running() if line.endswith("sleep 12345")]
