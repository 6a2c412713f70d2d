"""The server's manners: routes, heads it must refuse, limits, deadlines, access log."""

import contextlib
import json
import socket
import time
import uuid

import pytest

from service import EXAMPLE, EXAMPLE_ANSWER, read_all, wait_until

BODY = json.dumps(EXAMPLE).encode()


def test_health(service):
    for path in ["/healthz", "/readyz", "/prod/healthz", "/metrics"]:
        assert service.request("GET", path)[0] == 200
    status, headers, body = service.request("HEAD", "/healthz")
    assert (status, body) == (200, "")
    assert headers["Content-Length"] == "15"


def test_metrics_are_prometheus_text(service):
    service.post(EXAMPLE)
    service.post("x")
    status, headers, text = service.request("GET", "/metrics")
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    seen = set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            seen.add(line.split()[2])
        elif not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            float(value)
            family = name.split("{")[0]
            base = [family, *[family.removesuffix(s) for s in ("_bucket", "_sum", "_count")]]
            assert any(b in seen for b in base), line
    assert service.requests_counted("/reviews", "POST", 200) == 1
    assert service.requests_counted("/reviews", "POST", 400) == 1
    assert service.metric("reviewd_reviews_refused_total") == 1
    for histogram in ["reviewd_scoring_seconds", "reviewd_commit_seconds"]:
        assert service.metric(histogram + "_count") == 1


def test_unknown_path_and_method(service):
    status, headers, body = service.request("GET", "/nothing")
    assert (status, body) == (404, '{"message":"Not Found"}')
    assert headers["x-amzn-ErrorType"] == "ResourceNotFoundException"
    status, headers, body = service.request("DELETE", "/reviews")
    assert (status, headers["Allow"], body) == (405, "POST", '{"message":"Method Not Allowed"}')
    assert service.request("POST", "/healthz")[1]["Allow"] == "GET, HEAD"
    assert service.request("POST", "/nothing", "x" * 1000)[0] == 404
    assert service.requests_counted("/reviews", "other", 405) == 1
    assert service.requests_counted("/healthz", "other", 405) == 1
    wait_until(lambda: service.requests_counted("none", "none", 404) == 2)


def test_request_id(service):
    mine = str(uuid.uuid4())
    assert service.request("GET", "/healthz", headers={"x-amzn-RequestId": mine})[1]["x-amzn-RequestId"] == mine
    for wrong in ["x", mine[:-1], mine + "0", mine.replace("-", "x")]:
        answered = service.request("GET", "/healthz", headers={"x-amzn-RequestId": wrong})[1]["x-amzn-RequestId"]
        assert answered != wrong
        assert uuid.UUID(answered)


def head(*lines, request=b"POST /reviews HTTP/1.1"):
    return b"\r\n".join([request, *lines, b"", b""])


LENGTH = b"Content-Length: %d" % len(BODY)


