"""AWS's DynamoDB Local (tests/tools/get-dynamodb-local.sh fetches it), on a free loopback port.

It binds all addresses of the machine, so it runs in a network namespace that has nothing but a loopback device. The
listening socket is made outside and handed in; what connects to it is passed on to the server by this file, run as a
program in there."""

import asyncio
import contextlib
import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from aws import StandIn
from children import end, start
from relay import relay_to

FOLDER = Path(os.environ.get("DYNAMODB_LOCAL", Path(__file__).resolve().parents[2] / "build/dynamodb-local"))
NAMESPACE = ["unshare", "--map-root-user", "--net", "--pid", "--fork", "--kill-child"]
PORT = 8000  # in the namespace, where it is free


def why_missing():
    """Why it cannot be used here; None when it can."""
    if not (FOLDER / ".installed").exists():
        reason = FOLDER / "missing"
        return reason.read_text().strip() if reason.exists() else f"`make test` fetches it into {FOLDER}"
    tried = subprocess.run([*NAMESPACE, "true"], capture_output=True, text=True, timeout=60)
    return f"no network namespace can be made here: {tried.stderr.strip()}" if tried.returncode else None


class DynamoDbLocal(StandIn):
    """A running server. It does not look whether keys and signatures are right."""

    keys = ("AKIDEXAMPLE", "secret")

    def __init__(self):
        listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self.log = tempfile.TemporaryFile()
        self.process = start([*NAMESPACE, sys.executable, __file__, str(listening.fileno())],
                             pass_fds=[listening.fileno()], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        listening.close()
        limit = time.monotonic() + 120
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > limit:
                self.stop()
                self.log.seek(0)
                raise AssertionError(f"DynamoDB Local does not start: {self.log.read().decode()[-2000:]}")
            time.sleep(0.05)

    def _answers(self):
        try:
            with urllib.request.urlopen(self.url, timeout=5):
                return True
        except urllib.error.HTTPError:  # such as that a signature is missing
            return True
        except OSError:
            return False

    def stop(self):
        end(self.process)


# --- in the namespace ---------------------------------------------------------------------------------------


def raise_loopback():
    SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP | IFF_RUNNING))


async def serve(listening):
    raise_loopback()
    lib = FOLDER / "lib"
    server = await asyncio.create_subprocess_exec(
        "java", "-Djava.awt.headless=true", f"-Dsqlite4java.library.path={lib}", "-cp", f"{lib}/*",
        "software.amazon.dynamodb.services.local.main.ServerRunner", "-inMemory", "-sharedDb", "-disableTelemetry",
        "-port", str(PORT))
    await asyncio.start_server(relay_to("127.0.0.1", PORT), sock=listening)
    return await server.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(serve(socket.socket(fileno=int(sys.argv[1])))))
