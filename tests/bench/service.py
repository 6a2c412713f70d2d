"""Starting and watching the programs that are measured."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TEXT = {"user_name": "Patricia Stewart", "review": "The tool is fantastic."}
START_LIMIT_S = 10
MAILS_LIMIT_S = 120


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def exchange(port: int, content: bytes) -> tuple[int, bytes]:
    """Posts a body on a connection of its own; status and body of the answer, or 0 when nobody listens."""
    head = (f"POST /reviews HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n")
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=START_LIMIT_S) as s:
            s.sendall(head.encode() + content)
            while piece := s.recv(65536):
                answer += piece
    except ConnectionError:
        pass  # one that refuses a body may not read all of it
    match = re.match(rb"HTTP/1\.1 (\d+)", answer)
    return int(match.group(1)) if match else 0, answer.partition(b"\r\n\r\n")[2]


def post(port: int, body: dict = TEXT) -> int:
    """Posts one review; the status, or 0 when nobody listens."""
    return exchange(port, json.dumps(body).encode())[0]


def wait_for_200(port: int) -> float:
    """Posts until the first 200; returns when that was (perf_counter)."""
    limit = time.perf_counter() + START_LIMIT_S
    while time.perf_counter() < limit:
        if post(port) == 200:
            return time.perf_counter()
        time.sleep(0.0002)
    raise RuntimeError(f"nothing answered 200 on port {port} within {START_LIMIT_S} s")


@dataclass
class Service:
    process: subprocess.Popen
    port: int
    folder: Path
    first_200_ms: float

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/reviews"

    def memory_kib(self, field: str = "VmRSS") -> int:
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii", errors="replace")
        return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.M).group(1))

    def metric(self, name: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            return float(re.search(rf"^{name} (\S+)", answer.read().decode(), re.M).group(1))

    def wait_for_mails(self):
        """Returns when no mail waits any more."""
        limit = time.monotonic() + MAILS_LIMIT_S
        while self.metric("reviewd_outbox_pending") > 0:
            if time.monotonic() > limit:
                raise RuntimeError(f"mails still wait {MAILS_LIMIT_S} s after the load")
            time.sleep(0.1)

    def processor_use(self) -> tuple[float, int, int]:
        """(seconds on a processor, voluntary switches, threads) since the start, over all threads."""
        seconds = switches = threads = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            seconds += int((task / "schedstat").read_text().split()[0]) / 1e9
            switches += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text(), re.M).group(1))
            threads += 1
        return seconds, switches, threads


@contextmanager
def running(command: list, environment: dict[str, str], folder: Path, port: int):
    """Runs a service that takes reviews on `port`, from its first 200 to the end of the block; logs to `folder`."""
    with open(folder / "log", "ab") as log:
        before = time.perf_counter()
        # Without close_fds Python spawns without copying itself, so its own size is not in the time.
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, close_fds=False)
    try:
        ready = wait_for_200(port)
        yield Service(process, port, folder, (ready - before) * 1000)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def reviewd(program: Path, folder: Path, *, keep: bool = False, settings: dict[str, str] | None = None):
    """Runs reviewd on a free port with its data in `folder`, emptied before unless `keep`; `settings` come on top."""
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "REVIEWD_LISTEN": f"127.0.0.1:{port}",
        "REVIEWD_STORE": f"sqlite:{folder}/reviews.db",
        "REVIEWD_MAIL": f"maildir:{folder}/mail",
        "REVIEWD_DRAIN_DELAY": "0",
    }
    with running([program, "serve"], environment | (settings or {}), folder, port) as service:
        yield service


@contextmanager
def constant(program: Path, threads: int):
    """Runs the yardstick; yields its URL."""
    port = free_port()
    process = subprocess.Popen([program, str(port), str(threads)], stdin=subprocess.PIPE)
    try:
        wait_for_200(port)
        yield f"http://127.0.0.1:{port}/reviews"
    finally:
        process.stdin.close()
        process.wait(timeout=10)


@dataclass
class Load:
    per_second: float
    p50_ms: float
    p99_ms: float
    requests: int


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m|h)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}[unit]


def wrk(url: str, script: Path, bodies: Path, seconds: int, *, connections: int = 64, headers: tuple[str, ...] = ()) -> Load:
    """Connections from one thread for some seconds; every answer must be a 200."""
    extra = [part for header in headers for part in ("-H", header)]
    load = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--timeout", "10s", "--latency"]
    command = [*load, *extra, "-s", script, url, "--", bodies]
    done = subprocess.run(command, capture_output=True, text=True)
    text = done.stdout
    if done.returncode != 0 or "Non-2xx" in text or "Socket errors" in text or " 0 requests in" in text:
        raise RuntimeError(f"not every request to {url} was answered with 200:\n{text}{done.stderr}")
    return Load(
        float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
        _milliseconds(re.search(r"^ +50% +(\S+)", text, re.M).group(1)),
        _milliseconds(re.search(r"^ +99% +(\S+)", text, re.M).group(1)),
        int(re.search(r"(\d+) requests in", text).group(1)),
    )