@pytest.mark.parametrize(
    "data",
    [
        head(LENGTH) + BODY,
        head(b"Host: a", b"Host: a", LENGTH) + BODY,
        head(b"Host: a b", LENGTH) + BODY,
        head(b"Host: a/b", LENGTH) + BODY,
        *[head(b"Host: " + host, LENGTH) + BODY
          for host in (b"[::1", b"[[", b"[]", b"[::1]x", b":", b":80", b"a:b", b"a:65536", b"a:80:80", b"%zz", b"a%4")],
        head(b"Host: a", LENGTH, b"Transfer-Encoding: chunked") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
        head(b"Host: a", LENGTH, LENGTH) + BODY,
        head(b"Host: a", LENGTH, b"Content-Length: 1") + BODY,
        head(b"Host: a", b"Transfer-Encoding: gzip, chunked") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
        head(b"Host: a", b"Transfer-Encoding: identity") + BODY,
        *[head(b"Host: a", b"Transfer-Encoding: chunked" + blank) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
          for blank in (b" ", b"\t")],
        head(b"Host: a", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
        head(b"Host: a", b"Transfer-Encoding: chunked", request=b"POST /reviews HTTP/1.0") + b"0\r\n\r\n",
        head(b"Host: a", LENGTH, b"X: a\0b") + BODY,
        head(b"Host: a", b"X: a\0b", LENGTH) + BODY,
        head(b"Host: a", LENGTH, b"X: a\x01b") + BODY,
        head(b"Host: a", LENGTH, b"X: a\rb") + BODY,
        head(b"Host: a", LENGTH, b"X: a\x7fb") + BODY,
        head(b"Host: a", LENGTH, b"X(Y: a") + BODY,
        head(b"Host: a", LENGTH, b"X : a") + BODY,
        head(b"Host: a", LENGTH, b" folded: a") + BODY,
        head(b"Host: a", LENGTH, b"X: a", b" folded") + BODY,
        head(b"Host: a", LENGTH, b": nameless") + BODY,
        head(b"Host: a", LENGTH, request=b"POST /reviews\0x HTTP/1.1") + BODY,
        head(b"Host: a", LENGTH, request=b"POST /reviews%00 HTTP/1.1") + BODY,
        head(b"Host: a", LENGTH, request=b"POST /reviews%00/x HTTP/1.1") + BODY,
        head(b"Host: a", LENGTH, request=b"POST /reviews?x=%00 HTTP/1.1") + BODY,
        head(b"Host: a", LENGTH, request=b"POST /reviews x HTTP/1.1") + BODY,
        head(b"Host: a", LENGTH, request=b"POST /reviews?\x01 HTTP/1.1") + BODY,
        head(b"Host: a", LENGTH, request=b"PO\x01ST /reviews HTTP/1.1") + BODY,
        head(b"Host: a", LENGTH, request=b"PO(ST /reviews HTTP/1.1") + BODY,
    ],
)
def test_ambiguous_heads_are_refused_and_the_connection_closed(service, data):
    answer = refused(service, data, 400)
    assert answer.count(b"HTTP/1.1 400 ") == 1 and b"x-amzn-RequestId: " in answer


@pytest.mark.parametrize(
    "data",
    [
        head(b"Host: a", LENGTH, b"No colon") + BODY,
        head(b"Host: a", LENGTH, b"X\0: a") + BODY,
        head(b"Host: a", b"Content-Length: +%d" % len(BODY)) + BODY,
        head(b"Host: a", b"Content-Length: -1") + BODY,
        head(b"Host: a", b"Content-Length: 0x10") + BODY,
        head(b"Host: a", b"Content-Length: %d, %d" % (len(BODY), len(BODY))) + BODY,
        head(b"Host: a", b"Content-Length:") + BODY,
        head(b"Host: a", b"Content-Length: %d " % len(BODY)) + BODY,
    ],
)
def test_heads_that_the_library_refuses(service, data):
    """It answers by itself, 0.9.75 with its head twice; what is to be known of the request is in the log all the same."""
    refused(service, data, 0)


def refused(service, data, logged):
    """The answer to a head that must not be taken, and that leaves a line with the status `logged`."""
    answer = service.raw(data)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert answer.endswith((b"<closed>", b"<reset>"))
    assert b" 200 " not in answer
    assert service.rows() == []
    line = wait_until(lambda: service.lines("request"))[0]
    assert (line["ip"], line["status"]) == ("127.0.0.1", logged)
    return answer


@pytest.mark.parametrize(
    "data",
    [
        head(b"Host: a", LENGTH) + BODY,
        head(b"Host:", LENGTH) + BODY,
        head(b"Host: [::1]:8080", LENGTH) + BODY,
        head(b"Host: a:65535", LENGTH) + BODY,
        head(b"Host: a%41", LENGTH) + BODY,
        head(b"Host: a", LENGTH, b"X:", b"Y:  a\tb ") + BODY,
        head(b"Host: a", LENGTH, b"Cookie: a=b; c=d", b"Accept: */*") + BODY,
        head(b"Host: a", b"Transfer-Encoding: chunked") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
        head(b"Host: a", b"Transfer-Encoding: chunked") + b"%x;x=y\r\n%s\r\n0\r\nTrailer: z\r\n\r\n" % (len(BODY), BODY),
        head(LENGTH, request=b"POST /reviews HTTP/1.0") + BODY,
        head(b"Host: a", LENGTH, request=b"POST /prod/reviews?a=b&c HTTP/1.1") + BODY,
        *[head(b"Host: a", LENGTH, request=b"POST /reviews?" + query + b" HTTP/1.1") + BODY
          for query in (b"a&" * 480, b"a&" * 600, b"&" * 20000, b"a=" + b"b" * 20000, b"?", b"")],
        head(b"Host: a", LENGTH, request=b"POST /review%73 HTTP/1.1") + BODY,
        head(b"Host: a", LENGTH, request=b"POST http://a/reviews HTTP/1.1") + BODY,
        head(b"Host: a", LENGTH, request=b"POST HTTPS://a:8443/prod/reviews?a=%20 HTTP/1.1") + BODY,
        (head(b"Host: a", LENGTH) + BODY).replace(b"\r\n", b"\n"),
        b"\r\n" + head(b"Host: a", LENGTH) + BODY,
    ],
)
def test_sound_heads_are_served(service, data):
    answer = EXAMPLE_ANSWER.encode()
    assert answer in service.raw(data, done=lambda received: answer in received)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"\r\n" * 50000,
        b"A" * 100000,
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET  /  HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /reviews\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        head(b"Host: a", b"X: " + b"a" * 100000),
        head(b"Host: a", request=b"GET /" + b"a" * 100000 + b" HTTP/1.1"),
        head(b"Host: a", b"Transfer-Encoding: chunked") + b"zz\r\n",
        head(b"Host: a", b"Transfer-Encoding: chunked") + b"ffffffffffffffffff\r\n",
        head(b"Host: a", *[b"X-%d: 1" % i for i in range(101)]),
    ],
)
def test_rubbish_does_no_harm(service, data):
    with service.connect() as connection:
        try:
            connection.sendall(data)
            answer = read_all(connection, quiet=1)
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
    assert b" 200 " not in answer
    assert service.post(EXAMPLE)[0] == 200


