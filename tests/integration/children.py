"""Processes of tests. They end with the test session, also when that is killed."""

import contextlib
import random
import socket
import subprocess

# The signal that the kernel sends to what is started so when the process that started it is gone.
LEASH = ["setpriv", "--pdeathsig", "KILL", "--"]


def start(command, **options):
    """subprocess.Popen(), on the leash. Call it from the main thread: the leash is held by a thread."""
    return subprocess.Popen([*LEASH, *command], **options)


def free_port():
    """For what cannot choose one by itself. Tests run side by side, so it is any of those that the kernel does not give
    away: nobody else gets it in the meantime."""
    while True:
        port = random.randrange(10000, 30000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def end(process):
    process.kill()
    process.wait()
