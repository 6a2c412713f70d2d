"""What botocore's signer makes of a request in the form of tests/support/sigv4_case.h."""

import datetime
import types
from unittest import mock

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def sign(case):
    """canonical request, string to sign and Authorization header, as botocore computes them"""
    request = AWSRequest(
        method=case["method"],
        url=f"https://{case['host']}{case['path']}",
        params=[tuple(pair) for pair in case["params"]],
        data=(case["body"] or "").encode(),
    )
    for name, value in case["headers"]:
        request.headers[name] = value
    signed = case["body"] is not None
    request.context["payload_signing_enabled"] = signed
    request.context["client_config"] = types.SimpleNamespace(s3={"payload_signing_enabled": signed})
    now = datetime.datetime.fromtimestamp(case["time"], datetime.timezone.utc)
    signer = botocore.auth.S3SigV4Auth if case["s3"] else botocore.auth.SigV4Auth
    auth = signer(Credentials(case["key"], case["secret"], case["token"]), case["service"], case["region"])
    with mock.patch("botocore.auth.get_current_datetime", return_value=now):
        auth.add_auth(request)
    authorization = request.headers["Authorization"]
    del request.headers["Authorization"]
    canonical = auth.canonical_request(request)
    return {
        "canonical_request": canonical,
        "string_to_sign": auth.string_to_sign(request, canonical),
        "authorization": authorization,
        "query": auth.canonical_query_string(request),
    }
