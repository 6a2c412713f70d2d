"""A stand-in for SES v2 that a test scripts: for what moto does not do (the account, quotas, slowness)."""

import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from signatures import is_signed

REFUSALS = {
    "rate": (429, "TooManyRequestsException", "Maximum sending rate exceeded."),
    "daily": (400, "Throttling", "Daily message quota exceeded."),
    "paused": (400, "SendingPausedException", "Sending is paused for this account."),
    "rejected": (400, "MessageRejected", "Address is on the suppression list: admin@example.com"),
    "denied": (403, "AccessDeniedException", "no identity-based policy allows the ses:SendEmail action"),
    "nobody": (400, "BadRequestException", "Invalid email address ."),
    "failed": (500, "InternalFailure", "oops"),
}


class SesStub:
    """`mails` are the accepted requests, each with its arrival; refuse() decides what is accepted.

    What is not signed by one of `secrets` is refused, and counted in `unsigned`."""

    def __init__(self):
        self.account = {"SendQuota": {"Max24HourSend": 50000, "MaxSendRate": 1000, "SentLast24Hours": 0},
                        "ProductionAccessEnabled": True, "SendingEnabled": True}  # None: denied
        self.verified = {"reviews@example.com"}  # None: denied
        self.refuse = lambda body: None  # the name of a refusal, or None
        self.work = lambda: None  # what it does before a mail is accepted; others may come meanwhile
        self.hanging = threading.Event()  # set: requests to send get no answer
        self.mails = []
        self.requests = 0
        self.connections = 0
        self.secrets = {"AKIDEXAMPLE": "secret"}
        self.unsigned = 0
        self.lock = threading.Lock()
        self.closing = threading.Event()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                super().setup()
                with stub.lock:
                    stub.connections += 1

            def log_message(self, *args):
                pass

            def do_GET(self):
                if stub.admits(self, b""):
                    stub.get(self)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if stub.admits(self, body):
                    stub.send_email(self, json.loads(body))

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def settings(self):
        return {"AWS_ENDPOINT_URL_SESV2": self.url}

    def admits(self, handler, body):
        good = is_signed(handler, body, "ses", self.secrets)
        if not good:
            self.unsigned += 1
            self.error(handler, 403, "SignatureDoesNotMatch", "The signature does not match.")
        return good

    def answer(self, handler, document, status=200, code=None):
        data = json.dumps(document).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        if code:
            handler.send_header("x-amzn-ErrorType", code)
        handler.end_headers()
        handler.wfile.write(data)

    def error(self, handler, status, code, message):
        self.answer(handler, {"message": message}, status, code)

    def get(self, handler):
        path = urllib.parse.unquote(handler.path)
        identity = path.removeprefix("/v2/email/identities/")
        known = self.account if path == "/v2/email/account" else self.verified
        if known is None:
            self.error(handler, 403, "AccessDeniedException", "not authorized")
        elif path == "/v2/email/account":
            self.answer(handler, self.account)
        elif identity in self.verified:
            self.answer(handler, {"VerifiedForSendingStatus": True})
        else:
            self.error(handler, 404, "NotFoundException", identity)

    def send_email(self, handler, body):
        with self.lock:
            self.requests += 1
            refusal = self.refuse(body) or (None if body["Destination"]["ToAddresses"] else "nobody")
        if self.hanging.is_set():
            self.closing.wait(60)
            handler.close_connection = True
            return
        if refusal:
            self.error(handler, *REFUSALS[refusal])
            return
        self.work()
        with self.lock:
            self.mails.append((time.monotonic(), body))
        self.answer(handler, {"MessageId": f"0102-{len(self.mails)}"})

    def subjects(self):
        with self.lock:
            return [body["Content"]["Simple"]["Subject"]["Data"] for _, body in self.mails]

    def texts(self):
        with self.lock:
            return [body["Content"]["Simple"]["Body"]["Text"]["Data"] for _, body in self.mails]

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
