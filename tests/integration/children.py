"""Processes of tests. They end with the test session, also when that is killed."""

import subprocess

# The signal that the kernel sends to what is started so when the process that started it is gone.
LEASH = ["setpriv", "--pdeathsig", "KILL", "--"]


def start(command, **options):
    """subprocess.Popen(), on the leash. Call it from the main thread: the leash is held by a thread."""
    return subprocess.Popen([*LEASH, *command], **options)


def end(process):
    process.kill()
    process.wait()
