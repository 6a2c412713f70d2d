"""A running reviewd for a test: started on a free loopback port, its log collected, ended with the test."""

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

from children import LEASH, start

BINARY = os.environ.get("REVIEWD_BIN", str(Path(__file__).parents[2] / "build" / "reviewd"))

EXAMPLE = {
    "user_name": "Patricia Stewart",
    "review": "The tool is fantastic. Far despite visit mind computer prevent.",
}
EXAMPLE_ANSWER = "Processed as Positive (Score: 0.25)"


def wait_until(condition, what="the condition", seconds=100):
    """Waits until condition() is true and returns its value. The limit is for failures; it may be long. `what` may be a
    function: it is called at the end."""
    end = time.monotonic() + seconds
    pause = 0.005
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
    raise AssertionError(f"{what() if callable(what) else what} did not come true within {seconds} s")


class Service:
    """One process of `reviewd serve` with its mails in `folder` and its reviews in `store` (stores.py)."""

    def __init__(self, folder, store, wrapper=(), **settings):
        self.folder = Path(folder)
        self.store = store
        self.rows = store.rows
        self.outbox = store.outbox
        self.mail = self.folder / "mail"
        self.settings = {
            "REVIEWD_LISTEN": "127.0.0.1:0",
            "REVIEWD_MAIL": f"maildir:{self.mail}",
            "REVIEWD_DRAIN_DELAY": "0",
            # Where a stand-in for AWS asks for no keys of its own.
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.settings |= store.settings | {k: str(v) for k, v in settings.items()}
        self.wrapper = list(wrapper)
        self.process = None
        self.log = []
        self.port = None

    def start(self):
        """Starts the process and waits until it listens."""
        self.launch()
        wait_until(lambda: self.port or self.process.poll() is not None, "listening")
        assert self.port, f"reviewd ended with {self.process.returncode}: {self.log}"
        return self

    def launch(self, stderr=subprocess.PIPE):
        """Starts the process and does not wait."""
        self.port = None
        environment = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS") or k == "PATH"}
        environment.update({k: v for k, v in self.settings.items() if v != "None"})
        # The wrapper may be another process than what it runs.
        leash = LEASH if self.wrapper else []
        self.process = start(
            [*self.wrapper, *leash, BINARY, "serve"], env=environment, stderr=stderr, stdin=subprocess.DEVNULL
        )
        self.reader = None
        if stderr == subprocess.PIPE:
            self.reader = threading.Thread(target=self._read_log, args=(self.process.stderr,), daemon=True)
            self.reader.start()

    def _read_log(self, stream):
        for line in stream:
            text = line.decode("utf-8", "replace").rstrip("\n")
            self.log.append(text)
            if '"message":"listening"' in text:
                self.port = int(json.loads(text)["address"].rsplit(":", 1)[1])
        stream.close()

    def stop(self, signum=signal.SIGTERM):
        """Ends the process with a signal and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        status = self.process.wait(100)
        if self.reader:
            self.reader.join(10)
        return status

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process and self.reader:
            self.reader.join(10)

    def lines(self, message):
        """The lines of the log with that message, parsed."""
        parsed = [json.loads(line) for line in list(self.log) if line.startswith("{")]
        return [line for line in parsed if line["message"] == message]

    def request(self, method, path, body=None, headers=None):
        """One request on a connection of its own: (status, headers, body as text)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=100)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def post(self, document, path="/reviews", headers=None):
        body = document if isinstance(document, (bytes, str)) else json.dumps(document)
        return self.request("POST", path, body, headers)

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=100)
        return connection

    def raw(self, data, **until):
        """Sends bytes and returns what comes, as read_all() does."""
        with self.connect() as connection:
            connection.sendall(data)
            return read_all(connection, **until)

    def metric(self, name):
        """The value of a series of /metrics, e.g. 'reviewd_mails_total{outcome="sent"}'; 0 when it is not there."""
        for line in self.request("GET", "/metrics")[2].splitlines():
            if line.rsplit(" ", 1)[0] == name:
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def requests_counted(self, route, method, status):
        """Waits for the first such request in /metrics, as each is counted after its answer was sent; how many there are."""
        name = f'reviewd_requests_total{{route="{route}",method="{method}",status="{status}"}}'
        return wait_until(lambda: self.metric(name), f"a count of {name}")

    def mails(self):
        return sorted((self.mail / "new").iterdir()) if (self.mail / "new").exists() else []

    def memory_kib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def read_all(connection, quiet=100.0, done=lambda received: False):
    """Reads until the end of the stream, until nothing comes for `quiet` seconds, or until it is done(). The end shows
    as b'<closed>'."""
    connection.settimeout(quiet)
    received = b""
    while not done(received):
        try:
            part = connection.recv(65536)
        except TimeoutError:
            break
        except ConnectionResetError:
            return received + b"<reset>"
        if not part:
            return received + b"<closed>"
        received += part
    return received
