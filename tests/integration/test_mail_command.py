"""`reviewd mail`: dead letters, beside the running service."""

import json
import os
import subprocess

import pytest

from service import BINARY, wait_until


def mail(service, *arguments, **settings):
    environment = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS") or k == "PATH"}
    environment.update(service.settings, **settings)
    return subprocess.run([BINARY, "mail", *arguments], env=environment, capture_output=True, text=True, timeout=60)


@pytest.fixture
def dead(service):
    """A running service with three dead letters, whose `ids` rise."""
    for i in range(1, 4):
        service.store.bury(f"Customer {i}", f"2025-11-28T11:16:31.36390{i}", "secret \x1b[31mtext", "no such mailbox")
    service.ids = ids(service)
    return service


def ids(service):
    return [str(json.loads(line)["id"]) for line in mail(service, "list", "--json").stdout.splitlines()]


def test_list(dead):
    result = mail(dead, "list")
    assert result.returncode == 0, result.stderr
    assert "3 dead, 0 waiting" in result.stdout
    assert "2025-11-28T11:16:31.363902" in result.stdout
    assert "no such mailbox" in result.stdout
    assert "secret" not in result.stdout and "Customer" not in result.stdout


def test_list_json(dead):
    lines = [json.loads(line) for line in mail(dead, "list", "--json").stdout.splitlines()]
    assert len(lines) == 3
    assert lines[0] == {
        "id": int(dead.ids[0]),
        "created": "2025-11-28T11:16:31.363901",
        "attempts": 2,
        "error": "no such mailbox",
    }
    verbose = json.loads(mail(dead, "list", "--json", "--verbose").stdout.splitlines()[0])
    assert (verbose["user_name"], verbose["review"]) == ("Customer 1", "secret \x1b[31mtext")


def test_verbose_list_does_not_control_the_terminal(dead):
    output = mail(dead, "list", "--verbose").stdout
    assert "Customer 1" in output and "\x1b" not in output


def test_requeued_mail_is_sent_by_the_running_service(dead):
    result = mail(dead, "requeue", dead.ids[1])
    assert (result.returncode, result.stdout) == (0, "1 requeued\n")
    wait_until(lambda: list((dead.mail / "new").glob("*")), "the mail")
    assert mail(dead, "requeue", "--all").stdout == "2 requeued\n"
    wait_until(lambda: len(list((dead.mail / "new").glob("*"))) == 3, "three mails")
    assert "0 dead" in mail(dead, "list").stdout


def test_drop(dead):
    assert mail(dead, "drop", dead.ids[0], dead.ids[2]).stdout == "2 dropped\n"
    assert ids(dead) == [dead.ids[1]]
    result = mail(dead, "drop", dead.ids[0])
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == f"reviewd: no dead letter has the id {dead.ids[0]}"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["send"],
        ["list", "1"],
        ["list", "--all"],
        ["requeue"],
        ["requeue", "--all", "1"],
        ["requeue", "0"],
        ["drop", "-1"],
        ["drop", "1x"],
        ["drop", "1", "--json"],
        ["list", "--unknown"],
        ["list", "--env-file"],
    ],
)
def test_usage(make_service, arguments):
    result = mail(make_service(start=False), *arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1 and result.stderr.startswith("reviewd: ")


@pytest.mark.stores("sqlite")
def test_missing_database(service, tmp_path):
    result = mail(service, "list", REVIEWD_STORE=f"sqlite:{tmp_path}/none.db")
    assert result.returncode == 1
    assert "none.db" in result.stderr and "No such file" in result.stderr
    assert not (tmp_path / "none.db").exists()


def test_help(service):
    result = mail(service, "--help")
    assert result.returncode == 0 and "requeue ID" in result.stdout
