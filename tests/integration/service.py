"""A running reviewd for a test: started on a free loopback port, its log collected, ended with the test."""

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

BINARY = os.environ.get("REVIEWD_BIN", str(Path(__file__).parents[2] / "build" / "reviewd"))
SLOW = 5 if os.environ.get("REVIEWD_SAN") else 1  # sanitizers slow everything down

EXAMPLE = {
    "user_name": "Patricia Stewart",
    "review": "The tool is fantastic. Far despite visit mind computer prevent.",
}
EXAMPLE_ANSWER = "Processed as Positive (Score: 0.25)"


def wait_until(condition, seconds=10, what="the condition"):
    """Waits until condition() is true and returns its value."""
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"{what} did not come true within {seconds * SLOW} s")


class Service:
    """One process of `reviewd serve` with its data in `folder`."""

    def __init__(self, folder, wrapper=(), **settings):
        self.folder = Path(folder)
        self.database = self.folder / "reviews.db"
        self.mail = self.folder / "mail"
        self.settings = {
            "REVIEWD_LISTEN": "127.0.0.1:0",
            "REVIEWD_STORE": f"sqlite:{self.database}",
            "REVIEWD_MAIL": f"maildir:{self.mail}",
            "REVIEWD_DRAIN_DELAY": "0",
        }
        self.settings.update({k: str(v) for k, v in settings.items()})
        self.wrapper = list(wrapper)
        self.process = None
        self.log = []
        self.port = None

    def start(self):
        """Starts the process and waits until it listens."""
        self.launch()
        wait_until(lambda: self.port or self.process.poll() is not None, 20, "listening")
        assert self.port, f"reviewd ended with {self.process.returncode}: {self.log}"
        return self

    def launch(self, stderr=subprocess.PIPE):
        """Starts the process and does not wait."""
        self.port = None
        environment = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS") or k == "PATH"}
        environment.update({k: v for k, v in self.settings.items() if v != "None"})
        self.process = subprocess.Popen(
            [*self.wrapper, BINARY, "serve"], env=environment, stderr=stderr, stdin=subprocess.DEVNULL
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

    def stop(self, signum=signal.SIGTERM, timeout=30):
        """Ends the process with a signal and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        status = self.process.wait(timeout * SLOW)
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
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40 * SLOW)
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
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=40 * SLOW)
        return connection

    def raw(self, data):
        """Sends bytes and returns all that comes until the other side closes (or nothing comes for a second)."""
        with self.connect() as connection:
            connection.sendall(data)
            return read_all(connection)

    def metric(self, name):
        """The value of a series of /metrics, e.g. 'reviewd_mails_total{outcome="sent"}'; 0 when it is not there."""
        for line in self.request("GET", "/metrics")[2].splitlines():
            if line.rsplit(" ", 1)[0] == name:
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def rows(self, query="select user_name, timestamp, review, sentiment, polarity_score from reviews"):
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as database:
            return database.execute(query).fetchall()

    def mails(self):
        return sorted((self.mail / "new").iterdir()) if (self.mail / "new").exists() else []

    def memory_kib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def read_all(connection, quiet=1.0):
    """Reads until the end of the stream, or until nothing comes for `quiet` seconds. The end shows as b'<closed>'."""
    connection.settimeout(quiet * SLOW)
    received = b""
    while True:
        try:
            part = connection.recv(65536)
        except TimeoutError:
            return received
        except ConnectionResetError:
            return received + b"<reset>"
        if not part:
            return received + b"<closed>"
        received += part
