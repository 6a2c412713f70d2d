"""Connections whose clients go away, pause or are too many, and bodies that nobody wants."""

import signal
import socket
import struct
import time

import pytest

from service import EXAMPLE, read_all, wait_until

HEAD = b"POST /reviews HTTP/1.1\r\nHost: a\r\n"
ABORTED = "reviewd_requests_aborted_total"
OPEN = "reviewd_connections_open"


def close(connection):
    connection.close()


def half_close(connection):
    connection.shutdown(socket.SHUT_WR)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("leave", [close, half_close, reset])
@pytest.mark.parametrize("frozen", [False, True], ids=["later", "at once"])
def test_clients_that_go_away_are_noticed(service, leave, frozen):
    beginnings = [
        HEAD + b"Content-Length: 1000\r\n\r\n" + b"a" * 500,
        HEAD + b"Content-Length: 1000\r\n\r\n",
        HEAD + b"Content-Length: 100000\r\n\r\n" + b"a" * 500,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1000\r\naaa",
        HEAD,
        HEAD[:10],
        b"",
    ] * 2
    connections = [service.connect() for _ in beginnings]
    wait_until(lambda: service.metric(OPEN) == len(beginnings) + 1, "all connections")
    if frozen:  # the service sees bytes and end together
        service.process.send_signal(signal.SIGSTOP)
    for connection, data in zip(connections, beginnings):
        connection.sendall(data)
    if not frozen:
        time.sleep(0.5)
    for connection in connections:
        leave(connection)
    if frozen:
        service.process.send_signal(signal.SIGCONT)
    wait_until(lambda: service.metric(OPEN) == 1, "the connections' end")
    begun = sum(data.startswith(HEAD) for data in beginnings)
    # What is reset together with its bytes is gone before it is read.
    assert service.metric(ABORTED) == begun or (frozen and leave is reset)
    assert service.metric("reviewd_connections_cut_total") == 0
    assert service.post(EXAMPLE)[0] == 200


@pytest.mark.stores("sqlite")
def test_a_client_that_only_ends_its_side_gets_its_answer(service):
    with service.store.stalled(), service.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 22\r\n\r\n" + b'{"review":"very nice"}')
        connection.shutdown(socket.SHUT_WR)
        answer = read_all(connection)
    # Given up by the store after 2 s, in which the reaper has come by.
    assert answer.startswith(b"HTTP/1.1 503 ") and answer.endswith(b"<closed>")
    assert service.metric(ABORTED) == 0


@pytest.mark.parametrize("head", [b"Content-Length: 30\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n1e\r\n"])
def test_a_short_keep_alive_does_not_cut_pauses_in_a_body(make_service, head):
    service = make_service(REVIEWD_KEEPALIVE="1s")
    body = b'{"review":"this is very good"}'
    with service.connect() as connection:
        connection.sendall(HEAD + head + body[:10])
        time.sleep(3.5)
        connection.sendall(body[10:] + (b"\r\n0\r\n\r\n" if b"chunked" in head else b""))
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"<closed>")  # idle by then
    assert service.metric("reviewd_connections_cut_total") == 0


