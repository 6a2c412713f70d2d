"""Start, drain, kill, and everything that fails underneath: what was acknowledged is never lost."""

import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
import uuid
from pathlib import Path

import pytest

from children import free_port
from service import BINARY, EXAMPLE, read_all, wait_until

SAN = os.environ.get("REVIEWD_SAN")
sqlite = pytest.mark.stores("sqlite")  # for what only files and locks do
traced = pytest.mark.skipif(
    shutil.which("strace") is None or SAN in ("address", "thread"),
    reason="needs strace, and LeakSanitizer and ThreadSanitizer do not run under it",
)


class Posters:
    """Clients that post without pause, each on a kept connection, and remember what was acknowledged."""

    def __init__(self, service, count=8):
        self.service = service
        self.acknowledged = []
        self.refused = []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(i,)) for i in range(count)]
        for thread in self.threads:
            thread.start()

    def _run(self, number):
        import http.client

        rng = random.Random(number)
        words = {"Positive": "good", "Negative": "bad", "Neutral": "table"}
        connection = None
        serial = 0
        while not self.stop.is_set():
            label = rng.choice(list(words))
            serial += 1
            name = f"{number}-{serial}-{uuid.uuid4()}"
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=100)
                connection.request("POST", "/reviews", json.dumps({"user_name": name, "review": words[label]}))
                answer = connection.getresponse()
                answer.read()
                (self.acknowledged if answer.status == 200 else self.refused).append((name, label))
                if answer.getheader("Connection") == "close":
                    connection = None
            except OSError:
                connection = None
                time.sleep(0.01)
            except http.client.HTTPException:
                connection = None

    def join(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def mails_and_positives(service):
    return len(service.mails()), sum(1 for row in service.rows() if row[3] == "Positive")


def assert_promise_kept(service, acknowledged):
    """Every acknowledged review is stored once, and there are exactly as many mails as Positive reviews. With DynamoDB,
    what was under way at a kill may still arrive: both are counted until they agree."""
    assert set(acknowledged) <= {(row[0], row[3]) for row in service.rows()}
    wait_until(lambda: len(set(mails_and_positives(service))) == 1 and service.outbox() == [],
               lambda: f"as many mails as positives ({mails_and_positives(service)}, {service.log[-20:]})")
    stored = [(row[0], row[3]) for row in service.rows()]
    assert len(stored) == len(set(stored))


def test_kill_at_any_instant_loses_nothing(make_service, tmp_path):
    rng = random.Random(4711)
    acknowledged = []
    for _ in range(6):
        service = make_service(tmp_path)
        posters = Posters(service)
        enough = rng.randint(1, 200)
        wait_until(lambda: len(posters.acknowledged) >= enough)
        service.kill()
        posters.join()
        acknowledged += posters.acknowledged
    service = make_service(tmp_path)
    assert_promise_kept(service, acknowledged)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_orderly_stop_under_load(make_service, tmp_path, signum):
    service = make_service(tmp_path)
    posters = Posters(service)
    wait_until(lambda: len(posters.acknowledged) > 50)
    assert service.stop(signum) == 0
    posters.join()
    assert service.lines("stopped")
    service = make_service(tmp_path)
    assert_promise_kept(service, posters.acknowledged)


def test_orderly_stop_mails_what_is_due(make_service):
    service = make_service()
    for _ in range(100):
        assert service.post(EXAMPLE)[0] == 200
    assert service.stop() == 0
    assert len(service.mails()) == 100
    assert not service.lines("mails are left for the next start")


def test_orderly_stop_tells_of_mails_that_are_left(make_service):
    service = make_service()
    service.mail.joinpath("tmp").rmdir()
    service.mail.joinpath("tmp").write_text("no folder")
    for _ in range(3):
        assert service.post(EXAMPLE)[0] == 200
    wait_until(lambda: service.metric("reviewd_mail_paused") == 1, "the pause")
    assert service.stop() == 0
    [line] = service.lines("mails are left for the next start")
    assert line["mails"] == 3


def test_drain_announces_itself_and_serves_on(make_service):
    service = make_service(REVIEWD_DRAIN_DELAY="2s")
    service.process.send_signal(signal.SIGTERM)
    wait_until(lambda: service.request("GET", "/readyz")[0] == 503)
    assert service.request("GET", "/healthz")[0] == 200
    status, headers, _ = service.post(EXAMPLE)
    assert (status, headers["Connection"]) == (200, "close")
    assert service.process.wait(100) == 0
    assert len(service.rows()) == 1


def test_idle_connections_do_not_hold_the_stop(make_service):
    service = make_service()
    with service.connect() as idle, service.connect() as half:
        half.sendall(b"POST /revi")
        begun = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - begun < 30
        assert read_all(idle) in (b"<closed>", b"<reset>")


def test_request_under_way_holds_the_stop_until_its_limit(make_service):
    service = make_service(REVIEWD_DRAIN_TIMEOUT="1s")
    with service.connect() as slow:
        slow.sendall(b"POST /reviews HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab")
        wait_until(lambda: service.metric("reviewd_request_bytes_total") >= 2)
        begun = time.monotonic()
        assert service.stop() == 0
        assert 0.75 < time.monotonic() - begun < 30  # a part of it is for the store's close


@pytest.mark.parametrize("pause", [0.2, 4])
def test_request_finished_during_the_drain_is_answered_and_mailed(make_service, pause):
    service = make_service(REVIEWD_DRAIN_TIMEOUT="20s")
    body = json.dumps(EXAMPLE).encode()
    with service.connect() as slow:
        slow.sendall(b"POST /reviews HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:5])
        wait_until(lambda: service.metric("reviewd_request_bytes_total") >= 5)
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: service.lines("stopping"))
        time.sleep(pause)
        slow.sendall(body[5:])
        answer = read_all(slow)
    assert b"HTTP/1.1 200 OK" in answer and b"Connection: close" in answer
    assert service.process.wait(100) == 0
    assert len(service.mails()) == 1


def test_new_requests_during_the_drain_are_refused(make_service):
    service = make_service(REVIEWD_DRAIN_TIMEOUT="20s")
    body = json.dumps(EXAMPLE).encode()
    request = b"POST /reviews HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    with service.connect() as slow, service.connect() as kept:
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert kept.recv(1000).startswith(b"HTTP/1.1 200")
        slow.sendall(request + body[:5])
        wait_until(lambda: service.metric("reviewd_request_bytes_total") >= 5)
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: service.lines("stopping"))
        time.sleep(0.3)
        kept.sendall(request + body)
        answer = read_all(kept)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1" in answer and b"Connection: close" in answer and answer.endswith(b"<closed>")
        slow.sendall(body[5:])
        assert read_all(slow).startswith(b"HTTP/1.1 200 OK")
    assert service.process.wait(100) == 0
    assert len(service.rows()) == 1


