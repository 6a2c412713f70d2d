"""`reviewd score` from outside: what comes out, in which order, how soon, with how much memory, and what happens when
it goes wrong. The binary is $REVIEWD_BIN, or build/reviewd."""

import contextlib
import json
import os
import re
import select
import subprocess
import threading
import time
from pathlib import Path

import pytest

from children import start
from terminal import shown_on

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("REVIEWD_BIN", str(ROOT / "build/reviewd"))
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("REVIEWD_")}
LINE_MAX = 16 * 1024 * 1024
POOL_FROM = 1024 * 1024  # bytes of input after which the threads start
SANITIZED = any(name in Path(BINARY).read_bytes() for name in (b"__asan_init", b"__tsan_init"))


def score(*arguments, stdin=b"", env=None, **options):
    return subprocess.run([BINARY, "score", *arguments], input=stdin, capture_output=True, timeout=120,
                          env=CLEAN | (env or {}), **options)


class Session:
    """A running `reviewd score` between pipes."""

    def __init__(self, *arguments, **options):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = start([BINARY, "score", *arguments], env=CLEAN, bufsize=0, **(pipes | options))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None and not stream.closed:
                stream.close()
        self.process.wait()

    def ask(self, line):
        self.process.stdin.write(line)
        return self.read_line()

    def read_line(self, timeout=10):
        answer = b""
        while not answer.endswith(b"\n"):
            assert select.select([self.process.stdout], [], [], timeout)[0], f"no answer, so far {answer!r}"
            part = os.read(self.process.stdout.fileno(), 1)
            assert part, "the output ended"
            answer += part
        return answer

    def skip_lines(self, count):
        while count > 0:
            count -= os.read(self.process.stdout.fileno(), 65536).count(b"\n")

    def threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))


# --- what comes out ---------------------------------------------------------------------------------------------


def test_arguments():
    done = score("The tool is fantastic. Far despite visit mind computer prevent.", "bad", "", "--", "-x")
    assert done.stdout == b"0.25\tPositive\n-0.6999999999999998\tNegative\n0.0\tNeutral\n0.0\tNeutral\n"
    assert (done.returncode, done.stderr) == (0, b"")


def test_lines():
    done = score(stdin=b"good\n\nbad\r\n\xff\xfe\0 good\nlast good")
    lines = [line.split(b"\t")[1] for line in done.stdout.splitlines()]
    assert lines == [b"Positive", b"Neutral", b"Negative", b"Positive", b"Positive"]
    assert done.returncode == 0
    assert score(stdin=b"").stdout == b""


def test_ndjson_keeps_all_else():
    done = score("--ndjson", stdin=b'{"review": "good", "n": 1.50e0, "x":[1e999 ,{}]}\r\n{"review":"g\\u006fod"}')
    assert done.stdout == (
        b'{"review": "good", "n": 1.50e0, "x":[1e999 ,{}], "sentiment": "Positive", "polarity_score": "0.7"}\r\n'
        b'{"review":"g\\u006fod", "sentiment": "Positive", "polarity_score": "0.7"}\n'
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert score("--ndjson", stdin=done.stdout).stdout == done.stdout  # replaced by the same


def test_bad_lines_leave_an_empty_line():
    lines = [b'{"review":"good"}', b"", b"nonsense", b'{"review":1}', b'{"rating":1}', b'{"review":"\xff"}',
             b'{"review":"a","review":"b"}', b'{"review":"a"', b'["review"]', b'{"review":"bad"}']
    done = score("--ndjson", stdin=b"\n".join(lines) + b"\n")
    out = done.stdout.split(b"\n")
    assert len(out) == len(lines) + 1
    assert json.loads(out[0])["sentiment"] == "Positive" and json.loads(out[9])["sentiment"] == "Negative"
    assert out[1:9] == [b""] * 8
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        "reviewd: line 3, byte 1: not a JSON object",
        "reviewd: line 4, byte 11: review is not a string",
        "reviewd: line 5, byte 13: no member called review",
        "reviewd: line 6, byte 12: invalid UTF-8",
        "reviewd: line 7, byte 15: the same member name twice in one object",
        "reviewd: line 8, byte 14: the line ends too early",
        "reviewd: line 9, byte 1: not a JSON object",
    ]


@pytest.mark.parametrize("arguments, env, expected", [
    ([], {}, b"Positive"),
    (["--positive-above", "0.7"], {}, b"Neutral"),
    (["--positive-above=0.69"], {}, b"Positive"),
    ([], {"REVIEWD_POSITIVE_ABOVE": "0.8"}, b"Neutral"),
    ([], {"REVIEWD_POSITIVE_ABOVE": ""}, b"Positive"),
    (["--positive-above", "0.5"], {"REVIEWD_POSITIVE_ABOVE": "0.8"}, b"Positive"),
    (["--negative-below", "0.8", "--positive-above", "0.9"], {}, b"Negative"),
    (["--positive-above", "0.9"], {"REVIEWD_NEGATIVE_BELOW": "0.8"}, b"Negative"),
])
def test_thresholds(arguments, env, expected):
    assert score(*arguments, "good", env=env).stdout == b"0.7\t" + expected + b"\n"