def test_a_short_keep_alive_does_not_cut_pauses_in_a_head(make_service):
    service = make_service(REVIEWD_KEEPALIVE="3s")
    with service.connect() as connection:
        for _ in range(2):
            connection.sendall(b"GET /healthz HTTP/1.1\r\n")
            time.sleep(4.5)
            connection.sendall(b"Host: a\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
            time.sleep(0.1)
            connection.sendall(b"GET /he")
            time.sleep(4.5)
            connection.sendall(b"althz HTTP/1.1\r\nHost: a\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_a_short_keep_alive_closes_idle_connections(make_service):
    service = make_service(REVIEWD_KEEPALIVE="1s")
    with service.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        start = time.monotonic()
        answer = read_all(connection)
        assert answer.endswith(b"<closed>")
        assert 1 <= time.monotonic() - start < 20
    assert service.metric("reviewd_connections_cut_total") == 0


MIB = 1024 * 1024
LIMIT = 65536
CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"


def post_blindly(connection, head, parts):
    """Sends all before it reads, as simple clients do: the answer, or None when it was not to be had."""
    try:
        connection.sendall(head)
        for part in parts:
            connection.sendall(part)
        return read_all(connection, done=lambda received: received.endswith(b"}"))
    except (BrokenPipeError, ConnectionResetError):
        return None


def chunked(size):
    """The head and the parts of a chunked body of `size` bytes, a multiple of 64 KiB."""
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n", [CHUNK] * (size // 65536) + [b"0\r\n\r\n"]


def announced(size):
    return HEAD + b"Content-Length: %d\r\n\r\n" % size, [b"x" * 65536] * (size // 65536) + [b"x" * (size % 65536)]


@pytest.mark.parametrize("framed", [chunked, announced])
@pytest.mark.parametrize("size", [2 * LIMIT, 16 * MIB, LIMIT + 32 * MIB])
def test_a_body_over_the_limit_is_read_so_that_413_is_seen(make_service, framed, size):
    service = make_service(REVIEWD_REQUEST_TIMEOUT="5m")
    with service.connect() as connection:
        answer = post_blindly(connection, *framed(size))
        assert answer.startswith(b"HTTP/1.1 413 ") and b"RequestTooLargeException" in answer
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")  # it is still in step
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_never_ends_is_cut_off(service):
    head, parts = chunked(LIMIT + 64 * MIB)
    with service.connect() as connection:
        assert post_blindly(connection, head, parts) in (None, b"<reset>", b"<closed>")
    assert service.metric("reviewd_request_bytes_total") <= LIMIT + 33 * MIB
    wait_until(lambda: any(line["status"] == 413 for line in service.lines("request")))
    assert service.memory_kib() < 100 * 1024


@pytest.mark.parametrize("more", [b"", b"Expect: 100-continue\r\n"])
def test_a_body_announced_beyond_what_is_dropped_is_answered_at_once(service, more):
    size = 16 * MIB if more else LIMIT + 32 * MIB + 1
    with service.connect() as connection:
        connection.sendall(HEAD + more + b"Content-Length: %d\r\n\r\n" % size)
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 413 ") and answer.endswith(b"<closed>")


REFUSED = [
    (b"POST /reviews", b"Content-Length: 65537", 413, b"RequestTooLargeException", b"", b"Request Too Long"),
    (b"POST /nothing", b"Content-Length: 5", 404, b"ResourceNotFoundException", b"", b"Not Found"),
    (b"PUT /reviews", b"Content-Length: 5", 405, b"MethodNotAllowedException", b"Allow: POST\r\n", b"Method Not Allowed"),
    (b"PUT /reviews", b"Transfer-Encoding: chunked", 405, b"MethodNotAllowedException", b"Allow: POST\r\n",
     b"Method Not Allowed"),
    (b"HEAD /nothing", b"Content-Length: 5", 404, b"ResourceNotFoundException", b"", b""),
]


@pytest.mark.parametrize("start, framing, status, error, more, message", REFUSED)
@pytest.mark.parametrize("sent", [b"", b"5\r\na"], ids=["nothing", "some"])
def test_a_refusal_is_told_when_the_body_does_not_come(service, start, framing, status, error, more, message, sent):
    with service.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        begun = time.monotonic()
        connection.sendall(start + b" HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n" + sent)
        answer = read_all(connection)
        assert time.monotonic() - begun < 10  # and not the deadline of 29 s
        assert answer.startswith(b"HTTP/1.1 %d " % status) and answer.count(b"HTTP/1.1") == 1
        assert b"\r\nConnection: close\r\n" in answer and b"\r\nx-amzn-RequestId: " in answer
        assert b"\r\nx-amzn-ErrorType: %s\r\n" % error in answer and more in answer
        assert answer.endswith((b'\r\n\r\n{"message":"%s"}' % message if message else b"\r\n\r\n") + b"<closed>")
        connection.sendall(b"x" * 3)  # it is read on: no reset takes the answer away
    line = wait_until(lambda: [line for line in service.lines("request") if line["status"] == status])[0]
    assert line["latency"] < 20000
    wait_until(lambda: service.metric(OPEN) == 1, "the connection's end")
    assert service.metric(ABORTED) == 0 and service.metric("reviewd_connections_cut_total") == 0


def test_a_refusal_is_told_at_the_deadline_to_a_client_that_trickles(make_service):
    service = make_service(REVIEWD_REQUEST_TIMEOUT="2s")
    with service.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % MIB)
        connection.settimeout(0.2)
        answer, begun = b"", time.monotonic()
        while not answer and time.monotonic() - begun < 20:
            connection.send(b"x")
            try:
                answer = connection.recv(1000)
            except TimeoutError:
                pass
    assert answer.startswith(b"HTTP/1.1 413 ") and b"Connection: close" in answer


def test_a_refused_body_that_trickles_is_cut_at_the_deadline(make_service):
    service = make_service(REVIEWD_REQUEST_TIMEOUT="1s")
    with service.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % MIB)
        connection.settimeout(0.05)
        begun = time.monotonic()
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while time.monotonic() - begun < 100:
                connection.send(b"x")
                time.sleep(0.05)
    assert service.metric("reviewd_connections_cut_total") == 1


GET = b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("rubbish", [
    b"GET /livez\0?" + b"&" * 2000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /livez\0HTTP/1.1\0?" + b"&" * 2000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: a\r\nCookie: " + b"a=b; " * 900 + b"\r\n\r\n",
])
def test_heads_that_are_too_much_for_the_library_are_forgotten(make_service, rubbish):
    """However it ends them, nothing of them is left that an orderly stop would wait for."""
    service = make_service(REVIEWD_REQUEST_TIMEOUT="1s", REVIEWD_KEEPALIVE="1s")
    for _ in range(3):
        with service.connect() as connection:
            connection.sendall(rubbish)
    wait_until(lambda: service.metric("reviewd_connections_open") == 1, "the connections' end")
    wait_until(lambda: service.metric("reviewd_requests_aborted_total") == 3, "the requests' end")
    assert service.stop() == 0
    assert service.lines("stopped") and not [line for line in service.log if "still under way" in line], service.log


def test_health_is_answered_when_all_connections_are_taken(make_service):
    service = make_service(REVIEWD_CONNECTION_LIMIT=4, REVIEWD_THREADS=2)
    held = [service.connect() for _ in range(4)]
    for connection in held:
        connection.sendall(GET % b"/healthz")
        assert b"Connection: close" not in connection.recv(1000)
    for _ in range(20):  # more than there are in reserve: each is given back
        for path in (b"/healthz", b"/readyz", b"/prod/healthz", b"/metrics"):
            answer = service.raw(GET % path)
            assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"<closed>")
            assert b"Connection: close" in answer
    answer = service.raw(HEAD + b"Content-Length: 22\r\n\r\n" + b'{"review":"very nice"}')
    assert answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After: 1" in answer and answer.endswith(b"<closed>")
    assert service.raw(GET % b"/nothing").startswith(b"HTTP/1.1 404 ")
    assert service.metric("reviewd_connections_extra_total") == 83
    held.pop().close()
    wait_until(lambda: service.post(EXAMPLE)[0] == 200)
    for connection in held:  # these were served all the time
        connection.sendall(GET % b"/healthz")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        connection.close()


def test_the_reserve_is_small_and_comes_back(make_service):
    service = make_service(REVIEWD_CONNECTION_LIMIT=4, REVIEWD_THREADS=2)
    silent = [service.connect() for _ in range(40)]
    begun = time.monotonic()
    assert service.request("GET", "/healthz")[0] == 200  # waits behind them all
    assert 2 < time.monotonic() - begun < 60
    for connection in silent:
        connection.close()
