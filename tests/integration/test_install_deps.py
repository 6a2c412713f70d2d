"""deploy/install-deps.sh where it cannot install: one line that says what to do, and a failure."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "install-deps.sh"
TOOLS = ["bash", "awk", "grep", "sort", "uniq", "paste", "id", "env", "mktemp", "rm", "tail", "true"]
NOBODY = 65534


class Machine:
    """A PATH with the few commands that are on any system, and none of what is to be installed."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.chmod(0o755)
        self.script = shutil.copy(SCRIPT, self.folder / "install-deps.sh")
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))

    def command(self, name, text):
        path = self.bin / name
        path.write_text(f"#!{self.bin}/bash\n{text}\n")
        path.chmod(0o755)

    def run(self, *groups, root):
        user = {} if root or os.getuid() != 0 else {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        done = subprocess.run(
            [self.bin / "bash", self.script, *groups], env={"PATH": str(self.bin)}, text=True, timeout=60,
            stdin=subprocess.DEVNULL, capture_output=True, **user,
        )
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def machine():
    with tempfile.TemporaryDirectory() as folder:
        yield Machine(folder)


as_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root")
INSTALLING = "deps: installing clang-format clang-tidy cppcheck python3 shellcheck\n"
LINT = "clang-format clang-tidy cppcheck python3 shellcheck"


def test_nothing_is_done_when_nothing_is_missing(machine):
    for tool in LINT.split():
        machine.command(tool, "exit 0")
    assert machine.run("lint", root=False) == (0, "", "")


@pytest.mark.parametrize("root", [pytest.param(True, marks=as_root), False])
def test_without_apt(machine, root):
    says = f"deps: missing, by their Debian names: {LINT} - install their counterparts with this system's package manager"
    assert machine.run("lint", root=root) == (1, "", f"{says}, then run make again\n")


@pytest.mark.parametrize("sudo", [None, "exit 1"], ids=["no sudo", "sudo wants a password"])
def test_without_root(machine, sudo):
    machine.command("apt-get", "echo apt-get was called; exit 1")
    if sudo:
        machine.command("sudo", sudo)
    says = f"deps: missing packages, and no root here to install them; as root, run: apt-get install {LINT}\n"
    assert machine.run("lint", root=False) == (1, "", says)


def test_with_sudo(machine):
    machine.command("sudo", '[ "$1" = -n ] && shift && AS_ROOT=1 exec "$@"')
    machine.command("apt-get", '[ "$AS_ROOT$DEBIAN_FRONTEND" = 1noninteractive ] && [ "$3" = install ]')
    assert machine.run("lint", root=False) == (0, INSTALLING, "")


@as_root
@pytest.mark.parametrize("complaint, why", [
    ("Reading lists\nE: Unable to fetch some archives\nE: more", "E: Unable to fetch some archives"),
    ("", "it did not say why"),
])
def test_when_apt_fails(machine, complaint, why):
    machine.command("apt-get", f"echo '{complaint}'; exit 100")
    says = f"deps: apt-get could not install {LINT}: {why}; mend that, then run make again\n"
    assert machine.run("lint", root=True) == (1, INSTALLING, says)


@as_root
def test_lists_are_fetched_when_a_package_is_not_found(machine):
    machine.command("apt-get", 'case $3 in update) echo >"$0.updated" ;; *) [ -e "$0.updated" ] ;; esac')
    assert machine.run("lint", root=True) == (0, INSTALLING, "")


@pytest.mark.parametrize("group, package", [("test", "openssl"), ("test", "strace"), ("run", "curl")])
def test_commands_that_are_called_are_listed(machine, group, package):
    code, _, says = machine.run(group, root=False)
    assert code == 1 and f" {package} " in says


@pytest.mark.parametrize("groups, says", [
    ([], "name at least one group of: build run test dynamodb lint fuzz coverage bench"),
    (["nonsense"], "no group is called 'nonsense'"),
])
def test_wrong_usage(machine, groups, says):
    assert machine.run(*groups, root=False) == (1, "", f"deps: {says}\n")
