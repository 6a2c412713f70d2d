"""Mails through a real SMTP server: every Positive review is delivered, whatever the server does meanwhile."""

import email
import email.policy
import socket
import threading
import time

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from children import free_port
from service import EXAMPLE, wait_until


class Inbox:
    """What was delivered, and what to refuse; the handler of an aiosmtpd server."""

    def __init__(self):
        self.messages = []
        self.receivers = []
        self.say = None  # a function of the number of mails so far: a reply, or None for 250
        self.seen = 0
        self.lock = threading.Lock()

    async def handle_DATA(self, server, session, envelope):
        with self.lock:
            self.seen += 1
            reply = self.say(self.seen) if self.say else None
            if reply:
                return reply
            self.messages.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
            self.receivers.append(envelope.rcpt_tos)
        return "250 2.0.0 taken"

    def subjects(self):
        with self.lock:
            return sorted(m["Subject"] for m in self.messages)


@pytest.fixture
def smtp():
    """A factory of servers: smtp(inbox, port=0, **settings) gives a running one."""
    running = []

    def make(inbox, port=0, **settings):
        server = Controller(inbox, hostname="127.0.0.1", port=port, **settings)
        if port == 0:  # aiosmtpd connects to its own port at the start, so it must know it
            server.port = free_port()
        server.start()
        running.append(server)
        return server

    yield make
    for server in running:
        if server._thread is not None:
            server.stop()


def settings_for(port, login="", **more):
    return {
        "REVIEWD_MAIL": f"smtp://{login}127.0.0.1:{port}",
        "SENDER_EMAIL": "reviews@example.com",
        "RECEIVER_EMAIL": "a@example.com,b@example.com",
        **more,
    }


def post_positive(service, count, name="Ann"):
    for i in range(count):
        status, _, _ = service.post({**EXAMPLE, "user_name": f"{name} {i}"})
        assert status == 200


def expected(count, name="Ann"):
    return sorted(f"[Positive] Review from {name} {i}" for i in range(count))


def test_each_positive_review_is_delivered(smtp, make_service):
    inbox = Inbox()
    service = make_service(**settings_for(smtp(inbox).port))
    post_positive(service, 40)
    service.post({"user_name": "Bob", "review": "terrible"})
    wait_until(lambda: len(inbox.messages) >= 40, "40 mails")
    assert service.stop() == 0
    assert inbox.subjects() == expected(40)
    assert inbox.messages[0].get_content().strip() == f"Review: {EXAMPLE['review']}"
    assert inbox.receivers[0] == ["a@example.com", "b@example.com"]


def test_a_server_that_comes_late(smtp, make_service):
    port = free_port()
    service = make_service(**settings_for(port))
    post_positive(service, 5)
    wait_until(lambda: service.metric("reviewd_mail_paused") == 1, "the pause")
    wait_until(lambda: len(service.lines("mails are paused")) == 1, "the line")
    inbox = Inbox()
    smtp(inbox, port=port)
    wait_until(lambda: len(inbox.messages) == 5, "the mails after the pause")
    wait_until(lambda: service.metric("reviewd_mail_paused") == 0, "the end of the pause")
    assert inbox.subjects() == expected(5)
    assert len(service.lines("mails are sent again")) == 1


def test_refused_for_now_and_for_ever(smtp, make_service):
    inbox = Inbox()
    inbox.say = lambda n: "451 4.3.0 later" if n % 2 else None
    service = make_service(**settings_for(smtp(inbox).port))
    post_positive(service, 6)
    wait_until(lambda: len(inbox.messages) == 6, "the mails after retries")
    assert inbox.subjects() == expected(6)
    inbox.say = lambda n: "550 5.7.1 not this one"
    post_positive(service, 2, "Eve")
    wait_until(lambda: service.metric('reviewd_mails_total{outcome="dead"}') == 2, "two dead letters")
    for line in service.lines("a mail was given up and is kept as a dead letter"):
        assert "5.7.1" in line["reason"] and "@" not in str(line) and "Eve" not in str(line)


