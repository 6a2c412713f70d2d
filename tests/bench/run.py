#!/usr/bin/env python3
"""Runs all benchmarks, prints a table against the targets, and writes docs/BENCHMARKS.md and docs/benchmarks.svg.

    make bench        or, for some parts only and without writing:  tests/bench/run.py --only posts,memory --no-write

Figures of different machines cannot be compared, so what matters is a ratio taken in one run: the service against
libmicrohttpd answering a constant, the scorer against TextBlob, DynamoDB reviews against the same service on Go, Python
and Node (tests/bench/peers/README.md). Nothing fails when a target is missed."""

import argparse
import os
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from pathlib import Path

import aws
import machine
import plot
import service
from figure import Figure

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
ROUNDS, ROUND_S, IDLE_S, MILLION = 3, 10, 10, 1_000_000


class Bench:
    def __init__(self, build: Path):
        self.build = build.resolve()
        self.reviewd = self.build / "reviewd"
        self.generator = self.build / "request_generator"
        self.folder = self.build / "bench"
        self.folder.mkdir(parents=True, exist_ok=True)

    def programs(self, name: str, *arguments: str) -> dict[str, float]:
        """Runs a benchmark program of tests/bench; its lines "name value" or "name value unit"."""
        path = HERE / name if name.endswith(".py") else self.build / "tests/bench" / name
        command = [sys.executable, path] if name.endswith(".py") else [path]
        environment = os.environ | {"REVIEWD_BIN": str(self.reviewd)}
        done = subprocess.run([*command, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)
        values = {m[1]: float(m[2]) for m in re.finditer(r"^(\S+(?: \S+)*?) +([\d.]+)(?: \S+)?$", done.stdout, re.M)}
        if not values:
            raise RuntimeError(f"{name} gave no figures:\n{done.stdout}{done.stderr}")
        return values

    def bodies(self) -> Path:
        path = self.folder / "bodies.ndjson"
        with open(path, "wb") as file:
            subprocess.run([self.generator, "--print", "--count", "3000", "--seed", "1"], check=True, stdout=file)
        return path

    # --- the parts: each returns figures ---------------------------------------------------------------------

    def sentiment(self) -> list[Figure]:
        values = self.programs("bench_sentiment")
        return [
            Figure("scoring alone, long prose, one core", values["prose"], "MB/s", 150),
            Figure("… one review of 60 bytes", values["60-byte review"], "ns"),
            Figure("… 10 MB of \", ( or :-, time for a byte against prose, at most", values["marks_to_prose"], "times", 1,
                   at_least=False),
            Figure("… the slowest of some 40 hostile texts", values["worst_to_prose"], "times"),
        ]

    def store(self) -> list[Figure]:
        values = self.programs("bench_store", str(self.folder), "500000")
        return [
            Figure("SQLite store alone, 64 producers", values["store_rows_per_second"], "rows/s"),
            Figure("… p99 of a put", values["store_put_p99_us"] / 1000, "ms"),
        ]

    def sign(self) -> list[Figure]:
        value = self.programs("bench_sigv4")["sign_putitem_us"]
        return [Figure("signing one PutItem", value, "µs", 5, at_least=False)]

    def calls(self) -> list[Figure]:
        """PutItem by PutItem to the constant, as if it were DynamoDB."""
        with service.constant(self.build / "tests/bench/mhd_constant", max(os.cpu_count(), 2)) as url:
            many = self.programs("bench_call", url.removesuffix("/reviews"), "64")
            single = self.programs("bench_call", url.removesuffix("/reviews"), "1")
        return [
            Figure("signed calls to a constant, 64 at a time", many["call_per_s"], "/s"),
            Figure("… processor time of each", many["call_cpu_us"], "µs"),
            Figure("… one at a time, p50 with the constant's own time", single["call_p50_us"], "µs", 150, at_least=False),
        ]

    def against_constant(self, name: str, settings: dict[str, str]) -> tuple[float, list[service.Load], float]:
        """The service and the yardstick in turns, so that both see the same weather: the median ratio of a turn, the
        service's loads, and how many mails waited at the end of one, at most. They are written before the next turn."""
        bodies, script = self.bodies(), HERE / "post.lua"
        ours, ratios, backlogs = [], [], []
        with service.constant(self.build / "tests/bench/mhd_constant", max(os.cpu_count(), 2)) as url:
            with service.reviewd(self.reviewd, self.folder / name, settings=settings) as s:
                for _ in range(ROUNDS):
                    theirs = service.wrk(url, script, bodies, ROUND_S)
                    ours.append(service.wrk(s.url, script, bodies, ROUND_S))
                    ratios.append(ours[-1].per_second / theirs.per_second)
                    backlogs.append(s.metric("reviewd_outbox_pending"))
                    s.wait_for_mails()
        self.check_rows(self.folder / name, sum(load.requests for load in ours))
        return statistics.median(ratios), ours, max(backlogs)

    def posts(self) -> list[Figure]:
        ratio, loads, _ = self.against_constant("posts", {"REVIEWD_MAIL": "none"})
        mailed_ratio, mailed, backlog = self.against_constant("mailed", {})
        return [
            Figure("POST /reviews, SQLite, 64 connections, mails off, against a constant", ratio, "of its requests/s", 0.30),
            Figure("… requests a second", statistics.median(load.per_second for load in loads), "/s"),
            Figure("… p99", statistics.median(load.p99_ms for load in loads), "ms", 10, at_least=False),
            Figure("… with a mail for each Positive, into a mail directory", mailed_ratio, "of its requests/s"),
            Figure("… requests a second", statistics.median(load.per_second for load in mailed), "/s"),
            Figure("… p99", statistics.median(load.p99_ms for load in mailed), "ms"),
            Figure("… mails that still waited at the end of a turn, at most", backlog, ""),
        ]

    @staticmethod
    def check_rows(folder: Path, answered: int) -> None:
        """Every 200 must be a row."""
        with sqlite3.connect(folder / "reviews.db") as database:
            rows = database.execute("SELECT count(*) FROM reviews").fetchone()[0]
        if rows < answered:
            raise RuntimeError(f"{answered} reviews were answered with 200 and only {rows} are stored")

    def aws(self) -> list[Figure]:
        return aws.figures(self.reviewd, self.folder / "aws", self.bodies())

    def memory(self) -> list[Figure]:
        with service.reviewd(self.reviewd, self.folder / "memory") as s:
            command = [self.generator, "--url", s.url, "--count", str(MILLION), "--concurrency", "64", "--seed", "1"]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                raise RuntimeError(f"not every review was processed:\n{done.stdout}{done.stderr}")
            resident, peak = s.memory_kib(), s.memory_kib("VmHWM")
        speed = float(re.search(r"([\d.]+)/s, seed", done.stdout).group(1))
        return [
            Figure("resident after a million reviews over 64 connections", resident / 1024, "MiB", 32, at_least=False),
            Figure("… at its highest", peak / 1024, "MiB"),
            Figure("… posted by request_generator", speed, "/s"),
        ]

    def start(self) -> list[Figure]:
        times = []
        for attempt in range(11):
            with service.reviewd(self.reviewd, self.folder / "start", keep=attempt % 2 == 1) as s:
                times.append(s.first_200_ms)
        return [Figure("from exec to the first 200, median of 11", statistics.median(times), "ms", 50, at_least=False)]

    def scores(self) -> list[Figure]:
        values = self.programs("bench_score.py")
        return [
            Figure("reviewd score --ndjson on one core, against TextBlob", values["score_ratio"], "times", 100),
            Figure("… against TextBlob's scorer without its objects", values["score_ratio_bare"], "times"),
            Figure("… lines a second on one core", values["score_lines_per_s"], "/s"),
            Figure("… lines a second on all cores", values["score_lines_per_s_all_cores"], "/s"),
        ]

    def idle(self) -> list[Figure]:
        with service.reviewd(self.reviewd, self.folder / "idle") as s:
            time.sleep(2)  # the first review's mail and the like
            before = s.processor_use()
            time.sleep(IDLE_S)
            after = s.processor_use()
        share = 100 * (after[0] - before[0]) / IDLE_S
        wakes = (after[1] - before[1]) / IDLE_S
        return [
            Figure(f"idle for {IDLE_S} s: processor use", share, "% of one core", 0.1, at_least=False),
            Figure("… wake-ups of all threads", wakes, "/s", float(after[2]), at_least=False),
        ]


PARTS = ["scores", "sentiment", "sign", "calls", "store", "posts", "aws", "memory", "start", "idle"]


def table(figures: list[Figure]) -> str:
    rows = [("what", "measured", "target", "met"), *(f.cells() for f in figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"


BUSY = """The machine was busy with other work: requests and fsyncs, which share its cores and disk, fared worse than they do
alone. Take these figures again on a quiet machine before concluding anything from them."""


def document(figures: list[Figure], where: dict[str, str], busy: bool) -> str:
    warning = f"\n**{BUSY}**\n" if busy else ""
    lines = "".join(f"| {name} | {value} |\n" for name, value in where.items())
    return f"""# Benchmarks

Written by `make bench`; how each figure is taken stands in `tests/bench/run.py`. Ratios are of things measured in turns
in the same run, on the same cores as the load that measures them. With SQLite every 200 is fsynced; where the table does not
say that mails are off, they go to a mail directory. With DynamoDB the AWS end is an nginx that answers 200 at once, and there
are no mails; what the other services do, and what they do not, stands in [tests/bench/peers](../tests/bench/peers/README.md).
{warning}
{table(figures)}
![how far each figure is from its target](benchmarks.svg)

## Measured on

| | |
| --- | --- |
{lines}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="folder of the programs (build)")
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts, separated by commas ({','.join(PARTS)})")
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    bench = Bench(options.build)
    busy = machine.is_busy()
    where = machine.describe(bench.reviewd, bench.folder)
    if busy:
        print(BUSY, file=sys.stderr)
    figures = []
    for part in options.only.split(","):
        print(f"bench: {part} …", file=sys.stderr, flush=True)
        figures += getattr(bench, part)()
    print(table(figures))
    if not options.no_write:
        (ROOT / "docs/BENCHMARKS.md").write_text(document(figures, where, busy), encoding="utf-8")
        bars = [(f.what.lstrip("… "), f.factor) for f in figures if f.target is not None]
        (ROOT / "docs/benchmarks.svg").write_text(plot.svg(bars), encoding="utf-8")
        print("written: docs/BENCHMARKS.md, docs/benchmarks.svg")


if __name__ == "__main__":
    main()
