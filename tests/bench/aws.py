"""POST /reviews with DynamoDB behind it: reviewd against the same service on Go, Python and Node, all of them on the same
cores, with the load and the AWS end, in turns."""

import json
import statistics
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import peers
import service
import upstream
from figure import Figure
from service import Load

SCRIPT = Path(__file__).resolve().parent / "post.lua"
ROUNDS, ROUND_S, WARM_S = 3, 5, 2
SINGLE_ROUNDS, SINGLE_S = 9, 1  # many short turns: where the scheduler puts the threads is dealt anew with each
CONNECTIONS, SLOW_CONNECTIONS = 64, 256
SLOW_S, SLOW_LOAD_S = 0.5, 5
SPEED = {"Go": 3, "FastAPI": 30, "fastify": 15}  # times the requests/s of each, at least
CALL = ("X-Amz-Target: DynamoDB_20120810.PutItem", "Content-Type: " + upstream.CONTENT_TYPE, "X-Amz-Date: 20251128T111631Z",
        "Authorization: " + "x" * 260, "amz-sdk-invocation-id: " + "x" * 36, "amz-sdk-request: attempt=1; max=4")
SCORED = {"timestamp": "2025-11-28T11:16:31.363902", "sentiment": "Positive", "polarity_score": "0.25"}


@contextmanager
def _reviewd(program: Path, folder: Path, endpoint: str):
    settings = peers.AWS | {"REVIEWD_STORE": "dynamodb", "REVIEWD_MAIL": "none", "REVIEWD_ACCESS_LOG": "off",
                            "AWS_ENDPOINT_URL": endpoint}
    with service.reviewd(program, folder, settings=settings) as s:
        yield s


def _median(loads: list[Load], name: str) -> float:
    return statistics.median(getattr(load, name) for load in loads)


def _load(name: str, s: service.Service, bodies: Path, seconds: int) -> Load:
    try:
        return service.wrk(s.url, SCRIPT, bodies, seconds, connections=CONNECTIONS)
    except RuntimeError as error:
        raise RuntimeError(f"{name} (exit code {s.process.poll()}, log in {s.folder}): {error}") from error


def _in_turns(services: dict[str, service.Service], bodies: Path) -> dict[str, list[Load]]:
    """Rounds over all services, each beginning with another one."""
    names = list(services)
    loads = {name: [] for name in names}
    for name in names:
        _load(name, services[name], bodies, WARM_S)
    for turn in range(ROUNDS):
        for name in names[turn % len(names):] + names[:turn % len(names)]:
            loads[name].append(_load(name, services[name], bodies, ROUND_S))
    return loads


def _against(program: Path, folder: Path, bodies: Path, endpoint: str) -> list[Figure]:
    found = peers.prepare(folder / "peers")
    with ExitStack() as stack:
        services = {"reviewd": stack.enter_context(_reviewd(program, folder / "reviewd", endpoint))}
        for peer in found:
            services[peer.short] = stack.enter_context(peers.running(peer, folder / "peers", endpoint))
        for name, s in services.items():
            peers.check(name, s.port)
        loads = _in_turns(services, bodies)
        resident = {name: s.memory_kib() / 1024 for name, s in services.items()}
    ours = loads["reviewd"]
    rate, p99 = _median(ours, "per_second"), _median(ours, "p99_ms")
    figures = []
    for peer in found:
        theirs = loads[peer.short]
        ratio = rate / _median(theirs, "per_second")
        figures.append(Figure(f"POST /reviews, DynamoDB, {CONNECTIONS} connections, against {peer.name}", ratio,
                              "times its requests/s", SPEED[peer.short]))
        if peer.short == "Go":
            figures.append(Figure("… p99 of DynamoDB reviews, against Go's", p99 / _median(theirs, "p99_ms"), "of its p99", 1,
                                  at_least=False))
    for name in services:
        figures.append(Figure(f"… {name}", _median(loads[name], "per_second"), "/s"))
        figures.append(Figure(f"… {name}, p99", _median(loads[name], "p99_ms"), "ms"))
        figures.append(Figure(f"… {name}, resident after it", resident[name], "MiB"))
    return figures


def _calls(bodies: Path, folder: Path) -> Path:
    """Bodies of PutItem as the service would send them, for the bare round trip."""
    path = folder / "calls.ndjson"
    with open(bodies, encoding="utf-8") as reviews, open(path, "w", encoding="utf-8") as calls:
        for line in reviews:
            item = json.loads(line) | SCORED
            request = {"TableName": "reviews", "Item": {name: {"S": value} for name, value in item.items()},
                       "ConditionExpression": "attribute_not_exists(user_name)"}
            calls.write(json.dumps(request, separators=(",", ":")) + "\n")
    return path


def _single(program: Path, folder: Path, bodies: Path, endpoint: str) -> list[Figure]:
    """One review at a time, against the same client's round trip to the AWS end without anything between."""
    calls = _calls(bodies, folder)
    added, bare = [], []
    with _reviewd(program, folder / "single", endpoint) as s:
        for _ in range(SINGLE_ROUNDS):
            direct = service.wrk(endpoint + "/", SCRIPT, calls, SINGLE_S, connections=1, headers=CALL)
            through = service.wrk(s.url, SCRIPT, bodies, SINGLE_S, connections=1)
            bare.append(direct.p50_ms * 1000)
            added.append((through.p50_ms - direct.p50_ms) * 1000)
    return [
        Figure("DynamoDB, one review at a time: added to the bare round trip, p50", statistics.median(added), "µs", 150,
               at_least=False),
        Figure("… the bare round trip, p50", statistics.median(bare), "µs"),
    ]


def _memory(program: Path, folder: Path, bodies: Path) -> list[Figure]:
    """While each of many connections waits for its answer."""
    with upstream.slow(SLOW_S) as endpoint, _reviewd(program, folder / "memory", endpoint) as s:
        load = service.wrk(s.url, SCRIPT, bodies, SLOW_LOAD_S, connections=SLOW_CONNECTIONS)
        resident = s.memory_kib("VmHWM")
    if load.p50_ms < SLOW_S * 1000:
        raise RuntimeError(f"reviews did not wait for the AWS end: p50 {load.p50_ms} ms")
    return [Figure(f"DynamoDB, {SLOW_CONNECTIONS} connections in flight: resident at its highest", resident / 1024, "MiB", 32,
                   at_least=False)]


def figures(program: Path, folder: Path, bodies: Path) -> list[Figure]:
    """All of them; `bodies` holds one review a line."""
    folder.mkdir(parents=True, exist_ok=True)
    with upstream.nginx(folder / "nginx") as endpoint:
        found = _against(program, folder, bodies, endpoint)
        time.sleep(1)
        found += _single(program, folder, bodies, endpoint)
    return found + _memory(program, folder, bodies)
