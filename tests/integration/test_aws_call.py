"""The call path over real sockets: against moto, which verifies every signature, and against faulty servers."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import threading
import time

import pytest

from aws import REGION
from children import free_port, start

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = os.environ.get("AWS_CALL_TOOL", str(ROOT / "build/tests/tools/aws_call_tool"))


class Tool:
    """The program under test, one call after the other on the same connections."""

    def __init__(self, url, **env):
        settings = {"AWS_ENDPOINT_URL": url, "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
                    "AWS_SECRET_ACCESS_KEY": "secret", "PATH": os.environ["PATH"]} | env
        self.process = start([TOOL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=settings, text=True)

    def call(self, service="dynamodb", **what):
        line = {"service": service, "method": "POST", "path": "/", "deadline_ms": 10000} | what
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def dynamodb(self, operation, body):
        return self.call(body=json.dumps(body), headers=[["Content-Type", "application/x-amz-json-1.0"],
                                                         ["X-Amz-Target", f"DynamoDB_20120810.{operation}"]])

    def ses(self, path, body):
        return self.call("ses", path=path, body=json.dumps(body), headers=[["Content-Type", "application/json"]])

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(10) == 0
        self.process.stdout.close()


@contextlib.contextmanager
def tool_for(url, **env):
    tool = Tool(url, **env)
    try:
        yield tool
        tool.close()
    finally:
        tool.process.kill()
        tool.process.wait()


# --- moto ---------------------------------------------------------------------------------------------------


@pytest.fixture
def keys(aws):
    """Of a user that may do everything."""
    return {"AWS_ACCESS_KEY_ID": aws.keys[0], "AWS_SECRET_ACCESS_KEY": aws.keys[1]}


TABLE = {
    "TableName": "calls",
    "KeySchema": [{"AttributeName": "user_name", "KeyType": "HASH"}, {"AttributeName": "timestamp", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": "user_name", "AttributeType": "S"},
                             {"AttributeName": "timestamp", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def item(name, stamp):
    return {"user_name": {"S": name}, "timestamp": {"S": stamp}, "review": {"S": "Très bien 🙂 \"quoted\""}}


def test_signatures_are_accepted(aws, keys):
    """Only requests with a body: moto finds the signature of a REST service's GET wrong, boto3's too."""
    with tool_for(aws.url, **keys) as tool:
        assert tool.dynamodb("CreateTable", TABLE)["outcome"] == "ok"
        for i in range(3):
            answer = tool.dynamodb("PutItem", {"TableName": "calls", "Item": item("Zoë", f"t{i}")})
            assert (answer["outcome"], answer["attempts"]) == ("ok", 1), answer
        query = {"TableName": "calls", "KeyConditionExpression": "user_name = :u",
                 "ExpressionAttributeValues": {":u": {"S": "Zoë"}}}
        answer = tool.dynamodb("Query", query)
        assert json.loads(answer["body"])["Items"] == [item("Zoë", f"t{i}") for i in range(3)]
        answer = tool.dynamodb("PutItem", {"TableName": "nowhere", "Item": item("a", "b")})
        assert (answer["outcome"], answer["code"], answer["attempts"]) == ("refused", "ResourceNotFoundException", 1)
        assert tool.ses("/v2/email/identities", {"EmailIdentity": "a@example.com"})["outcome"] == "ok"
        mail = {"FromEmailAddress": "a@example.com", "Destination": {"ToAddresses": ["b@example.com"]},
                "Content": {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "é"}}}}}
        answer = tool.ses("/v2/email/outbound-emails", mail)
        assert answer["outcome"] == "ok" and "MessageId" in answer["body"], answer


@pytest.mark.parametrize("wrong", [{"AWS_SECRET_ACCESS_KEY": "not-the-one"}, {"AWS_ACCESS_KEY_ID": "AKIDNOBODY"}])
def test_wrong_keys_are_told_apart(aws, keys, wrong):
    with tool_for(aws.url, **(keys | wrong)) as tool:
        answer = tool.dynamodb("ListTables", {})
        assert answer["outcome"] in ("refused", "no_credentials"), answer
        assert answer["code"] in ("SignatureDoesNotMatch", "InvalidSignatureException", "UnrecognizedClientException",
                                  "InvalidClientTokenId"), answer


# --- faults -------------------------------------------------------------------------------------------------


class Faulty:
    """A server whose connections each follow a script of steps: bytes to answer a request with, or a fault."""

    def __init__(self, *scripts):
        self.scripts = list(scripts)
        self.heads = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.threads = [threading.Thread(target=self.accept, daemon=True)]
        self.threads[0].start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            script = self.scripts.pop(0) if self.scripts else [OK]
            self.threads.append(threading.Thread(target=self.serve, args=(connection, script), daemon=True))
            self.threads[-1].start()

    def request(self, stream):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                return False
            head += line
        self.heads.append(head.decode())
        length = [h.split(b":")[1] for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:")]
        stream.read(int(length[0]) if length else 0)
        return True

    def serve(self, connection, script):
        with connection, connection.makefile("rb") as stream:
            for step in script:
                if step == "close before a request":
                    return
                if not self.request(stream):
                    return
                if step == "close":
                    return
                if step == "hang":
                    stream.read(1)
                    return
                connection.sendall(step)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for thread in self.threads:
            thread.join(10)


@pytest.fixture
def faulty():
    made = []

    def make(*scripts):
        made.append(Faulty(*scripts))
        return made[-1]

    yield make
    for server in made:
        server.close()


def reply(status, body=b"{}", *headers):
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


OK = reply(200)


def test_500_500_500_200(faulty):
    server = faulty([reply(500), reply(500, b"[]"), reply(500, b"<html>", "Content-Type: text/html"), OK])
    with tool_for(server.url) as tool:
        answer = tool.dynamodb("PutItem", {})
    assert (answer["outcome"], answer["attempts"]) == ("ok", 4)
    assert ["attempt=%d; max=4" % n in head for n, head in enumerate(server.heads, 1)] == [True] * 4


def test_what_is_sent_is_what_was_signed(faulty):
    server = faulty([OK])
    with tool_for(server.url) as tool:
        assert tool.call("ses", method="GET", path="/v2/a%20b", params=[["z", "é +"], ["a", ""]])["outcome"] == "ok"
    head = server.heads[0]
    assert head.startswith("GET /v2/a%20b?a=&z=%C3%A9%20%2B HTTP/1.1\r\n")
    sent = {line.split(":")[0].lower() for line in head.split("\r\n")[1:] if line}
    signed = set(head.split("SignedHeaders=")[1].split(",")[0].split(";"))
    assert signed <= sent
    assert sent - signed <= {"authorization", "user-agent", "connection", "content-length"}
    assert f"\r\nHost: {server.url[7:]}\r\n" in head


def test_a_connection_that_went_stale(faulty):
    server = faulty([OK, "close"])  # libcurl may open one more connection, which is left unused
    with tool_for(server.url) as tool:
        assert tool.dynamodb("PutItem", {})["attempts"] == 1
        answer = tool.dynamodb("PutItem", {})
    assert (answer["outcome"], answer["attempts"]) == ("ok", 2)
    assert "attempt=2; max=5" in server.heads[-1]


def test_a_cut_answer_is_tried_again(faulty):
    server = faulty([b"HTTP/1.1 200 X\r\nContent-Length: 10\r\nConnection: close\r\n\r\n{}"], [OK])
    with tool_for(server.url) as tool:
        answer = tool.dynamodb("PutItem", {})
    assert (answer["outcome"], answer["attempts"]) == ("ok", 2)


def test_a_corrupted_answer_is_tried_again(faulty):
    server = faulty([reply(200, b"{}", "x-amz-crc32: 1"), reply(200, b"{}", "x-amz-crc32: 2745614147")])
    with tool_for(server.url) as tool:
        answer = tool.dynamodb("PutItem", {})
    assert (answer["outcome"], answer["attempts"]) == ("ok", 2)


def test_a_server_that_hangs(faulty):
    server = faulty(["hang"], [OK])
    with tool_for(server.url) as tool:
        answer = tool.call(attempt_ms=300)
        assert (answer["outcome"], answer["attempts"]) == ("ok", 2)
    server = faulty(["hang"], ["hang"])
    with tool_for(server.url) as tool:
        begun = time.monotonic()
        answer = tool.call(deadline_ms=500)
        assert 0.4 < time.monotonic() - begun < 20
    assert (answer["outcome"], answer["attempts"], answer["maybe_done"]) == ("deadline", 1, True)


def test_a_server_that_is_not_there():
    with tool_for(f"http://127.0.0.1:{free_port()}", AWS_MAX_ATTEMPTS="2") as tool:
        answer = tool.dynamodb("PutItem", {})
    assert (answer["outcome"], answer["attempts"], answer["maybe_done"]) == ("unavailable", 2, False)


def test_a_megabyte_of_brackets(faulty):
    server = faulty([reply(400, b"[" * 1048576)])
    with tool_for(server.url) as tool:
        answer = tool.dynamodb("PutItem", {})
    assert (answer["outcome"], answer["status"], answer["code"]) == ("refused", 400, "")


def test_the_clock_of_the_service_is_taken(faulty):
    skewed = reply(403, b'{"__type":"InvalidSignatureException"}', "Date: Sun, 30 Aug 2015 12:36:00 GMT")
    server = faulty([skewed, OK, OK])
    with tool_for(server.url) as tool:
        assert tool.dynamodb("PutItem", {})["outcome"] == "ok"
        assert tool.dynamodb("PutItem", {})["attempts"] == 1
    assert ["X-Amz-Date: 20150830T1236" in head for head in server.heads] == [False, True, True]
