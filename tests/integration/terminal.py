"""What a program shows on a terminal."""

import os
import pty
from collections.abc import Callable


def shown_on(run: Callable[[int], object]) -> bytes:
    """Calls `run` with a terminal's descriptor; what was written to that until `run` returned.

    Not for more than a terminal buffers, some KiB."""
    terminal, other = pty.openpty()
    try:
        run(other)
    finally:
        os.close(other)
    text = b""
    try:
        while part := os.read(terminal, 65536):
            text += part
    except OSError:  # EIO: all of it was read and the other side is closed
        pass
    finally:
        os.close(terminal)
    return text
