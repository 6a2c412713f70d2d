#!/usr/bin/env python3
"""Writes tests/unit/aws/sigv4_golden.ndjson: requests and what they must be signed as, computed by botocore.

    tests/tools/make_sigv4_golden.py > tests/unit/aws/sigv4_golden.ndjson

The names are those of the situations that AWS documents for Signature Version 4; needs tests/requirements.txt.
"""

import json

from sigv4_reference import sign

SUITE = {
    "method": "GET",
    "host": "example.amazonaws.com",
    "path": "/",
    "params": [],
    "headers": [],
    "body": "",
    "region": "us-east-1",
    "service": "service",
    "key": "AKIDEXAMPLE",
    "secret": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "token": None,
    "time": 1440938160,  # 2015-08-30T12:36:00Z
    "s3": False,
}
S3 = SUITE | {"host": "examplebucket.s3.amazonaws.com", "service": "s3", "s3": True}
TOKEN = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGd"
UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FORM = [["Content-Type", "application/x-www-form-urlencoded"]]

CASES = [
    ("get-vanilla", SUITE, {}),
    ("get-vanilla-query", SUITE, {"params": [["Param1", "value1"]]}),
    ("get-vanilla-empty-query-key", SUITE, {"params": [["Param1", ""]]}),
    ("get-vanilla-query-order-key", SUITE, {"params": [["Param2", "value2"], ["Param1", "value1"]]}),
    ("get-vanilla-query-order-value", SUITE, {"params": [["Param1", "value2"], ["Param1", "value1"]]}),
    ("get-vanilla-query-order-key-case", SUITE, {"params": [["param", "1"], ["Param", "2"], ["PARAM", "3"]]}),
    ("get-vanilla-query-order-encoded", SUITE, {"params": [["a-", "1"], ["a", "2"], ["a b", "3"], ["a~", "4"], ["aé", "5"]]}),
    ("get-vanilla-query-unreserved", SUITE, {"params": [[UNRESERVED, UNRESERVED]]}),
    ("get-vanilla-utf8-query", SUITE, {"params": [["ሴ", "bar"]]}),
    ("get-query-reserved", SUITE, {"params": [["a+b=c", "d&e/f?g h%20"], ["", "empty name"], ["*", "'"]]}),
    ("get-unreserved", SUITE, {"path": "/" + UNRESERVED}),
    ("get-utf8", SUITE, {"path": "/ሴ"}),
    ("get-encoded-utf8", SUITE, {"path": "/%E1%88%B4/a%2Fb"}),
    ("get-space", SUITE, {"path": "/example space/"}),
    ("get-slash", SUITE, {"path": "//"}),
    ("get-slashes", SUITE, {"path": "//example//"}),
    ("get-slash-dot-slash", SUITE, {"path": "/./"}),
    ("get-slash-pointless-dot", SUITE, {"path": "/./example"}),
    ("get-relative", SUITE, {"path": "/example/.."}),
    ("get-relative-relative", SUITE, {"path": "/example1/example2/../.."}),
    ("get-relative-above-root", SUITE, {"path": "/../../a/./b/../c/"}),
    ("get-header-key-duplicate", SUITE, {"headers": [["My-Header1", "value2"], ["My-Header1", "value2"], ["My-Header1", "value1"]]}),
    ("get-header-key-case", SUITE, {"headers": [["my-HEADER1", "b"], ["My-Header1", "a"], ["A", "z"]]}),
    ("get-header-value-order", SUITE, {"headers": [["My-Header1", "value4"], ["My-Header1", "value1"], ["My-Header1", "value3"]]}),
    ("get-header-value-trim", SUITE, {"headers": [["My-Header1", "  value1"], ["My-Header2", ' \t"a   b   c"  ']]}),
    ("get-header-value-multiline", SUITE, {"headers": [["My-Header1", "value1\r\n  value2\r\n     value3"]]}),
    ("get-header-value-empty", SUITE, {"headers": [["My-Header1", ""], ["My-Header2", "   "]]}),
    ("get-header-unsigned", SUITE, {"headers": [["User-Agent", "x"], ["Connection", "close"], ["X-Amzn-Trace-Id", "Root=1"], ["TE", "x"], ["Expect", "100-continue"]]}),
    ("post-vanilla", SUITE, {"method": "POST"}),
    ("post-header-key-sort", SUITE, {"method": "POST", "headers": [["My-Header1", "value1"], ["ZOO", "zoobar"]]}),
    ("post-x-www-form-urlencoded", SUITE, {"method": "POST", "headers": FORM, "body": "Param1=value1"}),
    ("post-x-www-form-urlencoded-parameters", SUITE, {"method": "POST", "headers": [["Content-Type", "application/x-www-form-urlencoded; charset=utf8"]], "body": "Param1=value1"}),
    ("post-sts-header-before", SUITE, {"method": "POST", "token": TOKEN}),
    ("post-unsigned-payload", SUITE, {"method": "POST", "body": None}),
    ("post-host-with-port", SUITE, {"method": "POST", "host": "localhost:8000", "region": "eu-west-1", "service": "dynamodb", "body": "{}", "headers": [["Content-Type", "application/x-amz-json-1.0"], ["X-Amz-Target", "DynamoDB_20120810.ListTables"]]}),
    ("new-year", SUITE, {"time": 1735689599, "region": "cn-north-1"}),
    ("leap-day", SUITE, {"time": 1709164800, "region": "us-gov-west-1"}),
    ("s3-get", S3, {"path": "/test.txt", "headers": [["Range", "bytes=0-9"]]}),
    ("s3-no-normalisation", S3, {"path": "/a//b/../c/./d%20e%2Bf/"}),
    ("s3-put-unsigned", S3, {"method": "PUT", "path": "/test%24file.text", "body": None}),
    ("s3-sub-resource", S3, {"params": [["lifecycle", ""]]}),
    ("s3-list", S3, {"params": [["max-keys", "2"], ["prefix", "J"]], "token": TOKEN}),
]

for name, base, change in CASES:
    case = base | change
    print(json.dumps({"name": name} | case | {"expected": sign(case)}))
