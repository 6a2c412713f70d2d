"""The service on AWS's own implementation of DynamoDB."""

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from service import EXAMPLE, EXAMPLE_ANSWER, wait_until
from stores import COLUMNS, Table
from test_dynamodb import load, run

pytestmark = pytest.mark.stores("dynamodb-local")


class Partial(ThreadingHTTPServer):
    """Before a DynamoDB: of a batch it lets every other write through, and gives back the rest, as a table does whose
    throughput is exceeded."""

    daemon_threads = True

    def __init__(self, upstream):
        super().__init__(("127.0.0.1", 0), PartialHandler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.upstream = upstream.removeprefix("http://")
        self.given_back = 0
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class PartialHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.headers["X-Amz-Target"].endswith(".BatchWriteItem"):
            return self.answer(*self.ask(body))
        requests = json.loads(body)["RequestItems"]
        [(table, writes)] = requests.items()
        status, answer = self.ask(json.dumps({"RequestItems": {table: writes[::2]}}).encode())
        if status == 200:
            self.server.given_back += len(writes[1::2])
            document = json.loads(answer)
            document["UnprocessedItems"] = {table: writes[1::2]} if writes[1::2] else {}
            answer = json.dumps(document).encode()
        self.answer(status, answer)

    def ask(self, body):
        """The headers go with it: signatures are not verified there."""
        connection = http.client.HTTPConnection(self.server.upstream, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name != "Content-Length"}
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse()
        read = answer.status, answer.read()
        connection.close()
        return read

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def partial(dynamodb_local):
    proxy = Partial(dynamodb_local.url)
    yield proxy
    proxy.shutdown()
    proxy.server_close()


def test_worked_example(service):
    assert service.post(EXAMPLE)[::2] == (200, f'"{EXAMPLE_ANSWER}"')
    wait_until(lambda: len(service.mails()) == 1 and not service.outbox(), "the mail")
    [item] = service.store.items()
    assert set(item) == set(COLUMNS)
    assert service.stop() == 0


def test_many_reviews_and_a_kill(make_service):
    service = make_service()
    assert set(load([service], 200, 32)) == {200}
    service.kill()
    service = make_service()
    assert len(service.rows()) == 200
    wait_until(lambda: not service.outbox(), "all mails")
    assert len(service.mails()) == len(service.store.positives())
    assert service.metric("reviewd_store_errors_total") == 0


def test_what_a_batch_leaves_undone_is_put_again(make_service, partial):
    service = make_service(AWS_ENDPOINT_URL_DYNAMODB=partial.url)
    assert set(load([service], 200, 64)) == {200}
    assert partial.given_back > 0, "no batch was sent"
    assert len(service.rows()) == 200
    wait_until(lambda: not service.outbox(), "all mails")
    assert len(service.mails()) == len(service.store.positives())


def test_table_create_and_check(make_service, dynamodb_local, tmp_path):
    table = Table(dynamodb_local, make=False)
    service = make_service(tmp_path, start=False, table=table)
    for word in ["made", "exists already"]:
        told = run(service, "table", "create")
        assert told.returncode == 0 and word in told.stdout, told.stdout + told.stderr
        assert "warn point-in-time recovery" in told.stdout  # which it has not
    told = run(service, "check")
    assert told.returncode == 0 and "warn" not in told.stdout, told.stdout
    table.remove()
