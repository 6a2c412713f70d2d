"""reviewd check and healthcheck, with the service up and down."""

import os
import shutil
import subprocess

import pytest

from service import BINARY


def run(command, service):
    environment = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS") or k == "PATH"}
    done = subprocess.run(
        [BINARY, command],
        env=environment | service.settings | {"REVIEWD_LISTEN": f"127.0.0.1:{service.port or 1}"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    return done.returncode, done.stdout, done.stderr


def test_check_without_a_service(make_service):
    service = make_service(start=False)
    code, out, _ = run("check", service)
    assert code == 0
    assert {line.split()[0] for line in out.splitlines()} == {"ok"}
    assert out.splitlines().index(f"ok   mail: {service.settings['REVIEWD_MAIL']}") > 0


def test_check_beside_a_running_service(service):
    code, out, _ = run("check", service)
    assert code == 0, out


@pytest.mark.stores("sqlite")
def test_check_makes_no_database(make_service, tmp_path):
    service = make_service(start=False, REVIEWD_STORE=f"sqlite:{tmp_path}/deep/er/reviews.db")
    code, out, err = run("check", service)
    assert (code, err) == (0, "")
    assert "reviews.db: not there yet, the service will make it" in out
    assert not (tmp_path / "deep").exists()


@pytest.mark.stores("sqlite")
def test_check_says_the_schema(service):
    service.stop()
    code, out, err = run("check", service)
    assert (code, err) == (0, "")
    assert "reviews.db: schema " in out


@pytest.mark.stores("sqlite")
def test_check_of_a_database_in_use(service):
    mail_in_hand = service.mail / "tmp" / "1764328591.M363902R42.reviewd"
    mail_in_hand.write_text("half a mail")
    _, out, _ = run("check", service)
    assert "a running service has it" in out
    assert mail_in_hand.exists()


@pytest.mark.stores("sqlite")
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_check_of_a_folder_that_cannot_be_written(make_service, tmp_path):
    service = make_service(start=False)
    tmp_path.chmod(0o500)
    code, out, _ = run("check", service)
    assert code == 1 and "FAIL" in out


@pytest.mark.stores("sqlite")
def test_check_of_what_cannot_be_opened(make_service, tmp_path):
    service = make_service(start=False)
    (tmp_path / "reviews.db").write_bytes(b"no database at all" * 100)
    shutil.rmtree(service.mail, ignore_errors=True)
    service.mail.write_text("a file")
    code, out, _ = run("check", service)
    assert code == 1
    assert [line.split()[0] for line in out.splitlines()] == ["FAIL", "FAIL"]
    assert str(tmp_path) in out


def test_check_of_a_mail_server_that_is_down(make_service):
    service = make_service(
        start=False, REVIEWD_MAIL="smtp://127.0.0.1:1", SENDER_EMAIL="a@example.com", RECEIVER_EMAIL="b@example.com"
    )
    code, out, _ = run("check", service)
    assert code == 1
    assert "FAIL mail" in out and "check host and port" in out


def test_healthcheck(service):
    assert run("healthcheck", service) == (0, "", "")
    service.stop()
    code, out, err = run("healthcheck", service)
    assert (code, out) == (1, "")
    assert "does not answer" in err and len(err.splitlines()) == 1
