"""request_generator against a small HTTP server of the test's own."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from children import start
from terminal import shown_on

ROOT = Path(__file__).resolve().parents[2]
GENERATOR = os.environ.get("REQUEST_GENERATOR_BIN", ROOT / "build/request_generator")
SENTIMENTS = ["Positive", "Neutral", "Negative"]


class Server(ThreadingHTTPServer):
    """Answers like the service, with sentiments in turn; `answer` may be replaced."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.posts = []  # (headers, body)
        self.connections = 0
        self.under_way = self.most_under_way = 0
        self.answer = self.processed
        self.gate = threading.Event()  # closed ones hold their answers back
        self.gate.set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/reviews"

    @staticmethod
    def processed(number):
        return 200, f'"Processed as {SENTIMENTS[number % 3]} (Score: 0.25)"'

    def bodies(self):
        return [body for _, body in self.posts]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        with server.lock:
            number = len(server.posts)
            server.posts.append((self.headers, body))
            server.under_way += 1
            server.most_under_way = max(server.most_under_way, server.under_way)
        server.gate.wait(30)
        with server.lock:
            server.under_way -= 1
        status, text = server.answer(number)
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with Server() as s:
        thread = threading.Thread(target=s.serve_forever, args=(0.01,))
        thread.start()
        yield s
        s.gate.set()
        s.shutdown()
        thread.join()


