"""The same service made with other languages and AWS's own SDKs: built, started, and asked whether they refuse the same."""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import service

from . import lexicon

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PREPARE_LIMIT_S = 240
AWS = {
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "TABLE_NAME": "reviews",
}


class Missing(Exception):
    """What a peer needs is not here."""


@dataclass
class Peer:
    name: str
    short: str
    command: list
    environment: dict[str, str] = field(default_factory=dict)


def _run(command: list, folder: Path) -> None:
    if shutil.which(command[0]) is None:
        raise Missing(f"{command[0]} is not installed")
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PREPARE_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise Missing(f"{command[0]} took longer than {PREPARE_LIMIT_S} s") from error
    if done.returncode != 0:
        raise Missing(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()[-600:]}")


def _go(folder: Path) -> Peer:
    _run(["go", "build", "-o", folder / "go", "."], HERE / "go")
    return Peer("Go net/http + aws-sdk-go-v2", "Go", [folder / "go"])


def _fastapi(folder: Path) -> Peer:
    venv = folder / "fastapi"
    _run([ROOT / "tests/tools/make-venv.sh", venv, HERE / "fastapi/requirements.txt"], ROOT)
    command = [venv / "bin/uvicorn", "--app-dir", HERE / "fastapi", "--host", "127.0.0.1", "--no-access-log",
               "--log-level", "warning", "app:app"]
    return Peer("FastAPI + boto3 + TextBlob", "FastAPI", command, {"PYTHONDONTWRITEBYTECODE": "1"})


def _fastify(folder: Path) -> Peer:
    place = folder / "fastify"
    shutil.copytree(HERE / "fastify", place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    lock, installed = place / "package-lock.json", place / "node_modules/.installed"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        _run(["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"], place)
        shutil.copy(lock, installed)
    return Peer("fastify + AWS SDK v3", "fastify", ["node", place / "server.js"], {"NODE_ENV": "production"})


def prepare(folder: Path) -> list[Peer]:
    """Builds them below `folder`, again only what has changed. One that cannot be built is left out, and why is said."""
    folder.mkdir(parents=True, exist_ok=True)
    lexicon.export(ROOT / "src/sentiment/lexicon_data.c", folder / "lexicon.json")
    found = []
    for make in (_go, _fastapi, _fastify):
        try:
            found.append(make(folder))
        except Missing as reason:
            print(f"bench: without {make.__name__[1:]}: {reason}", file=sys.stderr, flush=True)
    return found


@contextmanager
def running(peer: Peer, folder: Path, endpoint: str):
    """Runs it on a free port, its PutItems going to `endpoint`."""
    port = service.free_port()
    place = folder / "run" / peer.short
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    environment = {"PATH": os.environ["PATH"], "PORT": str(port), "UVICORN_PORT": str(port),
                   "AWS_ENDPOINT_URL": endpoint, "LEXICON": str(folder / "lexicon.json")}
    with service.running(peer.command, AWS | environment | peer.environment, place, port) as s:
        yield s


# What each of them must refuse, and with what.
NAME_LIMIT, BODY_LIMIT = 2048, 64 * 1024
BODIES = {
    b"{": 400,
    b"[]": 400,
    b'{"review":"a"}x': 400,
    b'{"user_name":"a"}': 400,
    b'{"review":" \\n"}': 400,
    b'{"review":7}': 400,
    b'{"user_name":7,"review":"a"}': 400,
    b'{"user_name":"","review":"a"}': 400,
    b'{"user_name":"a\\nb","review":"a"}': 400,
    b'{"user_name":"%s","review":"a"}' % (b"n" * NAME_LIMIT): 200,
    b'{"user_name":"%s","review":"a"}' % (b"n" * (NAME_LIMIT + 1)): 400,
    b'{"review":"%s"}' % (b"a" * (BODY_LIMIT - 13)): 200,
    b'{"review":"%s"}' % (b"a" * (BODY_LIMIT - 12)): 413,
    b'{"review":"a","other":[1]}': 200,
}
EXAMPLE = b'{"user_name":"Patricia Stewart","review":"The tool is fantastic. Far despite visit mind computer prevent."}'
EXAMPLE_ANSWER = b'"Processed as Positive (Score: 0.25)"'


def check(name: str, port: int) -> None:
    """Only services that do the same may be compared."""
    for body, expected in BODIES.items():
        status, _ = service.exchange(port, body)
        if status != expected:
            raise RuntimeError(f"{name} answers {status} instead of {expected} to {body[:60]!r} ({len(body)} bytes)")
    status, answer = service.exchange(port, EXAMPLE)
    if (status, answer) != (200, EXAMPLE_ANSWER):
        raise RuntimeError(f"{name} answers {status} {answer!r} instead of 200 {EXAMPLE_ANSWER!r}")
