"""The signer against botocore's: generated requests, all three strings and the query byte for byte.

SIGV4_TOOL names the program (default build/tests/tools/sigv4_tool), SIGV4_CASES how many requests are
generated (5,000), SIGV4_SEED the seed (1): equal seeds give equal requests.
"""

import json
import os
import pathlib
import random
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "tools"))

from sigv4_reference import sign  # noqa: E402

TOOL = os.environ.get("SIGV4_TOOL", str(ROOT / "build/tests/tools/sigv4_tool"))
CASES = int(os.environ.get("SIGV4_CASES", "5000"))
SEED = int(os.environ.get("SIGV4_SEED", "1"))

ASCII = [chr(c) for c in range(0x21, 0x7F)]
WIDE = list("éßñλжשعḉ‱€한中日🙂𝛑￼")
NAMES = ["Content-Type", "content-type", "X-Amz-Target", "Accept", "ACCEPT", "Range", "x-amz-meta-a", "X-Amz-Meta-B",
         "amz-sdk-request", "User-Agent", "Expect", "TE", "Connection", "X-Amzn-Trace-Id", "Date-Not", "If-Match"]
UNITS = ["/", "//", "/.", "/..", "/./", "/../", "/a", "/b%20c", "/%2F", "/d e", "/~x", "/é", "/...", "/*", "/a+b", "/x=y", "/%25"]
SECRET = ASCII + ["+", "/", "="] * 10


class Generator:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def text(self, alphabet, low, high):
        return "".join(self.rng.choices(alphabet, k=self.rng.randint(low, high)))

    def params(self):
        alphabet = ASCII + WIDE + list(" +=&%/") * 3 + ["\t", "\n", "\x7f"]
        keys = [self.text(alphabet, 0, 6) for _ in range(3)] + ["a", "A", "a-", "a=", "aa", "prefix"]
        return [[self.rng.choice(keys), self.text(alphabet, 0, 8)] for _ in range(self.rng.choice([0, 0, 1, 2, 5, 30]))]

    def value(self):
        words = [self.text(ASCII + WIDE, 1, 9) for _ in range(self.rng.randint(0, 4))]
        gaps = [" ", "  ", "\t", " \t ", "\r\n ", "\r\n\t  "]
        inner = "".join(w + self.rng.choice(gaps) for w in words)
        return self.rng.choice(["", " ", "   "]) + inner

    def headers(self):
        names = NAMES + [self.text("abcXYZ019-_.!#$%&'*+^`|~", 1, 12) for _ in range(3)]
        return [[self.rng.choice(names), self.value()] for _ in range(self.rng.choice([0, 1, 3, 8, 40]))]

    def path(self):
        unencoded = [c for c in ASCII if c not in "?#"] + WIDE + [" "]
        parts = [self.rng.choice(UNITS) if self.rng.random() < 0.6 else "/" + self.text(unencoded, 0, 8)
                 for _ in range(self.rng.randint(0, 6))]
        return "".join(parts)

    def case(self):
        s3 = self.rng.random() < 0.25
        path = self.path()
        return {
            "method": self.rng.choice(["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH"]),
            "host": self.rng.choice(["example.amazonaws.com", "localhost:8000", "127.0.0.1:4566", "[::1]:8000", "a.b-c.example"]),
            "path": path or ("/" if s3 else ""),
            "params": self.params(),
            "headers": self.headers(),
            "body": None if self.rng.random() < 0.15 else self.text(ASCII + WIDE + [" ", "\n"], 0, 200),
            "region": self.rng.choice(["us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1"]),
            "service": "s3" if s3 else self.rng.choice(["dynamodb", "ses", "sts", "execute-api"]),
            "key": "AKIDEXAMPLE",
            "secret": self.text(SECRET, 1, self.rng.choice([40, 40, 200])),
            "token": self.rng.choice([None, None, "", self.text(ASCII, 1, 300)]),
            "time": self.rng.choice([self.rng.randint(0, 4102444800), self.rng.randint(1435622400, 1435795200)]),
            "s3": s3,
        }


def test_same_strings_as_botocore():
    generator = Generator(SEED)
    cases = [generator.case() for _ in range(CASES)]
    lines = "\n".join(json.dumps(case) for case in cases)
    done = subprocess.run([TOOL], input=lines.encode(), stdout=subprocess.PIPE, check=True)
    answers = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert len(answers) == len(cases)
    for number, (case, answer) in enumerate(zip(cases, answers)):
        assert answer == {"result": 0} | sign(case), f"case {number} of seed {SEED}: {json.dumps(case)}"
