"""What the Makefile and the scripts behind it decide by themselves; nothing is built."""

import os
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]


def run(*arguments, **more):
    """`make` in the top folder: (exit status, output, errors)."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", "-C", TOP, *arguments], env=environment | more, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, capture_output=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", ["bogus", "%", "address thread", "address undefined thread", "thread-1 thread"])
def test_an_unknown_sanitizer_is_refused(name):
    code, out, err = run("-n", "clean", f"SAN={name}")
    assert code != 0 and "rm" not in out
    assert f"SAN={name} is not known; use SAN=address, SAN=undefined or SAN=thread" in err


@pytest.mark.parametrize("name", ["", "address", " undefined ", "thread"])
def test_a_known_sanitizer_is_taken(name):
    code, out, _ = run("-n", "clean", f"SAN={name}")
    assert code == 0 and "rm -rf build" in out


@pytest.fixture
def machine(tmp_path):
    """A PATH on which Java is fine and `mvn` notes its calls and ends with the code in the file `code`."""
    (tmp_path / "bin").mkdir()
    calls = tmp_path / "calls"
    calls.touch()
    programs = {"java": "echo 'openjdk version \"17.0.1\"' >&2", "mvn": f"echo >>{calls}; exit $(cat {tmp_path}/code)"}
    for name, text in programs.items():
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("code, there", [(1, "missing"), (0, ".installed")])
def test_dynamodb_local_is_fetched_once(machine, code, there):
    folder = machine / "local"
    target = [f"DYNAMODB_LOCAL={folder}", f"{folder}/.tried"]
    path = {"PATH": f"{machine}/bin:{os.environ['PATH']}"}

    def tries():
        return len((machine / "calls").read_text().splitlines())

    (machine / "code").write_text(str(code))
    assert run(*target, **path)[0] == 0 and tries() == 1
    assert {p.name for p in folder.iterdir()} - {"log", "lib"} == {".tried", there}
    assert run(*target, **path)[0] == 0 and tries() == 1
    changed = ["-W", "tests/tools/dynamodb-local.xml", *target]
    (machine / "code").write_text("1")
    assert run(*changed, **path)[0] == 0 and tries() == 2
    assert not (folder / ".installed").exists() and "Maven could not fetch it" in (folder / "missing").read_text()


@pytest.mark.parametrize("port", ["0", "65536", "99999", "123456", "8080x", "-1", " "])
def test_a_wrong_port_is_said_before_the_address(port):
    done = subprocess.run(["deploy/run-local.sh", "/bin/false"], cwd=TOP, env=os.environ | {"PORT": port}, text=True,
                          timeout=60, capture_output=True)
    says = f"run: PORT={port} is not allowed; it must be a whole number from 1 to 65535\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", says)


@pytest.mark.parametrize("port", ["1", "65535"])
def test_a_right_port_is_taken(port, tmp_path):
    done = subprocess.run([TOP / "deploy/run-local.sh", "/bin/false"], cwd=tmp_path, env=os.environ | {"PORT": port},
                          text=True, timeout=60, capture_output=True)
    assert f"http://127.0.0.1:{port}/reviews" in done.stdout or "is in use" in done.stderr