def run(*arguments, cwd=None, code=0):
    done = subprocess.run([GENERATOR, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def wait_until(condition):
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


def count(text, label):
    """The number beside a label of the summary."""
    return int(re.search(rf"^\s*{re.escape(label)}\s+(\d+)", text, re.M).group(1))


def test_posts_30_reviews_to_the_url_of_the_env_file(server, tmp_path):
    (tmp_path / ".env").write_text(f'# where to\nOTHER=1\nAPI_URL="{server.url}"\n')
    done = run(cwd=tmp_path)
    assert len(server.posts) == 30
    assert [count(done.stdout, s) for s in SENTIMENTS] == [10, 10, 10]
    assert count(done.stdout, "all") == 30
    assert count(done.stdout, "failed") == 0
    assert re.search(r"latency +p50 .* p90 .* p99 .* max ", done.stdout)
    for headers, body in server.posts:
        assert headers["Content-Type"] == "application/json"
        assert headers["User-Agent"].startswith("request_generator/")
        review = json.loads(body)
        assert sorted(review) == ["review", "user_name"]
        assert re.fullmatch(r"\S+ \S+", review["user_name"])
        assert review["review"].endswith((".", "!"))


def test_option_wins_over_env_file(server, tmp_path):
    (tmp_path / ".env").write_text("API_URL=http://127.0.0.1:1/nobody\n")
    run("--url", server.url, "--count", 1, cwd=tmp_path)
    assert len(server.posts) == 1


@pytest.mark.parametrize("content", [None, "", "OTHER=1\n", "API_URL=\n", "API_URL=example.com/reviews\n"])
def test_no_usable_url_is_wrong_usage(content, tmp_path):
    if content is not None:
        (tmp_path / ".env").write_text(content)
    done = run(cwd=tmp_path, code=2)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "URL" in done.stderr


@pytest.mark.parametrize(
    "option, below, lowest, highest, above",
    [
        ("--count", "0", "1", "1000000000", "1000000001"),
        ("--seed", "-1", "0", str(2**63 - 1), str(2**63)),
        ("--concurrency", "0", "1", "4096", "4097"),
        ("--rate", "-0.1", "0", "1000000", "1000000.1"),
        ("--timeout", "0", "1", "3600", "3601"),
    ],
)
def test_limits_of_options(option, below, lowest, highest, above):
    for good in (lowest, highest):
        run(option, good, "--version")
    for bad in (below, above, "x", "", "1 "):
        assert run(option, bad, "--version", code=2).stderr.startswith(f"request_generator: {option}")


@pytest.mark.parametrize("arguments", [["--bogus"], ["-x"], ["--count"], ["extra"], ["--url", "ftp://example.com/"]])
def test_wrong_usage(arguments):
    done = run(*arguments, code=2)
    assert done.stdout == ""
    assert re.fullmatch(r"request_generator: [^\n]+\n", done.stderr)


def test_help_and_version():
    assert "--concurrency" in run("--help").stdout
    assert re.match(r"request_generator \d+\.\d+\.\d+ \(libcurl", run("--version").stdout)


def test_the_same_seed_makes_the_same_reviews(server):
    run("--url", server.url, "--seed", 7, "--count", 40, "--concurrency", 8)
    first = sorted(server.bodies())
    server.posts.clear()
    run("--url", server.url, "--seed", 7, "--count", 40, "--concurrency", 1)
    assert sorted(server.bodies()) == first
    printed = run("--print", "--seed", 7, "--count", 40).stdout.encode().splitlines()
    assert printed == server.bodies()
    assert run("--print", "--seed", 8, "--count", 40).stdout.encode().splitlines() != printed


def test_the_seed_of_a_run_is_told(server):
    done = run("--url", server.url, "--count", 5)
    seed = re.search(r"seed (\d+)$", done.stdout, re.M).group(1)
    printed = run("--print", "--seed", seed, "--count", 5).stdout.encode().splitlines()
    assert sorted(printed) == sorted(server.bodies())


def test_failures_are_counted_by_kind(server):
    def answer(number):
        return (503, '{"message":"Service Unavailable"}') if number % 3 == 0 else Server.processed(number)

    server.answer = answer
    done = run("--url", server.url, "--count", 30, code=1)
    assert count(done.stdout, "failed") == 10
    assert re.search(r'^  HTTP 503 +10  {"message":"Service Unavailable"}$', done.stdout, re.M)
    assert count(done.stdout, "all") == 20


def test_200_with_something_else_is_a_failure(server):
    server.answer = lambda number: (200, "<html>\x1b[31mhello</html>")
    done = run("--url", server.url, "--count", 3, code=1)
    assert re.search(r"^  not the expected answer +3  <html>\.\[31mhello</html>$", done.stdout, re.M)


def test_nobody_listens():
    done = run("--url", "http://127.0.0.1:1/reviews", "--count", 5, code=1)
    assert count(done.stdout, "connect") == 5
    assert "nothing was answered" in done.stdout


def test_timeout(server):
    server.gate.clear()
    done = run("--url", server.url, "--count", 2, "--timeout", 1, code=1)
    assert count(done.stdout, "timeout") == 2


def test_concurrency(server):
    server.gate.clear()
    threading.Thread(target=lambda: (wait_until(lambda: server.under_way == 5), time.sleep(0.2), server.gate.set())).start()
    run("--url", server.url, "--count", 25, "--concurrency", 5)
    assert server.most_under_way == 5
    assert server.connections == 5
    assert len(server.posts) == 25


def test_rate(server):
    before = time.monotonic()
    run("--url", server.url, "--count", 11, "--rate", 20)
    assert time.monotonic() - before >= 0.5


def test_interrupt_prints_the_summary_so_far(server):
    arguments = [GENERATOR, "--url", server.url, "--count", "1000", "--rate", "50", "--concurrency", "4"]
    with start(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: len(server.posts) >= 6)
        server.gate.clear()
        wait_until(lambda: server.under_way >= 2)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert re.search(r"^interrupted: \d+ requests", out, re.M)
    assert 4 <= count(out, "all") <= len(server.posts)
    assert count(out, "unfinished") >= 2


def test_plain_lines_when_standard_error_is_no_terminal(server):
    done = run("--url", server.url, "--count", 30)
    lines = done.stderr.splitlines()
    assert lines[-1] == "30 of 30 done, 0 failed"
    assert all(re.fullmatch(r"\d+ of 30 done, 0 failed", line) for line in lines)
    assert "\r" not in done.stderr and "\x1b" not in done.stderr


def test_bar_on_a_terminal(server):
    command = [GENERATOR, "--url", server.url, "--count", "30"]
    shown = shown_on(lambda tty: subprocess.run(command, stdout=subprocess.PIPE, stderr=tty, check=True, timeout=60)).decode()
    assert "\r[" in shown
    assert f"[{'#' * 30}] 100 %  30/30" in shown
    assert shown.endswith("\n")


def test_print_ends_quietly_when_nobody_reads():
    done = subprocess.run(
        ["bash", "-c", '"$0" --print --count 1000000 | head -n 1', GENERATOR], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.startswith('{"user_name":')
    assert done.stderr == ""