@pytest.mark.parametrize("arguments, env, says", [
    (["--nonsense"], {}, b"--nonsense"),
    (["--threads"], {}, b"--threads"),
    (["--threads", "0"], {}, b"1 to 1024"),
    (["--threads", "1025"], {}, b"1 to 1024"),
    (["--threads", "two"], {}, b"'two'"),
    (["--positive-above", "1.1"], {}, b"-1 to 1"),
    (["--negative-below", "x"], {}, b"-1 to 1"),
    (["--negative-below", ""], {}, b"-1 to 1"),
    (["--negative-below", "0.2"], {}, b"above the positive"),
    (["--ndjson", "text"], {}, b"takes no TEXT"),
    ([], {"REVIEWD_POSITIVE_ABOVE": "high"}, b"REVIEWD_POSITIVE_ABOVE is 'high'"),
])
def test_wrong_usage(arguments, env, says):
    done = score(*arguments, stdin=b"good\n", env=env)
    assert (done.returncode, done.stdout) == (2, b"")
    assert says in done.stderr and done.stderr.count(b"\n") == 1


def test_a_wrong_variable_stops_neither_help_nor_what_does_not_need_it():
    wrong = {"REVIEWD_POSITIVE_ABOVE": "high"}
    assert score("--help", env=wrong).returncode == 0
    assert score("--positive-above", "0.5", "good", env=wrong).stdout == b"0.7\tPositive\n"


def test_help():
    done = score("--help")
    assert done.returncode == 0 and b"--ndjson" in done.stdout and done.stderr == b""


# --- large inputs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_order(tmp_path, threads):
    lines = []
    for i in range(120_000):
        if i % 1000 == 7:
            lines.append(f"bad {i}")
        elif i % 20_000 == 11:
            lines.append(json.dumps({"id": i, "review": "good " * 40_000}))
        else:
            lines.append(json.dumps({"id": i, "review": ("good", "bad", "table")[i % 3]}))
    path = tmp_path / "lines"
    path.write_text("\n".join(lines) + "\n")
    with open(path, "rb") as file:
        done = subprocess.run([BINARY, "score", "--ndjson", "--threads", str(threads)], stdin=file,
                              capture_output=True, timeout=120, env=CLEAN)
    out = done.stdout.decode().split("\n")
    assert len(out) == len(lines) + 1
    for i, line in enumerate(out[:-1]):
        if i % 1000 == 7:
            assert line == ""
        else:
            item = json.loads(line)
            assert item["id"] == i
            if len(lines[i]) < 100:
                assert item["sentiment"] == ("Positive", "Negative", "Neutral")[i % 3]
    reported = [int(text.split("line ")[1].split(",")[0]) for text in done.stderr.decode().splitlines()]
    assert reported == list(range(8, len(lines), 1000))
    assert done.returncode == 1


def peak_kib(arguments, parts):
    """Feeds the parts through a pipe; (highest resident memory in KiB, exit code, standard error)."""
    with Session(*arguments, stdout=subprocess.DEVNULL) as s:
        for part in parts:
            s.process.stdin.write(part)
        status = Path(f"/proc/{s.process.pid}/status").read_text()  # the pipe holds no more than 64 KiB now
        s.process.stdin.close()
        errors = s.process.stderr.read()
        return int(re.search(r"VmHWM:\s*(\d+)", status).group(1)), s.process.wait(30), errors


def test_memory_does_not_grow():
    block = b'{"review": "This is a rather good product, but not very cheap."}\n' * 16_000
    one, code, _ = peak_kib(["--ndjson", "--threads", "2"], [block] * 8)
    assert code == 0
    many, code, _ = peak_kib(["--ndjson", "--threads", "2"], [block] * 150)
    assert code == 0
    assert many - one < 4096, f"{one} KiB for 8 MB, {many} KiB for 150 MB"
    if not SANITIZED:
        assert many < 32 * 1024


def test_memory_with_long_lines():
    """Lines of 1, 16 and 24 MiB: those over the limit are reported, and none adds up."""
    def line(size):
        return [b'{"review": "'] + [b"good " * 209_715] * size + [b'"}\n']

    parts = []
    for _ in range(8):
        parts += line(15) + line(1) + line(24)
    peak, code, errors = peak_kib(["--ndjson", "--threads", "4"], parts)
    assert code == 1
    assert [text.split(b",")[0] for text in errors.splitlines()] == [
        b"reviewd: line %d" % n for n in range(3, 25, 3)]
    assert all(text.endswith(b"the line is longer than 16 MiB") for text in errors.splitlines())
    assert peak < (600 if SANITIZED else 128) * 1024, f"{peak} KiB"


