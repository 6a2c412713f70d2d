#!/usr/bin/env python3
"""`reviewd score --ndjson` against TextBlob: both read the same file of reviews of about 60 bytes, score each and write
the object back with its sentiment; one core each, in turns, best of three.

    tests/bench/bench_score.py        needs PyPI textblob; the binary is $REVIEWD_BIN, or build/reviewd

Prints "name value" lines. score_ratio is the one that has a target (100): against TextBlob(review).sentiment, as the
reference calls it. score_ratio_bare is against TextBlob's scorer without the objects around it."""

import json
import os
import random
import subprocess
import tempfile
import time
from pathlib import Path

import textblob.en
from textblob import TextBlob

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("REVIEWD_BIN", str(ROOT / "build/reviewd"))
ROUNDS, THEIR_LINES, REPEATS = 3, 40_000, 25

SUBJECTS = "delivery battery screen support price manual colour handle sound packaging fabric lid cable app filter".split()
VERBS = "was is seems feels looked turned out to be became".split(" ")
ADVERBS = "very really quite not hardly extremely a bit so rather just".split(" ")
JUDGEMENTS = ("good bad great poor excellent terrible lovely broken fine slow fast cheap expensive awful perfect useless "
              "nice sturdy ugly average").split()
TAILS = ["would buy again", "never again!", "as described", "for the money", "my daughter loves it", "sent it back",
         "arrived on Tuesday", "no complaints :)", "2 stars", "what a pity", "thank you", "I don't recommend it"]


def review(rng: random.Random) -> str:
    text = (f"The {rng.choice(SUBJECTS)} {rng.choice(VERBS)} {rng.choice(ADVERBS)} {rng.choice(JUDGEMENTS)}, "
            f"the {rng.choice(SUBJECTS)} {rng.choice(JUDGEMENTS)}")
    return f"{text}, {rng.choice(TAILS)}." if rng.random() < 0.7 else f"{text}."


def polarity_of(text: str) -> float:
    return TextBlob(text).sentiment.polarity


def bare_polarity_of(text: str) -> float:
    return textblob.en.sentiment(text)[0]


def python(path: Path, polarity_of) -> float:
    """Lines a second."""
    begin = time.perf_counter()
    count = 0
    with open(path, encoding="utf-8") as lines, open(os.devnull, "w", encoding="utf-8") as out:
        for line in lines:
            item = json.loads(line)
            polarity = polarity_of(item["review"])
            item["sentiment"] = "Positive" if polarity > 0.1 else "Negative" if polarity < -0.1 else "Neutral"
            item["polarity_score"] = str(polarity)
            out.write(json.dumps(item) + "\n")
            count += 1
    return count / (time.perf_counter() - begin)


def reviewd(path: Path, *arguments: str) -> float:
    """Lines a second, the start of the process included. The file is the other's, several times over: alone it is
    done before the clock has ticked."""
    with open(path, "rb") as lines, open(os.devnull, "wb") as out:
        begin = time.perf_counter()
        subprocess.run([BINARY, "score", "--ndjson", *arguments], stdin=lines, stdout=out, check=True)
        return THEIR_LINES * REPEATS / (time.perf_counter() - begin)


def check_same(path: Path) -> None:
    """What is compared must give the same results."""
    lines = path.read_text(encoding="utf-8").splitlines()[:2000]
    done = subprocess.run([BINARY, "score", "--ndjson"], input="\n".join(lines), capture_output=True, text=True, check=True)
    for line, scored in zip(lines, done.stdout.splitlines(), strict=True):
        expected = str(polarity_of(json.loads(line)["review"]))
        if json.loads(scored)["polarity_score"] != expected:
            raise SystemExit(f"bench_score: TextBlob says {expected}, but reviewd {scored}")


def main() -> None:
    rng = random.Random(1)
    reviews = [review(rng) for _ in range(THEIR_LINES)]
    content = "".join(f'{{"review": {json.dumps(text)}}}\n' for text in reviews)
    with tempfile.TemporaryDirectory(prefix="bench_score.") as folder:
        small, large = Path(folder, "small.ndjson"), Path(folder, "large.ndjson")
        small.write_text(content, encoding="utf-8")
        large.write_text(content * REPEATS, encoding="utf-8")
        check_same(small)
        theirs = bare = one = all_cores = 0.0
        for _ in range(ROUNDS):
            theirs = max(theirs, python(small, polarity_of))
            bare = max(bare, python(small, bare_polarity_of))
            one = max(one, reviewd(large, "--threads", "1"))
            all_cores = max(all_cores, reviewd(large))
    print(f"score_bytes {sum(map(len, reviews)) / len(reviews):.1f}")
    print(f"score_textblob_lines_per_s {theirs:.0f}")
    print(f"score_lines_per_s {one:.0f}")
    print(f"score_lines_per_s_all_cores {all_cores:.0f}")
    print(f"score_ratio_bare {one / bare:.1f}")
    print(f"score_ratio {one / theirs:.1f}")


if __name__ == "__main__":
    main()
