"""The Makefile's own decisions, without building anything."""

import os
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]


def make(*arguments):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", "-n", "-C", TOP, *arguments], env=environment, text=True, timeout=60,
                          capture_output=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", ["bogus", "%", "address thread", "address undefined thread", "thread-1 thread"])
def test_an_unknown_sanitizer_is_refused(name):
    code, out, err = make("clean", f"SAN={name}")
    assert code != 0 and "rm" not in out
    assert f"SAN={name} is not known; use SAN=address, SAN=undefined or SAN=thread" in err


@pytest.mark.parametrize("name", ["", "address", " undefined ", "thread"])
def test_a_known_sanitizer_is_taken(name):
    code, out, _ = make("clean", f"SAN={name}")
    assert code == 0 and "rm -rf build" in out