@pytest.mark.parametrize(
    "data",
    [b"", b"rubbish\r\n\r\n", b"GET /reviews\r\n\r\n", b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", b"GET /" + b"a" * 40000],
)
def test_connections_without_a_request_are_counted(service, data):
    before = service.metric("reviewd_connections_unused_total")
    with service.connect() as connection, contextlib.suppress(OSError):  # it may be refused before its end
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    wait_until(lambda: service.metric("reviewd_connections_unused_total") == before + 1)


def test_pipelined_requests_are_answered_in_order(service):
    one = head(b"Host: a", LENGTH) + BODY
    all_three = one + head(b"Host: a", request=b"GET /nothing HTTP/1.1") + one
    answer = service.raw(all_three, done=lambda received: received.count(b"HTTP/1.1 ") == 3)
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404", b"200"]


def test_keep_alive(service):
    with service.connect() as connection:
        for _ in range(5):
            connection.sendall(head(b"Host: a", LENGTH) + BODY)
            assert EXAMPLE_ANSWER.encode() in connection.recv(4096)


def test_idle_connections_are_closed(make_service):
    service = make_service(REVIEWD_KEEPALIVE="1s")
    with service.connect() as connection:
        connection.sendall(head(b"Host: a", LENGTH) + BODY)
        assert read_all(connection).endswith(b"<closed>")


def trickle(connection, data, seconds):
    """Sends a byte every 50 ms until the other side closes; True when it did within `seconds`."""
    connection.settimeout(0.05)
    end = time.monotonic() + seconds
    for byte in data:
        try:
            connection.send(bytes([byte]))
            if connection.recv(1000) == b"":
                return True
        except TimeoutError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            return True
        if time.monotonic() > end:
            return False
    return False


@pytest.mark.parametrize(
    "data",
    [
        b"POST /reviews HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 10000,
        b"GET /" + b"a" * 10000,
        b"POST /reviews HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n" + b"a" * 9000,
    ],
)
def test_slow_clients_are_cut_off(make_service, data):
    service = make_service(REVIEWD_REQUEST_TIMEOUT="1s")
    with service.connect() as connection:
        assert trickle(connection, data, 100)
    assert service.metric("reviewd_connections_cut_total") == 1
    assert service.post(EXAMPLE)[0] == 200


def test_silent_connection_is_cut_off(make_service):
    service = make_service(REVIEWD_REQUEST_TIMEOUT="1s")
    with service.connect() as connection:
        assert read_all(connection) in (b"<closed>", b"<reset>")


def open_until_refused(service, most):
    """How many connections from one address are served at once."""
    held = []
    try:
        for _ in range(most):
            connection = service.connect()
            connection.settimeout(100)
            connection.sendall(head(b"Host: a", request=b"GET /healthz HTTP/1.1"))
            try:
                served = connection.recv(1000).startswith(b"HTTP/1.1 200")
            except ConnectionResetError:
                served = False
            held.append(connection)
            if not served:
                return len(held) - 1
        return len(held)
    finally:
        for connection in held:
            connection.close()


def test_connections_per_address(make_service):
    service = make_service(REVIEWD_CONNECTIONS_PER_ADDRESS=5)
    assert open_until_refused(service, 8) == 5
    wait_until(lambda: open_until_refused(service, 8) == 5, "the connections being free again")

    def refused():
        with contextlib.suppress(OSError):  # they may not be free yet
            return service.metric("reviewd_connections_refused_total")

    assert wait_until(refused) >= 2


def test_connections_that_come_at_once(make_service):
    service = make_service(REVIEWD_CONNECTIONS_PER_ADDRESS=5)
    served = []
    for _ in range(5):
        connections = [socket.socket() for _ in range(40)]
        for connection in connections:
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", service.port))
        answers = [read_all(connection, done=lambda got: b"200 OK" in got) for connection in ask_all(connections)]
        served.append(sum(b" 200 " in answer for answer in answers))
        for connection in connections:
            connection.close()
        wait_until(lambda: open_until_refused(service, 8) == 5, "the connections being free again")
    assert max(served) <= 5
    assert sum(served) >= 1  # what was opened to look may still be there in later rounds


def ask_all(connections):
    for connection in connections:
        connection.settimeout(20)
        with contextlib.suppress(OSError):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    return connections


def test_rate_limit(make_service):
    service = make_service(REVIEWD_RATE_LIMIT="0.01", REVIEWD_RATE_BURST=3)
    assert [service.post(EXAMPLE)[0] for _ in range(3)] == [200] * 3
    status, headers, body = service.post(EXAMPLE)
    assert (status, headers["Retry-After"], body) == (429, "1", '{"message":"Too Many Requests"}')
    assert headers["x-amzn-ErrorType"] == "TooManyRequestsException"
    assert service.request("GET", "/nothing")[0] == 429
    assert service.request("PUT", "/reviews")[0] == 429
    assert service.request("GET", "/healthz")[0] == 200
    assert service.requests_counted("/reviews", "POST", 429) == 1


def test_access_log(service):
    service.post({"user_name": "SecretName", "review": "secret words, great"}, "/prod/reviews")
    service.request("GET", "/no\"where%0A")
    wait_until(lambda: len(service.lines("request")) == 2)
    first, second = sorted(service.lines("request"), key=lambda line: line["status"])
    assert first["httpMethod"] == "POST"
    assert first["resourcePath"] == "/reviews"
    assert first["status"] == 200
    assert first["ip"] == "127.0.0.1"
    assert first["responseLength"] == len('"Processed as Positive (Score: 0.20)"')
    assert 0 <= first["latency"] < 10000
    assert uuid.UUID(first["requestId"])
    assert (second["status"], second["resourcePath"]) == (404, '/no"where\n')
    assert not any("secret words" in line or "SecretName" in line for line in service.log)


def test_forwarded_address(make_service):
    service = make_service(REVIEWD_TRUSTED_PROXIES=1)
    service.request("GET", "/healthz", headers={"X-Forwarded-For": "203.0.113.9, 192.0.2.7"})
    wait_until(lambda: service.lines("request"))
    assert service.lines("request")[0]["ip"] == "192.0.2.7"


def test_access_log_can_be_off(make_service):
    service = make_service(REVIEWD_ACCESS_LOG="off")
    service.post(EXAMPLE)
    service.stop()
    assert service.lines("request") == []
    assert service.lines("stopped")


def test_ipv6(make_service):
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 loopback here")
    service = make_service(REVIEWD_LISTEN="[::]:0")
    assert service.post(EXAMPLE)[0] == 200  # IPv4 is taken too
    with socket.create_connection(("::1", service.port), timeout=10) as connection:
        connection.sendall(head(b"Host: a", request=b"GET /healthz HTTP/1.1"))
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