def test_kill_and_restart_lose_nothing(smtp, make_service):
    inbox = Inbox()
    inbox.say = lambda n: time.sleep(0.01)
    service = make_service(**settings_for(smtp(inbox).port))
    for round_number in range(4):
        post_positive(service, 20, f"Round {round_number}")
        service.kill()
        service.start()
    wanted = {s for n in range(4) for s in expected(20, f"Round {n}")}
    wait_until(lambda: set(inbox.subjects()) == wanted, "all mails")
    # At least once: what was in hand at a kill may come again, with the same Message-ID.
    by_id = {m["Message-ID"]: m["Subject"] for m in inbox.messages}
    assert sorted(by_id.values()) == sorted(wanted)


class Login:
    def __call__(self, server, session, envelope, mechanism, data):
        good = (data.login, data.password) == (b"user", b"p@ss:word/")
        return AuthResult(success=good, handled=False)


def test_starttls_and_login(smtp, make_service, certificate, tmp_path):
    inbox = Inbox()
    server = smtp(inbox, tls_context=certificate.context(), require_starttls=True, auth_required=True,
                  authenticator=Login())
    trusted = {"AWS_CA_BUNDLE": certificate.file}
    wrong = make_service(tmp_path / "wrong", **settings_for(server.port, "user:wrong@", **trusted))
    post_positive(wrong, 1)
    wait_until(lambda: wrong.lines("mails are paused"), "the pause")
    assert "login" in wrong.lines("mails are paused")[0]["reason"]
    untrusting = make_service(tmp_path / "untrusting", **settings_for(server.port, "user:p%40ss%3Aword%2F@"))
    post_positive(untrusting, 1)
    wait_until(lambda: untrusting.lines("mails are paused"), "the pause")
    assert "certificate" in untrusting.lines("mails are paused")[0]["reason"]
    assert not inbox.messages
    right = make_service(tmp_path / "right", **settings_for(server.port, "user:p%40ss%3Aword%2F@", **trusted))
    post_positive(right, 3)
    wait_until(lambda: len(inbox.messages) == 3, "three mails")
    assert not [line for line in right.log if "p@ss" in line or "p%40ss" in line]


def test_tls_that_is_not_offered(smtp, make_service):
    inbox = Inbox()
    service = make_service(**settings_for(smtp(inbox).port, REVIEWD_SMTP_REQUIRE_TLS="on"))
    post_positive(service, 1)
    wait_until(lambda: service.lines("mails are paused"), "the pause")
    assert not inbox.messages


def test_stop_while_mails_are_under_way(smtp, make_service):
    inbox = Inbox()
    inbox.say = lambda n: time.sleep(0.2)
    service = make_service(**settings_for(smtp(inbox).port))
    post_positive(service, 30)
    wait_until(lambda: inbox.messages, "the first mail")
    assert service.stop() == 0
    delivered = len(inbox.messages)
    assert delivered < 30
    inbox.say = None
    service.start()
    wait_until(lambda: len(inbox.messages) >= 30, "the rest")
    assert inbox.subjects() == expected(30)  # an orderly stop sends none twice


def test_a_silent_server_and_a_stuck_body_share_the_time_to_stop(make_service):
    """What one waits for must not come on top of the other."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = settings_for(silent.getsockname()[1], REVIEWD_DRAIN_TIMEOUT="8s", REVIEWD_DRAIN_DELAY="1s")
        service = make_service(**settings)
        post_positive(service, 1)
        silent.settimeout(100)
        mail, _ = silent.accept()
        with mail, service.connect() as stuck:
            stuck.sendall(b"POST /reviews HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab")
            before = service.metric("reviewd_request_bytes_total")
            assert before >= 2
            begun = time.monotonic()
            assert service.stop() == 0
            assert 6 < time.monotonic() - begun < 8  # of which 8 s / 5 are not the requests'
    assert service.lines("stopped")
    assert service.outbox() == ["pending"]
