"""A DynamoDB that leaves batches undone in part: a proxy before a stand-in."""

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from aws import REGION


class Partial(ThreadingHTTPServer):
    """Of a batch it lets every other write through, and gives back the rest, as a table does whose throughput is
    exceeded; `given_back` counts those.

    It signs anew what it passes on, because that is another request."""

    daemon_threads = True

    def __init__(self, aws):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.upstream = aws.url
        self.signer = SigV4Auth(Credentials(*aws.keys), "dynamodb", REGION)
        self.given_back = 0
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.headers["X-Amz-Target"].endswith(".BatchWriteItem"):
            return self.answer(*self.ask(body))
        [(table, writes)] = json.loads(body)["RequestItems"].items()
        status, answer = self.ask(json.dumps({"RequestItems": {table: writes[::2]}}).encode())
        if status == 200:
            self.server.given_back += len(writes[1::2])
            document = json.loads(answer)
            document["UnprocessedItems"] = {table: writes[1::2]} if writes[1::2] else {}
            answer = json.dumps(document).encode()
        self.answer(status, answer)

    def ask(self, body):
        headers = {name: self.headers[name] for name in ["Content-Type", "X-Amz-Target"]}
        request = AWSRequest("POST", self.server.upstream + "/", headers, body)
        self.server.signer.add_auth(request)
        connection = http.client.HTTPConnection(self.server.upstream.removeprefix("http://"), timeout=60)
        connection.request("POST", "/", body, dict(request.headers))
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
