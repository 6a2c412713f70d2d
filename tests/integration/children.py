"""Processes of tests. They end with the test session, also when that is killed."""

import contextlib
import os
import random
import socket
import subprocess
from pathlib import Path

# The signal that the kernel sends to what is started so when the process that started it is gone.
LEASH = ["setpriv", "--pdeathsig", "KILL", "--"]


def start(command, **options):
    """subprocess.Popen(), on the leash. Call it from the main thread: the leash is held by a thread."""
    return subprocess.Popen([*LEASH, *command], **options)


# Sockets whose names say which ports this process has drawn; nobody connects to them.
claims = []


def free_port():
    """For what cannot choose one by itself. It is one of those that the kernel does not give away, and no other test gets
    it, in this process or another: the claim to it is a name that the kernel gives to one alone, until that ends."""
    while True:
        port = random.randrange(10000, 30000)
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0reviewd-test-port-{port}")
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            claim.close()
        else:
            claims.append(claim)
            return port


def running():
    """The command lines of this process's children that still run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ends just now
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found.append((folder / "cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode())
    return found


def end(process):
    process.kill()
    process.wait()
