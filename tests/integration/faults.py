"""Faults of AWS: a proxy (microburst) in front of a stand-in, which answers as AWS does when it is in trouble."""

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request

from children import end, free_port, start


class Faults:
    """A proxy before `aws`. `url` is its own; set(rule, …) replaces the rules, none lets everything through.

    It signs anew what it passes on, because the Host header is another one there."""

    def __init__(self, aws):
        port = free_port()
        env = os.environ | {"AWS_ACCESS_KEY_ID": aws.keys[0], "AWS_SECRET_ACCESS_KEY": aws.keys[1]}
        self.url = f"http://127.0.0.1:{port}"
        self.server = start(
            [sys.executable, "-m", "microburst", "--upstream", aws.url, "--resign", "--host", "127.0.0.1",
             "--port", str(port)], env=env, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        for _ in range(600):
            with contextlib.suppress(OSError):
                self._ask("health")
                break
            time.sleep(0.05)
        # It reads its models at the first call, for seconds.
        aws.client("sesv2", self.url).create_email_identity(EmailIdentity="warm@example.com")

    def _ask(self, path, body=None, method="GET"):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_microburst/{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def set(self, *rules):
        self._ask("rules", list(rules), "POST")
        self._ask("fired", method="DELETE")

    def fired(self):
        """How many faults were made, by what was done."""
        counts = {}
        for event in self._ask("fired?limit=100000"):
            counts[event["action"]] = counts.get(event["action"], 0) + 1
        return counts

    def stop(self):
        end(self.server)