@pytest.mark.parametrize("count", [1, 20])
def test_what_is_in_hand_at_the_end_of_the_drain_gets_504(make_service, count):
    """Not 503, which would promise that it is not stored: the lock goes away while the store closes."""
    service = make_service(REVIEWD_DRAIN_TIMEOUT="1s", REVIEWD_MAIL="none")
    body = json.dumps(EXAMPLE).encode()
    clients = [service.connect() for _ in range(count)]
    with service.store.stalled():
        for client in clients:
            client.sendall(b"POST /reviews HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        wait_until(lambda: service.metric("reviewd_request_bytes_total") >= count * len(body), "the requests")
        service.process.send_signal(signal.SIGTERM)
        answers = [read_all(client) for client in clients]
    for client in clients:
        client.close()
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 504 ") and b"Connection: close" in answer
    assert service.process.wait(100) == 0
    assert [line["resourcePath"] for line in service.lines("request")].count("/reviews") == count


@pytest.mark.stores("dynamodb")
def test_a_silent_table_does_not_hold_the_stop(make_service):
    """Mails that were left behind are being looked for, which is all that happens; and its end is no fault."""
    service = make_service(start=False, REVIEWD_DRAIN_TIMEOUT="10s")
    with service.store.stalled():
        service.start()
        time.sleep(0.2)  # so that the look is most likely under way; the promise holds in any case
        begun = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - begun < 10
    assert {json.loads(line)["level"] for line in service.log} == {"info"}, service.log


@pytest.mark.stores("dynamodb")
def test_a_silent_table_with_requests_in_hand_does_not_hold_the_stop(make_service):
    """Each part of the end waits for the table: requests, what was sent, puts, leases; together no longer than they may."""
    service = make_service(REVIEWD_DRAIN_TIMEOUT="12s")
    body = json.dumps(EXAMPLE).encode()
    assert service.post(body)[0] == 200
    clients = [service.connect() for _ in range(5)]
    with service.store.stalled():
        for client in clients:
            client.sendall(b"POST /reviews HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        wait_until(lambda: service.metric("reviewd_request_bytes_total") >= 6 * len(body), "the requests")
        begun = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - begun < 12
    for client in clients:
        assert read_all(client).startswith(b"HTTP/1.1 504 ")
        client.close()


@pytest.mark.parametrize("listen, advice", [("192.0.2.1:8080", "no such address"), ("127.0.0.1:1x", "not allowed")])
def test_address_that_cannot_be_had(make_service, listen, advice):
    service = make_service(start=False, REVIEWD_LISTEN=listen)
    service.launch()
    assert service.process.wait(100) in (1, 2)
    service.reader.join(10)
    assert any(advice in line and "REVIEWD_LISTEN" in line for line in service.log), service.log


@sqlite
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_full_queue_is_503_at_once(make_service, limit):
    """While the store cannot write, `limit` puts wait (besides the one in hand); the next is refused at once."""
    service = make_service(REVIEWD_QUEUE_LIMIT=limit, REVIEWD_MAIL="none")
    body = json.dumps(EXAMPLE).encode()
    request = b"POST /reviews HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    clients = [service.connect() for _ in range(limit + 2)]
    with service.store.stalled():
        for number, client in enumerate(clients[:-1]):
            client.sendall(request)
            # The first one is in hand, the others wait.
            wait_until(lambda: service.metric("reviewd_request_bytes_total") >= (number + 1) * len(body))
            wait_until(lambda: service.metric("reviewd_store_queue_length") == number, f"{number} that wait")
        clients[-1].sendall(request)
        answer = clients[-1].recv(1000)
        assert answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After: 1" in answer
        for client in clients[:-1]:
            client.setblocking(False)
            with pytest.raises(BlockingIOError):
                client.recv(1)
            client.setblocking(True)
    answers = [client.recv(1000) for client in clients[:-1]]
    for client in clients:
        client.close()
    assert len(service.rows()) == sum(answer.startswith(b"HTTP/1.1 200") for answer in answers)


@sqlite
@traced
def test_answer_that_comes_too_late_is_504(make_service, tmp_path):
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:delay_enter=2500000:when=3+"]
    plain = make_service(tmp_path)
    plain.stop()
    service = make_service(tmp_path, wrapper=strace, REVIEWD_REQUEST_TIMEOUT="1s", REVIEWD_MAIL="none")
    answers = [service.post(EXAMPLE) for _ in range(5)]
    late = [answer for answer in answers if answer[0] == 504]
    assert late, [answer[0] for answer in answers]
    assert late[0][2] == '{"message": "Endpoint request timed out"}'
    assert {answer[0] for answer in answers} <= {200, 503, 504}
    wait_until(lambda: service.metric("reviewd_answers_late_total") >= 1)


def test_second_signal_ends_at_once(make_service):
    service = make_service(REVIEWD_DRAIN_DELAY="30s", REVIEWD_DRAIN_TIMEOUT="40s")
    service.process.send_signal(signal.SIGTERM)
    wait_until(lambda: service.lines("stopping"))
    begun = time.monotonic()
    assert service.stop(signal.SIGINT) == 128 + signal.SIGINT
    assert time.monotonic() - begun < 20


def test_blocked_standard_error_blocks_nobody(make_service):
    port = free_port()
    service = make_service(start=False, REVIEWD_LISTEN=f"127.0.0.1:{port}")
    reader, writer = os.pipe()
    try:
        service.launch(stderr=writer)
        os.close(writer)
        service.port = port

        def is_up():
            try:
                return service.request("GET", "/healthz")[0] == 200
            except OSError:
                return False

        wait_until(is_up)
        # Far more than the pipe and the ring of the log hold.
        with service.connect() as connection:
            request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
            for _ in range(80):
                connection.sendall(request * 100)
                received = b""
                while received.count(b"HTTP/1.1 200") < 100 or not received.endswith(b"}"):
                    received += connection.recv(65536)
        assert service.metric("reviewd_log_lines_dropped_total") > 0
        assert service.stop() == 0
    finally:
        os.close(reader)


def test_clients_that_go_away_do_no_harm(make_service):
    service = make_service()
    body = json.dumps(EXAMPLE).encode()
    for _ in range(200):
        with service.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(b"POST /reviews HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert service.post(EXAMPLE)[0] == 200
    assert service.stop() == 0


def test_open_files_run_out_and_come_back(make_service):
    service = make_service(REVIEWD_CONNECTIONS_PER_ADDRESS=0)
    wait_until(lambda: service.post(EXAMPLE)[0] == 200)
    used = len(os.listdir(f"/proc/{service.process.pid}/fd"))
    subprocess.run(["prlimit", "--pid", str(service.process.pid), f"--nofile={used + 4}:{used + 4}"], check=True)
    held = [service.connect() for _ in range(20)]
    time.sleep(0.3)
    for connection in held:
        connection.close()
    wait_until(lambda: service.post(EXAMPLE)[0] == 200, "service after the files came back")
    assert service.stop() == 0


def test_idle_connections_leave_files_for_store_and_mail(make_service):
    service = make_service(wrapper=["prlimit", "--nofile=64:64"])
    assert service.lines("the limit of open files allows fewer connections than REVIEWD_CONNECTION_LIMIT")
    client = http.client.HTTPConnection("127.0.0.1", service.port, timeout=100)
    client.connect()
    client.request("GET", "/healthz")
    client.getresponse().read()
    held = [service.connect() for _ in range(100)]
    time.sleep(0.3)
    for count in range(1, 4):
        client.request("POST", "/reviews", json.dumps(EXAMPLE))
        answer = client.getresponse()
        assert (answer.status, bool(answer.read())) == (200, True)
        wait_until(lambda: len(os.listdir(service.mail / "new")) == count)
    assert not service.lines("mails are paused")
    for connection in held:
        connection.close()
    client.close()
    assert service.stop() == 0


def test_limit_of_open_files_is_raised_for_the_connections(make_service):
    service = make_service(wrapper=["prlimit", "--nofile=64:8192"])
    limits = Path(f"/proc/{service.process.pid}/limits").read_text()
    soft = int(next(line.split()[3] for line in limits.splitlines() if line.startswith("Max open files")))
    assert 1024 < soft < 8192
    assert not service.lines("the limit of open files allows fewer connections than REVIEWD_CONNECTION_LIMIT")


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True
    ).returncode:
        pytest.skip("needs root to mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    """Takes all the space that is left."""
    with open(folder / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(65536))
        except OSError:
            pass
        try:
            while True:
                filler.write(bytes(512))
        except OSError:
            pass


def post_until(service, status, document=EXAMPLE, seconds=100):
    """Posts until the status is answered; the number of 200s on the way."""
    accepted = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got, headers, _ = service.post(document)
        assert got in (200, 503)
        accepted += got == 200
        if got == status:
            if got == 503:
                assert headers["Retry-After"]
            return accepted
    raise AssertionError(f"no {status}")


@sqlite
def test_full_disk(make_service, small_disk, tmp_path):
    """The store's disk fills up: 503, nothing acknowledged is lost, and it goes on when there is space again."""
    service = make_service(small_disk)
    accepted = post_until(service, 200)
    fill(small_disk)
    accepted += post_until(service, 503, {"user_name": "a", "review": "good " * 2000})
    assert service.request("GET", "/healthz")[0] == 200
    status, _, body = service.request("GET", "/readyz")
    assert status == 503 and "full" in json.loads(body)["message"].lower()
    (small_disk / "filler").unlink()
    accepted += post_until(service, 200)
    assert service.request("GET", "/readyz")[0] == 200
    wait_until(lambda: len(service.mails()) == accepted, "a mail for each review")
    assert service.stop() == 0
    assert len(service.rows()) == accepted


def test_full_mail_disk(make_service, small_disk, tmp_path):
    """Only the mail folder's disk is full: reviews are taken, mails go out when there is space again."""
    service = make_service(tmp_path, REVIEWD_MAIL=f"maildir:{small_disk}/mail")
    service.mail = small_disk / "mail"
    fill(small_disk)
    for _ in range(3):
        assert service.post(EXAMPLE)[0] == 200
    wait_until(lambda: service.metric("reviewd_mail_paused") == 1)
    (small_disk / "filler").unlink()
    wait_until(lambda: len(service.mails()) == 3, "three mails")
    wait_until(lambda: service.metric("reviewd_mail_paused") == 0)


@sqlite
def test_read_only_disk(make_service, small_disk):
    service = make_service(small_disk, REVIEWD_MAIL="none")
    accepted = post_until(service, 200)
    if subprocess.run(["mount", "-o", "remount,ro", small_disk], capture_output=True).returncode:
        pytest.skip("the file system cannot be made read-only while it is in use")
    accepted += post_until(service, 503)
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    accepted += post_until(service, 200)
    assert len(service.rows()) == accepted


@sqlite
def test_locked_database(make_service):
    service = make_service()
    accepted = post_until(service, 200)
    with service.store.stalled():
        accepted += post_until(service, 503)
    accepted += post_until(service, 200)
    assert len(service.rows()) == accepted


def run(*arguments, **environment):
    return subprocess.run(
        [BINARY, *arguments],
        env={"PATH": os.environ["PATH"], **{k: v for k, v in os.environ.items() if "SAN_OPTIONS" in k}, **environment},
        capture_output=True,
        text=True,
        timeout=100,
    )


@sqlite
def test_only_owner_and_group_may_read(make_service, tmp_path):
    service = make_service(tmp_path)
    assert service.post(EXAMPLE)[0] == 200
    files = [path for path in tmp_path.iterdir() if path.name.startswith("reviews.db")]
    assert len(files) == 4
    assert all(path.stat().st_mode & 0o007 == 0 for path in files), files
    assert service.mail.stat().st_mode & 0o007 == 0


@sqlite
def test_second_process_on_the_same_database_is_refused(make_service, tmp_path):
    make_service(tmp_path)
    second = run("serve", REVIEWD_LISTEN="127.0.0.1:0", REVIEWD_STORE=f"sqlite:{tmp_path}/reviews.db")
    assert second.returncode == 1
    assert "reviews.db" in second.stderr
    assert len(second.stderr.splitlines()) == 1


def test_port_in_use(make_service, tmp_path):
    service = make_service(tmp_path)
    second = run(
        "serve",
        REVIEWD_LISTEN=f"127.0.0.1:{service.port}",
        REVIEWD_STORE=f"sqlite:{tmp_path}/other.db",
        REVIEWD_MAIL="none",
    )
    assert second.returncode == 1
    assert "another program uses it" in second.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "name, value",
    [
        ("REVIEWD_LISTEN", "nonsense"),
        ("REVIEWD_BODY_LIMIT", "0"),
        ("REVIEWD_REQUEST_TIMEOUT", "soon"),
        ("REVIEWD_STORE", "mysql:x"),
        ("REVIEWD_MAIL", "pigeon:x"),
        ("REVIEWD_POSITIVE_ABOVE", "2"),
    ],
)
def test_wrong_setting_stops_the_start(tmp_path, name, value):
    result = run("serve", **{"REVIEWD_STORE": f"sqlite:{tmp_path}/x.db", "REVIEWD_MAIL": "none", name: value})
    assert result.returncode in (1, 2)
    assert name in result.stderr and value in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    result = run(
        "serve", REVIEWD_LISTEN="127.0.0.1:0", REVIEWD_STORE=f"sqlite:{tmp_path}/file/x.db", REVIEWD_MAIL="none"
    )
    assert result.returncode == 1
    assert str(tmp_path / "file") in result.stderr
    assert len(result.stderr.splitlines()) == 1
