"""The mails in the mail directory, read back with Python's email package."""

import email
import email.policy
import random

import pytest

from service import wait_until

LINE = 76

USERS = [
    "Patricia Stewart",
    "Zoë Müller",
    "李小龙",
    "😀" * 200,
    "x" * 2048,
    "é" * 1024,
    "=?UTF-8?B?eA==?=",
    "a =?utf-8?q?b?= c",
    " blanks around ",
    "two  blanks",
    "quotes \" and \\ and , ; : <a@b> (c)",
    "Bcc: evil@example.com",
    "\u00a0nbsp",
    "ﷺ" * 300,
    ".",
    "a" * 43,
    "a" * 44,
    "a" * 45,
]
REVIEWS = [
    "excellent",
    "excellent\nline two\r\nline three",
    ".\n..\n.\r\nexcellent",
    "excellent \t\n trailing \n",
    "excellent = 100 % =3D",
    "От превосходно excellent" * 40,
    "excellent " + "x" * 5000,
    "excellent " + "日本語" * 1000,
    "From the start: excellent\nFrom here",
    "\n\nexcellent\n\n\n",
    "excellent 😀\tü",
    "\u2028excellent\u2029\u0085",
    "excellent\rlone CR\r",
]


def normal(text):
    """As a mail keeps it: CRLF, CR and LF are all line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parse(path):
    raw = path.read_bytes()
    assert b"\r\n" not in raw
    head, _, _ = raw.partition(b"\n\n")
    assert all(byte == 10 or 32 <= byte < 127 for byte in head), head
    for line in head.split(b"\n"):
        assert len(line) <= LINE or (b"=?" not in line and len(line) <= 998), line
    for line in raw.split(b"\n"):
        assert len(line) <= 998
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert not message.defects, message.defects
    for part in message.values():
        assert not part.defects, (part, part.defects)
    return message


def text_of(message):
    return message.get_payload(decode=True).decode("utf-8")


def check(message, user, review, timestamp):
    assert message["Subject"] == f"[Positive] Review from {user}"
    assert normal(text_of(message)) == normal(f"Review: {review}") + "\n"
    assert message["From"].addresses[0].addr_spec == "reviews@example.com"
    assert [a.addr_spec for a in message["To"].addresses] == ["a@example.com", "b@example.com"]
    assert message["Date"].datetime.strftime("%Y-%m-%dT%H:%M:%S") == timestamp[:19]
    assert message["Date"].datetime.utcoffset().total_seconds() == 0
    assert message["Message-ID"].endswith("@example.com>")
    assert message.get_content_type() == "text/plain"
    assert message.get_content_charset() == "utf-8"
    assert message["MIME-Version"] == "1.0"
    assert message["Auto-Submitted"] == "auto-generated"
    assert len(message.keys()) == len(set(message.keys()))


def random_text(dice, alphabet, most):
    return "".join(dice.choice(alphabet) for _ in range(dice.randint(1, most)))


def cases():
    dice = random.Random(20251128)
    alphabet = "abc =?_.,:;<>@\"\\()éßж漢😀\u00ad\u202e\u0301"
    for i in range(max(len(USERS), len(REVIEWS))):
        yield f"{i} {USERS[i % len(USERS)]}"[:2048].encode()[:2048].decode(errors="ignore"), REVIEWS[i % len(REVIEWS)]
    yield from zip(USERS, REVIEWS * 2)
    for i in range(150):
        yield f"{i}{random_text(dice, alphabet, 120)}", "excellent " + random_text(dice, alphabet + "\n\r\t", 400)


@pytest.fixture
def mails(make_service):
    service = make_service(SENDER_EMAIL="reviews@example.com", RECEIVER_EMAIL="a@example.com, b@example.com")
    wanted = []
    for user, review in cases():
        status, _, text = service.post({"user_name": user, "review": review})
        assert status == 200, (user, review, text)
        if text.startswith('"Processed as Positive'):  # the random ones hold smileys of all sorts
            wanted.append((user, review))
    assert len(wanted) > 120
    wait_until(lambda: len(service.mails()) == len(wanted), "all mails")
    return service, wanted


def test_mails_read_back_as_they_were_written(mails):
    service, wanted = mails
    reviews = {(user, review): when for user, when, review, _, _ in service.rows()}
    messages = [parse(path) for path in service.mails()]
    by_text = {(m["Subject"], normal(text_of(m))): m for m in messages}
    for user, review in wanted:
        message = by_text[f"[Positive] Review from {user}", normal(f"Review: {review}") + "\n"]
        check(message, user, review, reviews[user, review])
    assert len({m["Message-ID"] for m in messages}) == len(messages) == len(wanted)
    encodings = {m["Content-Transfer-Encoding"] for m in messages}
    assert encodings == {"quoted-printable", "base64"}


def test_tmp_is_empty_when_all_is_noted(mails):
    service, wanted = mails
    wait_until(lambda: not list((service.mail / "tmp").iterdir()), "an empty tmp/")
    assert service.metric('reviewd_mails_total{outcome="sent"}') == len(wanted)
    assert service.stop() == 0
    assert len(service.mails()) == len(wanted)
