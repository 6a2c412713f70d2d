"""What all commands of reviewd share: options, help, standard descriptors; and whom healthcheck asks."""

import os
import subprocess
import sys

import pytest

from service import BINARY, EXAMPLE, wait_until

COMMANDS = ["serve", "score", "config", "check", "mail", "table", "healthcheck"]
ACTIONS = [["mail", "list"], ["mail", "requeue"], ["mail", "drop"], ["table", "create"]]


def run(*arguments, **more):
    environment = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS") or k == "PATH"}
    environment |= more.pop("settings", {})
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    done = subprocess.run([BINARY, *arguments], env=environment, text=True, timeout=100, **output)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(command):
    for option in ("--help", "-h"):
        code, out, err = run(command, option)
        assert (code, err) == (0, "") and out.startswith(f"usage: reviewd {command} ")


@pytest.mark.parametrize("action", ACTIONS, ids=" ".join)
def test_help_of_each_action(action):
    for option in ("--help", "-h"):
        assert run(*action, option) == run(action[0], option) == run(action[0], option, action[1])
        assert run(*action, option)[0] == 0


@pytest.mark.parametrize("option", ["--help", "-h", "help"])
def test_help(option):
    code, out, err = run(option)
    assert (code, err) == (0, "") and "usage: reviewd" in out


def test_version():
    code, out, err = run("--version")
    assert (code, err) == (0, "") and out.startswith("reviewd ")
    for command in [[], *([c] for c in COMMANDS), *ACTIONS]:
        for option in ("--version", "-V"):
            assert run(*command, option) == (code, out, err)
    assert run("nonsense", "--version")[0] == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_wrong_options_are_named(command):
    valued = "--threads" if command == "score" else "--env-file"
    for wrong, says in [
        (["--wrong=1"], "unknown option --wrong"),
        (["-x"], "unknown option -x"),
        (["-xy"], "unknown option -x"),
        ([valued, "1", "-xy"], "unknown option -x"),
        (["--wro\nng"], "unknown option --wro?ng"),
        (["--version=1"], "--version takes no value"),
        ([valued], f"a value is missing for {valued}"),
    ]:
        assert run(command, *wrong) == (2, "", f"reviewd: {says}; try reviewd {command} --help\n")


@pytest.mark.parametrize("command", ["serve", "config", "check", "healthcheck"])
def test_arguments_are_refused(command):
    says = f"{command} takes no argument more; try reviewd {command} --help"
    assert run(command, "more") == (2, "", f"reviewd: {says}\n")


@pytest.mark.parametrize("arguments, says", [
    (["nonsense"], "unknown command nonsense; try reviewd --help"),
    (["non\nsense"], "unknown command non?sense; try reviewd --help"),
    (["mail"], "mail needs an action: list, requeue or drop; try reviewd mail --help"),
    (["mail", "se\nnd"], "unknown action se?nd; try reviewd mail --help"),
    (["table"], "table needs one action: create; try reviewd table --help"),
    (["table", "drop"], "table needs one action: create; try reviewd table --help"),
    (["table", "create"], "TABLE_NAME is not set: it names the table; try reviewd table --help"),
    (["score", "--threads", "x"], "--threads is 'x', but must be a number from 1 to 1024; try reviewd score --help"),
])
def test_wrong_usage_is_one_line(arguments, says):
    assert run(*arguments) == (2, "", f"reviewd: {says}\n")


@pytest.mark.parametrize("name, value, shown", [
    ("REVIEWD_MAIL", "smtp://h:0", "smtp://h:0"),
    ("REVIEWD_MAIL", "smtp://u:pw@h:xx", "smtp://u:********@h:xx"),
    ("REVIEWD_MAIL", "smtp://h/x?y", "smtp://h/x?y"),
    ("SENDER_EMAIL", "foo", "foo"),
    ("RECEIVER_EMAIL", "a@b,,c", "a@b,,c"),
    ("RECEIVER_EMAIL", ",", ","),
    ("RECEIVER_EMAIL", "@", "@"),
])
def test_a_wrong_setting_stops_each_command_with_one_line(name, value, shown):
    for command in ("config", "serve", "check"):
        code, out, err = run(command, settings={name: value})
        assert (code, out) == (2, "") and len(err.splitlines()) == 1
        assert err.startswith(f"reviewd: {name}={shown} is not allowed; it must be ")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["serve", "--help"], ["config"], ["score", "good"]])
def test_output_that_cannot_be_written_is_a_failure(arguments):
    with open("/dev/full", "w") as full:
        code, _, err = run(*arguments, stdout=full)
    assert code == 1
    assert "standard output" in err and len(err.splitlines()) == 1


@pytest.mark.stores("sqlite")  # which keeps files open
@pytest.mark.parametrize("closed", [[0], [1], [2], [0, 1, 2]])
def test_closed_standard_descriptors_are_not_taken_by_files(make_service, closed):
    closer = "import os, sys; [os.close(fd) for fd in %r]; os.execvp(sys.argv[1], sys.argv[1:])" % closed
    service = make_service(start=False, wrapper=[sys.executable, "-c", closer], REVIEWD_LISTEN="127.0.0.1:0")
    service.launch()
    fds = f"/proc/{service.process.pid}/fd"

    def is_open(path):
        return any(os.path.realpath(f"{fds}/{fd}") == str(path) for fd in os.listdir(fds))

    wait_until(lambda: is_open(service.store.path))
    for fd in closed:
        assert os.readlink(f"{fds}/{fd}") == "/dev/null"
    if 2 not in closed:
        wait_until(lambda: service.port)
        assert service.post(EXAMPLE)[0] == 200
    assert service.stop() == 0


def test_healthcheck_asks_no_proxy(service):
    settings = {"REVIEWD_LISTEN": f"127.0.0.1:{service.port}"}
    for name in ("http_proxy", "all_proxy", "ALL_PROXY"):
        assert run("healthcheck", settings=settings | {name: "http://127.0.0.1:1"}) == (0, "", "")


@pytest.mark.parametrize("wildcard", ["0.0.0.0", "[::]"])
def test_healthcheck_of_a_wildcard_needs_no_ipv6(service, wildcard):
    assert run("healthcheck", settings={"REVIEWD_LISTEN": f"{wildcard}:{service.port}"}) == (0, "", "")