def test_line_limit():
    for size in (LINE_MAX - 1, LINE_MAX, LINE_MAX + 1):
        done = score(stdin=b"good\n" + b" " * size + b"\nbad\n")
        out = done.stdout.split(b"\n")
        assert out[0].endswith(b"Positive") and out[2].endswith(b"Negative") and len(out) == 4
        assert out[1] == (b"" if size > LINE_MAX else b"0.0\tNeutral")
        assert done.returncode == (1 if size > LINE_MAX else 0)
        assert (b"line 2, " in done.stderr) == (size > LINE_MAX)


# --- pipes ------------------------------------------------------------------------------------------------------


def test_answers_line_by_line():
    with Session("--ndjson") as s:
        for word, sentiment in (("good", "Positive"), ("bad", "Negative")):
            answer = json.loads(s.ask(b'{"review": "%s"}\n' % word.encode()))
            assert answer["sentiment"] == sentiment
        assert s.threads() == 1
        s.process.stdin.write(b'{"review": ')
        assert not select.select([s.process.stdout], [], [], 0.2)[0]
        assert b"Positive" in s.ask(b'"good"}\n')


def test_answers_line_by_line_also_after_much():
    """With the threads at work too, nothing is held back."""
    with Session("--threads", "3") as s:
        drained = threading.Thread(target=s.skip_lines, args=[POOL_FROM // 8])
        drained.start()
        s.process.stdin.write(b"a table\n" * (POOL_FROM // 8))
        drained.join(60)
        assert not drained.is_alive()
        for _ in range(20):
            assert s.ask(b"good\n") == b"0.7\tPositive\n"
        assert s.threads() >= 4
        s.process.stdin.close()
        assert s.process.wait(10) == 0


@pytest.mark.parametrize("threads", ["1", "3"])
def test_reader_goes_away(threads):
    with Session("--threads", threads) as s:
        s.ask(b"good\n")
        s.process.stdout.close()
        with pytest.raises(BrokenPipeError):
            while True:
                s.process.stdin.write(b"good\n" * 10_000)
        assert s.process.wait(10) == 1
        assert s.process.stderr.read() == b"reviewd: cannot write to standard output: Broken pipe\n"


@pytest.mark.parametrize("more", [256 * 1024, 4096 * 1024])
def test_reader_goes_away_while_the_writer_is_silent(more):
    """The failure must end it though the input stays open: with little more than what starts the threads it waits
    for input then, with much it waits for a free block."""
    with Session("--threads", "2") as s:
        def write():
            with contextlib.suppress(BrokenPipeError):
                s.process.stdin.write(b"a table\n" * ((POOL_FROM + more) // 8))

        writer = threading.Thread(target=write)
        writer.start()
        deadline = time.monotonic() + 30
        while s.threads() < 3 and time.monotonic() < deadline:
            os.read(s.process.stdout.fileno(), 65536)
        time.sleep(0.3)
        assert s.process.poll() is None
        s.process.stdout.close()
        assert s.process.wait(30) == 1
        writer.join(30)


@pytest.mark.parametrize("lines", [1, 400_000])
@pytest.mark.parametrize("threads", ["1", "3"])
def test_output_full(lines, threads):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([BINARY, "score", "--threads", threads], input=b"good\n" * lines, stdout=full,
                              stderr=subprocess.PIPE, timeout=60, env=CLEAN)
    assert done.returncode == 1
    assert done.stderr == b"reviewd: cannot write to standard output: No space left on device\n"


def test_output_full_for_arguments():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([BINARY, "score", "good"], stdout=full, stderr=subprocess.PIPE, env=CLEAN, timeout=60)
    assert done.returncode == 1
    assert done.stderr == b"reviewd: cannot write to standard output: No space left on device\n"


def test_input_cannot_be_read(tmp_path):
    folder = os.open(tmp_path, os.O_RDONLY)
    done = subprocess.run([BINARY, "score"], stdin=folder, capture_output=True, env=CLEAN, timeout=60)
    os.close(folder)
    assert done.returncode == 1
    assert done.stderr == b"reviewd: cannot read standard input: Is a directory\n"


# --- progress ---------------------------------------------------------------------------------------------------


def run_slowly(path, stderr):
    """Reads the output only after a second, so that even a fast machine has something to show."""
    with open(path, "rb") as file, Session(stdin=file, stderr=stderr) as s:
        time.sleep(1)
        while os.read(s.process.stdout.fileno(), 1 << 20):
            pass
        assert s.process.wait(30) == 0


def test_progress_on_a_terminal_only(tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(b"This is quite good\n" * 400_000)
    shown = shown_on(lambda tty: run_slowly(path, tty))
    assert b"lines/s" in shown and b" %, " in shown and shown.endswith(b"\r\x1b[K")

    with open(tmp_path / "errors", "wb") as errors:
        run_slowly(path, errors)
    assert (tmp_path / "errors").read_bytes() == b""
