"""Whether a request is signed as botocore would sign it: for stand-ins that stand for AWS with no moto behind them."""

import calendar
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

from sigv4_reference import sign  # noqa: E402

FORM = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request, "
                  r"SignedHeaders=([^,]+), Signature=[0-9a-f]{64}")
ADDED = {"host", "x-amz-date", "x-amz-security-token"}  # by the signer itself


def is_signed(handler, body, service, secrets):
    """Of what an http.server handler has read: signed for that service by one of `secrets` (by key), just now."""
    authorization = handler.headers.get("Authorization", "")
    form = FORM.fullmatch(authorization)
    if not form or form[1] not in secrets or form[3] != service:
        return False
    signed = form[4].split(";")
    at = calendar.timegm(time.strptime(handler.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ"))
    reference = sign({
        "method": handler.command, "host": handler.headers["Host"], "path": handler.path, "params": [],
        "headers": [[name, handler.headers[name]] for name in signed if name not in ADDED],
        "body": body.decode(), "region": form[2], "service": service, "key": form[1], "secret": secrets[form[1]],
        "token": handler.headers.get("X-Amz-Security-Token"), "time": at, "s3": False})
    return abs(time.time() - at) < 300 and reference["authorization"] == authorization
