"""Mails through SES: on moto, which verifies signatures, through a proxy that makes faults, and on a scripted stub."""

import collections
import json
import os
import signal
import subprocess
import threading
import time
import urllib.request

import pytest

from service import BINARY, wait_until
from ses_stub import SesStub

GOOD = "The tool is fantastic. Far despite visit mind computer prevent."
BAD = "This is terrible, awful and boring."
PLAIN = "It is a table."
RECEIVERS = ["admin@example.com", "second@example.org"]


def ses_settings(sender="reviews@example.com", **more):
    return {"REVIEWD_MAIL": "ses", "SENDER_EMAIL": sender, "RECEIVER_EMAIL": ", ".join(RECEIVERS)} | more


def answers(service, verdict):
    return service.metric(f'reviewd_ses_answers_total{{verdict="{verdict}"}}')


def mails_end(service, what):
    return service.metric(f'reviewd_mails_total{{outcome="{what}"}}')


def post_all(service, names, review=GOOD):
    """Posts a review of each name, eight at a time, and checks that all are taken."""
    names = list(names)
    statuses = []

    def work(part):
        statuses.extend(service.post({"user_name": name, "review": review})[0] for name in part)

    threads = [threading.Thread(target=work, args=(names[i::8],)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * len(names)


def command(service, *arguments):
    environment = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS") or k == "PATH"}
    return subprocess.run([BINARY, *arguments], env=environment | service.settings, capture_output=True, text=True,
                          timeout=100, check=False)


# --- moto ---------------------------------------------------------------------------------------------------


class Outbox:
    """What moto has mailed for a sender of its own."""

    def __init__(self, aws):
        self.aws = aws
        self.sender = f"reviews{time.monotonic_ns()}@example.com"
        self.settings = ses_settings(self.sender, REVIEWD_SES_RATE="1000", REVIEWD_MAIL_LEASE="8s") | aws.settings

    def verify_sender(self):
        self.aws.client("ses").verify_email_identity(EmailAddress=self.sender)

    def mails(self):
        with urllib.request.urlopen(f"{self.aws.url}/moto-api/data.json", timeout=10) as answer:
            sent = json.load(answer).get("ses", {}).get("Message", [])
        return [mail for mail in sent if mail["source"] == self.sender]

    def names(self):
        return collections.Counter(mail["subject"].removeprefix("[Positive] Review from ") for mail in self.mails())


@pytest.fixture
def outbox(aws):
    return Outbox(aws)


def test_as_many_mails_as_positive_reviews(make_service, outbox):
    outbox.verify_sender()
    service = make_service(**outbox.settings)
    post_all(service, [f"good {i}" for i in range(30)])
    post_all(service, [f"bad {i}" for i in range(20)], BAD)
    post_all(service, [f"plain {i}" for i in range(20)], PLAIN)
    service.post({"user_name": 'Zoë "Ж" 🙂', "review": GOOD + "\nSecond \"line\", é."})
    wait_until(lambda: mails_end(service, "sent") == 31, "all mails")
    assert outbox.names() == collections.Counter([f"good {i}" for i in range(30)] + ['Zoë "Ж" 🙂'])
    mail = next(mail for mail in outbox.mails() if "Zoë" in mail["subject"])
    assert mail["subject"] == '[Positive] Review from Zoë "Ж" 🙂'
    assert mail["body"] == f"Review: {GOOD}\nSecond \"line\", é."
    assert mail["destinations"] == {"ToAddresses": RECEIVERS}
    assert answers(service, "sent") == 31
    assert service.stop() == 0


def test_mails_wait_for_an_unverified_sender(make_service, outbox):
    service = make_service(**outbox.settings)
    post_all(service, ["Ann", "Bob", "Cy"])
    wait_until(lambda: service.metric("reviewd_mail_paused") == 1, "the pause")
    assert answers(service, "unverified") >= 1
    [line] = wait_until(lambda: service.lines("mails are paused"), "the line")
    assert "not verified" in line["reason"]
    assert "verify it" in line["reason"]
    outbox.verify_sender()
    wait_until(lambda: mails_end(service, "sent") == 3, "the mails")
    assert outbox.names() == {"Ann": 1, "Bob": 1, "Cy": 1}
    assert service.metric("reviewd_mail_paused") == 0
    assert mails_end(service, "dead") == 0
    service.stop()
    assert "example.com" not in "\n".join(service.log)  # neither sender nor receivers


def test_a_role_that_may_not_send(make_service, aws, outbox):
    outbox.verify_sender()
    service = make_service(**outbox.settings | aws.user_settings(["dynamodb:PutItem"]))
    post_all(service, ["Ann"])
    wait_until(lambda: answers(service, "denied") >= 1, "the refusal")
    [line] = wait_until(lambda: service.lines("mails are paused"), "the line")
    assert "ses:SendEmail" in line["reason"]
    assert outbox.mails() == []


@pytest.mark.stores("sqlite")  # the table would not be written either
def test_a_wrong_secret(make_service, outbox):
    outbox.verify_sender()
    service = make_service(**outbox.settings | {"AWS_SECRET_ACCESS_KEY": "wrong"})
    post_all(service, ["Ann"])
    wait_until(lambda: service.metric("reviewd_mail_paused") == 1, "the pause")
    assert outbox.mails() == []
    assert mails_end(service, "dead") == 0


ERRORS = {
    "throttled": {"error": {"code": "TooManyRequestsException", "status": 429,
                            "message": "Maximum sending rate exceeded."}},
    "500": {"error": {"code": "InternalFailure", "status": 500}},
    "503": {"error": {"code": "ServiceUnavailable", "status": 503}},
    "reset": {"reset": True},
    "cut off": {"response": {"abort_frac": 0.5}},
    "truncated": {"response": {"truncate_frac": 0.5}},
    "corrupted": {"response": {"corrupt_bytes": 8}},
}


@pytest.mark.parametrize("fault", ERRORS)
def test_every_positive_review_has_its_mail(make_service, outbox, faults, fault):
    """Fail two, pass three, over and over: nothing is lost, and what was refused is not sent twice."""
    outbox.verify_sender()
    faults.set({"service": "ses", "sequence": {"fail": 2, "pass": 3}, **ERRORS[fault]})
    service = make_service(**outbox.settings | outbox.aws.settings_for(faults.url) | {"REVIEWD_SES_TIMEOUT": "5s"})
    names = [f"user {i}" for i in range(25)]
    post_all(service, names)
    wait_until(lambda: mails_end(service, "sent") == 25, "all mails")
    got = outbox.names()
    assert set(got) == set(names)
    if fault in ("throttled", "500", "503"):
        assert max(got.values()) == 1
    assert sum(faults.fired().values()) > 0
    assert mails_end(service, "dead") == 0
    assert service.stop() == 0


def test_kill_in_the_middle(make_service, outbox):
    outbox.verify_sender()
    settings = outbox.settings | {"REVIEWD_SES_RATE": "80"}
    names = [f"user {i}" for i in range(80)]
    service = make_service(**settings)
    post_all(service, names)
    for count in (20, 60):
        wait_until(lambda count=count: len(outbox.mails()) >= count, f"{count} mails")
        service.stop(signal.SIGKILL)
        service = make_service(folder=service.folder, **settings)
    wait_until(lambda: set(outbox.names()) == set(names), "all mails")
    wait_until(lambda: service.outbox() == [], "the notes of them")


# --- a stub -------------------------------------------------------------------------------------------------


@pytest.fixture
def ses(request):
    """For the keys of the store that the service is on; all must be signed with them."""
    stub = SesStub()
    if request.node.callspec.params["store"] == "dynamodb":
        stub.secrets = dict([request.getfixturevalue("aws").keys])
    yield stub
    stub.close()
    assert stub.unsigned == 0


def test_what_is_sent(make_service, ses):
    service = make_service(**ses_settings(REVIEWD_SES_CONFIGURATION_SET="reviews",
                                          REVIEWD_SES_TAGS="app=reviewd,stage=prod") | ses.settings)
    post_all(service, ["Ann"])
    wait_until(lambda: ses.mails, "the mail")
    [(_, body)] = ses.mails
    [header] = body["Content"]["Simple"].pop("Headers")
    assert header["Name"] == "X-Review-Id"
    assert int(header["Value"]) > 0
    assert body == {
        "FromEmailAddress": "reviews@example.com",
        "Destination": {"ToAddresses": RECEIVERS},
        "Content": {"Simple": {"Subject": {"Data": "[Positive] Review from Ann", "Charset": "UTF-8"},
                               "Body": {"Text": {"Data": f"Review: {GOOD}", "Charset": "UTF-8"}}}},
        "ConfigurationSetName": "reviews",
        "EmailTags": [{"Name": "app", "Value": "reviewd"}, {"Name": "stage", "Value": "prod"}],
    }


@pytest.mark.parametrize("rate", ["0", "100"])
def test_the_first_review_finds_its_connections(make_service, ses, rate):
    """To SES and to DynamoDB, before anything is posted. (moto ends a connection after each answer.)"""
    service = make_service(**ses_settings(REVIEWD_SES_RATE=rate) | ses.settings)
    wait_until(lambda: ses.connections == 1, "the connection to SES")
    if "TABLE_NAME" in service.settings:
        wait_until(lambda: service.metric("reviewd_net_connects_total") > 1, "a connection to DynamoDB")
    post_all(service, ["Ann"])
    wait_until(lambda: ses.mails, "the mail")
    assert ses.connections == 1


def test_the_pace_stays_below_the_accounts(make_service, ses):
    """14 a second, two receivers each: at 80 %, 5.6 mails a second."""
    ses.account["SendQuota"]["MaxSendRate"] = 14
    service = make_service(**ses_settings() | ses.settings)
    post_all(service, [f"user {i}" for i in range(20)])
    wait_until(lambda: len(ses.mails) == 20, "all mails")
    times = [at for at, _ in ses.mails]
    assert times[-1] - times[0] > 19 / 5.6 - 0.5
    assert max(sum(1 for at in times if start <= at < start + 1) for start in times) <= 7
    wait_until(lambda: service.metric("reviewd_ses_pace_millireceivers_per_second") == 11200, "the metric")


def test_the_pace_where_the_account_is_not_told(make_service, ses):
    ses.account = None
    service = make_service(**ses_settings() | ses.settings)
    post_all(service, ["Ann", "Bob"])
    wait_until(lambda: len(ses.mails) == 2, "both mails")
    assert ses.mails[1][0] - ses.mails[0][0] > 1.9  # two receivers each
    message = "SES does not tell the account's sending rate; allow ses:GetAccount, or set REVIEWD_SES_RATE"
    [line] = wait_until(lambda: service.lines(message), "the line")
    assert "AccessDenied" in line["reason"]


def test_too_fast(make_service, ses):
    """SES throttles more than the account's rate says: slower, and nothing is lost."""
    last = [0.0]

    def refuse(_body):
        now = time.monotonic()
        early = now - last[0] < 0.02
        last[0] = now
        return "rate" if early else None

    ses.refuse = refuse
    service = make_service(**ses_settings(REVIEWD_SES_RATE="200") | ses.settings)
    names = [f"user {i}" for i in range(40)]
    post_all(service, names)
    wait_until(lambda: mails_end(service, "sent") == 40, "all mails")
    assert sorted(ses.subjects()) == sorted(f"[Positive] Review from {name}" for name in names)
    assert answers(service, "rate") > 0
    assert ses.requests == 40 + answers(service, "rate")  # no call tries again by itself


def test_one_refusal_slows_down(make_service, ses):
    """Also when the next try of that mail would have been taken."""
    causes = iter(["rate"])
    ses.refuse = lambda _body: next(causes, None)
    service = make_service(**ses_settings(REVIEWD_SES_RATE="100") | ses.settings)
    post_all(service, ["Ann"])
    wait_until(lambda: answers(service, "sent") == 1, "the mail")
    assert (ses.requests, answers(service, "rate")) == (2, 1)
    wait_until(lambda: 70000 <= service.metric("reviewd_ses_pace_millireceivers_per_second") < 100000, "a slower pace")


def test_slow_answers_do_not_hold_up_the_pace(make_service, ses):
    """No mail is answered before twenty are under way."""
    together = threading.Barrier(20, timeout=50)
    service = build_backlog(make_service, ses, count=61, REVIEWD_SES_RATE="200", REVIEWD_SES_TIMEOUT="60s")
    ses.work = lambda: together.wait() if ses.mails else None  # the first is tried alone, as after each pause
    ses.refuse = lambda _body: None
    wait_until(lambda: mails_end(service, "sent") == 61, "all mails")
    assert len(ses.mails) == 61


def test_the_daily_quota_pauses(make_service, ses):
    ses.refuse = lambda _body: "daily"
    service = make_service(**ses_settings(REVIEWD_SES_RATE="100") | ses.settings)
    post_all(service, ["Ann", "Bob"])
    wait_until(lambda: service.metric("reviewd_mail_paused") == 1, "the pause")
    [line] = wait_until(lambda: service.lines("mails are paused"), "the line")
    assert "daily quota" in line["reason"]
    asked = ses.requests
    assert asked == answers(service, "daily")
    ses.refuse = lambda _body: None
    time.sleep(2)
    assert ses.requests == asked  # ten minutes
    assert service.stop() == 0
    assert service.outbox() == ["pending"] * 2


def test_another_cause_of_a_pause_is_told(make_service, ses):
    """A second time the same cause is not."""
    causes = iter(["paused", "paused", "denied", "denied"])
    ses.refuse = lambda _body: next(causes, None)
    service = make_service(**ses_settings(REVIEWD_SES_RATE="100") | ses.settings)
    post_all(service, ["Ann"])
    wait_until(lambda: ses.mails, "the mail")
    wait_until(lambda: service.lines("mails are sent again"), "the last line")
    reasons = [line["reason"] for line in service.lines("mails are paused")]
    assert len(reasons) == 2
    assert "SendingPaused" in reasons[0]
    assert "AccessDenied" in reasons[1]


def test_a_rejected_mail_is_a_dead_letter(make_service, ses):
    ses.refuse = lambda body: "rejected" if "Bob" in body["Content"]["Simple"]["Subject"]["Data"] else None
    settings = ses_settings(REVIEWD_SES_RATE="100") | ses.settings
    service = make_service(**settings)
    post_all(service, ["Ann", "Bob", "Cy"])
    wait_until(lambda: "MessageRejected" in command(service, "mail", "list").stdout, "the dead letter")
    wait_until(lambda: len(ses.mails) == 2, "the others")
    assert mails_end(service, "dead") == 1
    wait_until(lambda: service.metric("reviewd_outbox_dead") == 1, "the dead letter in the metrics")
    assert service.stop() == 0
    service = make_service(folder=service.folder, **settings)
    wait_until(lambda: service.metric("reviewd_outbox_dead") == 1, "the same after a restart")
    assert "admin@example.com" not in command(service, "mail", "list").stdout
    ses.refuse = lambda _body: None
    assert command(service, "mail", "requeue", "--all").returncode == 0
    wait_until(lambda: len(ses.mails) == 3, "Bob's mail")


def build_backlog(make_service, ses, count=60, **settings):
    """A service with mails that wait because sending is paused."""
    ses.refuse = lambda _body: "paused"
    service = make_service(**ses_settings(REVIEWD_SES_RATE="8") | ses.settings | settings)
    post_all(service, [f"user {i}." for i in range(count)])
    return service


def test_a_digest_holds_many_reviews(make_service, ses):
    service = build_backlog(make_service, ses, REVIEWD_MAIL_DIGEST_AFTER="2s")
    ses.refuse = lambda _body: None
    wait_until(lambda: mails_end(service, "sent") == 60, "all reviews")
    assert len(ses.mails) < 15
    text = "\n".join(ses.texts() + ses.subjects())
    assert all(f"Review from user {i}." in text for i in range(60))
    assert service.metric("reviewd_ses_digests_total") >= 1
    assert any(subject.endswith(" reviews") for subject in ses.subjects())


def test_without_digest_each_review_has_its_mail(make_service, ses):
    service = build_backlog(make_service, ses, REVIEWD_SES_RATE="200")
    ses.refuse = lambda _body: None
    wait_until(lambda: mails_end(service, "sent") == 60, "all mails")
    assert sorted(ses.subjects()) == sorted(f"[Positive] Review from user {i}." for i in range(60))


def test_a_rejected_digest_is_taken_apart(make_service, ses):
    ses_rejects = lambda body: "rejected" if "user 7." in json.dumps(body) else None  # noqa: E731
    service = build_backlog(make_service, ses, REVIEWD_MAIL_DIGEST_AFTER="1s", REVIEWD_SES_RATE="40")
    ses.refuse = ses_rejects
    wait_until(lambda: mails_end(service, "sent") + mails_end(service, "dead") == 60, "all reviews")
    assert mails_end(service, "dead") <= 1
    text = "\n".join(ses.texts() + ses.subjects())
    assert all(f"Review from user {i}." in text for i in range(60) if i != 7)


def test_the_stop_does_not_wait_for_ses(make_service, ses):
    ses.hanging.set()
    service = make_service(**ses_settings(REVIEWD_SES_RATE="100") | ses.settings)
    post_all(service, ["Ann", "Bob"])
    wait_until(lambda: ses.requests >= 1, "the requests")
    began = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - began < 30
    ses.hanging.clear()
    service = make_service(folder=service.folder, **ses_settings(REVIEWD_SES_RATE="100") | ses.settings)
    wait_until(lambda: len(set(ses.subjects())) == 2, "both mails")


def test_the_stop_does_not_wait_for_the_pace(make_service, ses):
    service = make_service(**ses_settings(REVIEWD_SES_RATE="0.1") | ses.settings)
    post_all(service, ["Ann", "Bob", "Cy"])
    wait_until(lambda: ses.mails, "the first mail")
    began = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - began < 15
    assert service.outbox() == ["pending"] * 2


@pytest.mark.stores("sqlite")
def test_the_stub_refuses_a_wrong_signature(make_service, ses):
    """So that all tests with it are tests of signatures, of GETs too."""
    line = check(make_service, ses, AWS_SECRET_ACCESS_KEY="wrong")
    assert line.startswith("FAIL")
    assert "SignatureDoesNotMatch" in line
    assert ses.unsigned > 0
    ses.unsigned = 0


# --- reviewd check ------------------------------------------------------------------------------------------


def check(make_service, ses, **settings):
    service = make_service(start=False, **ses_settings() | ses.settings | settings)
    result = command(service, "check")
    [line] = [line for line in result.stdout.splitlines() if " mail" in line]
    assert result.returncode == (1 if line.startswith("FAIL") else 0)
    assert ses.mails == []
    return line


def test_check_is_content(make_service, ses):
    line = check(make_service, ses)
    assert line.startswith("ok")
    assert "1000 receivers a second" in line
    ses.verified = {"example.com"}  # the sender's domain
    assert check(make_service, ses).startswith("ok")


def test_check_finds_an_unverified_sender(make_service, ses):
    ses.verified = {"somebody@example.com"}
    line = check(make_service, ses)
    assert line.startswith("FAIL")
    assert "SENDER_EMAIL is not verified" in line
    assert "verify reviews@example.com or its domain" in line


def test_check_finds_the_sandbox(make_service, ses):
    ses.account["ProductionAccessEnabled"] = False
    line = check(make_service, ses)
    assert line.startswith("FAIL")
    assert "sandbox" in line
    assert "verify admin@example.com" in line
    ses.verified |= set(RECEIVERS)
    line = check(make_service, ses)
    assert line.startswith("warn")
    assert "200 mails a day" in line
    assert "ask AWS for production access" in line


def test_check_finds_what_is_off(make_service, ses):
    ses.account["SendingEnabled"] = False
    assert "sending is paused" in check(make_service, ses)


def test_check_finds_that_sending_is_denied(make_service, ses):
    tried = []
    ses.refuse = lambda body: tried.append(body["Destination"]) or "denied"
    line = check(make_service, ses)
    assert line.startswith("FAIL")
    assert "allow ses:SendEmail" in line
    assert tried == [{"ToAddresses": []}]  # to nobody


def test_check_takes_a_fault_for_no_denial(make_service, ses):
    ses.refuse = lambda _body: "failed"
    assert check(make_service, ses).startswith("ok")


def test_check_names_the_missing_permission(make_service, ses):
    ses.account = None
    line = check(make_service, ses)
    assert line.startswith("FAIL")
    assert "allow ses:GetAccount, or set REVIEWD_SES_RATE" in line
    assert check(make_service, ses, REVIEWD_SES_RATE="5").startswith("ok")
    ses.verified = None
    line = check(make_service, ses, REVIEWD_SES_RATE="5")
    assert line.startswith("ok")
    assert "ses:GetEmailIdentity" in line


@pytest.mark.parametrize(("settings", "what"), [
    ({"AWS_REGION": ""}, "AWS_REGION"),
    ({"AWS_ACCESS_KEY_ID": ""}, "credentials"),
    ({"AWS_MAX_ATTEMPTS": "0"}, "AWS_MAX_ATTEMPTS"),
    ({"AWS_ENDPOINT_URL_SESV2": "http://127.0.0.1:1"}, "check credentials, region and network"),
    ({"REVIEWD_SES_TAGS": "a=b,c"}, "REVIEWD_SES_TAGS"),
])
def test_check_finds_wrong_settings(make_service, ses, settings, what):
    line = check(make_service, ses, **settings)
    assert line.startswith("FAIL")
    assert what in line
