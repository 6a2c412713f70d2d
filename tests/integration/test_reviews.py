"""POST /reviews, as a client of the replaced Lambda sees it."""

import email
import email.policy
import json
import re
import uuid

import pytest

from service import EXAMPLE, EXAMPLE_ANSWER, wait_until


def test_worked_example(service):
    status, headers, body = service.post(EXAMPLE)
    assert (status, body) == (200, f'"{EXAMPLE_ANSWER}"')
    assert headers["Content-Type"] == "application/json"
    assert uuid.UUID(headers["x-amzn-RequestId"])
    [row] = service.rows()
    assert row[0] == EXAMPLE["user_name"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", row[1])
    assert row[2:] == (EXAMPLE["review"], "Positive", "0.25")
    [mail] = wait_until(service.mails, "a mail")
    message = email.message_from_bytes(mail.read_bytes(), policy=email.policy.default)
    assert message["Subject"] == "[Positive] Review from Patricia Stewart"
    assert message.get_content().rstrip("\n") == "Review: " + EXAMPLE["review"]


@pytest.mark.parametrize("path", ["/reviews", "/prod/reviews", "/reviews?x=1"])
@pytest.mark.parametrize("content_type", [None, "application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_any_path_and_content_type(service, path, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    assert service.post(EXAMPLE, path, headers)[2] == f'"{EXAMPLE_ANSWER}"'


def test_other_stage(make_service):
    service = make_service(REVIEWD_STAGE="live")
    assert service.post(EXAMPLE, "/live/reviews")[0] == 200
    assert service.post(EXAMPLE, "/prod/reviews")[0] == 404


@pytest.mark.parametrize(
    "review, label, score",
    [
        ("terrible", "Negative", "-1.00"),
        ("a table", "Neutral", "0.00"),
        ("This isn't good", "Positive", "0.70"),
        ("äöü 😀 gute Ware", "Neutral", "0.00"),
    ],
)
def test_scores(service, review, label, score):
    assert service.post({"user_name": "a", "review": review})[2] == f'"Processed as {label} (Score: {score})"'


def test_missing_name_is_anonymous(service):
    assert service.post({"review": "x"})[0] == 200
    assert service.rows()[0][0] == "Anonymous"


def test_unknown_members_are_ignored(service):
    body = '{"user_name":"a","review":"good","n":123456789012345678901234567890,"o":{"p":[1,null]}}'
    assert service.post(body)[0] == 200


def test_representation(service):
    status, headers, body = service.post(EXAMPLE, headers={"Prefer": "respond-async, return=representation"})
    assert status == 200
    assert headers["Preference-Applied"] == "return=representation"
    item = json.loads(body)
    assert list(item) == ["user_name", "timestamp", "review", "sentiment", "polarity_score"]
    assert tuple(item.values()) == service.rows()[0]
    assert "Preference-Applied" not in service.post(EXAMPLE, headers={"Prefer": "return=minimal"})[1]
    body = json.dumps(EXAMPLE).encode()
    fields = b'Prefer: wait=10; x="a, return=minimal"\r\npReFeR: RETURN = "representation"\r\n'
    data = b"POST /reviews HTTP/1.1\r\nHost: a\r\n%sContent-Length: %d\r\n\r\n%s" % (fields, len(body), body)
    answer = service.raw(data, done=lambda received: received.endswith(b"}"))
    assert b"Preference-Applied: return=representation\r\n" in answer


def test_only_positive_reviews_are_mailed(service):
    for review in ["good", "bad", "a table", "great"]:
        service.post({"user_name": review, "review": review})
    wait_until(lambda: len(service.mails()) == 2, "two mails")
    assert service.metric('reviewd_reviews_total{sentiment="Positive"}') == 2
    assert service.metric('reviewd_reviews_total{sentiment="Negative"}') == 1
    assert service.metric('reviewd_reviews_total{sentiment="Neutral"}') == 1
    wait_until(lambda: service.metric('reviewd_mails_total{outcome="sent"}') == 2)


def test_thresholds(make_service):
    service = make_service(REVIEWD_POSITIVE_ABOVE="0.25", REVIEWD_NEGATIVE_BELOW="-1")
    assert "Neutral (Score: 0.25)" in service.post(EXAMPLE)[2]
    assert "Neutral (Score: -1.00)" in service.post({"review": "terrible"})[2]


def test_without_mail(make_service):
    service = make_service(REVIEWD_MAIL="none")
    assert service.post(EXAMPLE)[0] == 200
    assert not service.mail.exists()
    assert service.outbox() == []


def test_same_instant_same_user(service):
    """Keys never collide, however fast one user posts."""
    answers = [service.post({"user_name": "a", "review": "x"}, headers={"Prefer": "return=representation"})
               for _ in range(200)]
    stamps = [json.loads(body)["timestamp"] for _, _, body in answers]
    assert len(set(stamps)) == 200
    assert stamps == sorted(stamps) == [row[1] for row in service.rows()]


def refused(service, body, reason, status=400):
    got, headers, text = service.post(body)
    assert got == status
    assert headers["x-amzn-RequestId"]
    assert headers["x-amzn-ErrorType"] == "BadRequestException"
    assert re.search(reason, json.loads(text)["message"]), text


@pytest.mark.parametrize(
    "body, reason",
    [
        (b"", "line 1, column"),
        (b"nonsense", "line 1, column"),
        (b'{"user_name":"a","review":"x"} x', "line 1, column"),
        (b'{"user_name":"a","review":"x","review":"y"}', "same member name twice"),
        (b'{"a":' * 3000 + b"1" + b"}" * 3000, "nested too deep"),
        (b'{"user_name":"a","review":"\xff"}', "invalid UTF-8"),
        (b'{"user_name":"a","review":"x\\u0000y"}', "NUL character"),
        (b'{"user_name":"a","review":"\\ud800"}', r"invalid \\u escape"),
        (b'{"user_name":"a","review":"x","other":"\\udc00"}', r"invalid \\u escape"),
        (b'{"user_name":"a","review":1e999}', "review must be a string"),
        (b'{"user_name":"a","review":"x","other":1e999', "line 1, column"),
        (b'{"user_name":"a","review":"x","other":1\0}', "NUL character"),
        (b"[]", "object"),
        (b'"x"', "object"),
        (b"null", "object"),
        (b'{"user_name":1,"review":"x"}', "user_name must be a string"),
        (b'{"user_name":null,"review":"x"}', "user_name must be a string"),
        (b'{"user_name":"","review":"x"}', "user_name must not be empty"),
        (b'{"user_name":"a"}', "review is missing"),
        (b'{"user_name":"a","review":null}', "review must be a string"),
        (b'{"user_name":"a","review":["x"]}', "review must be a string"),
        (b'{"user_name":"a","review":""}', "review must not be blank"),
        ('{"user_name":"a","review":" \u2003\\t\\n"}'.encode(), "review must not be blank"),
        (b'{"user_name":"a\\r\\nBcc: x@example.com","review":"x"}', "control characters"),
        (b'{"user_name":"a\\u0001","review":"x"}', "control characters"),
        (b'{"user_name":"a\\u001f","review":"x"}', "control characters"),
    ],
)
def test_bad_bodies(service, body, reason):
    refused(service, body, reason)
    assert service.rows() == []


@pytest.mark.parametrize("other", [b"1e999", b"-1e999", b'[1, {"a": 1e400}]', b"9" * 400])
def test_an_ignored_number_may_be_of_any_size(service, other):
    code, _, text = service.post(b'{"user_name":"a","review":"good","x":' + other + b"}")
    assert (code, json.loads(text)) == (200, "Processed as Positive (Score: 0.70)")
    assert [row[0] for row in service.rows()] == ["a"]


def test_control_characters_begin_below_blank(service):
    assert service.post({"user_name": "a b", "review": "x"})[0] == 200


@pytest.mark.parametrize("unit", ["a", "ä"])
def test_user_name_limit(service, unit):
    fits = unit * (2048 // len(unit.encode()))
    assert service.post({"user_name": fits[:-1] or "a", "review": "x"})[0] == 200
    assert service.post({"user_name": fits, "review": "x"})[0] == 200
    refused(service, json.dumps({"user_name": fits + "a", "review": "x"}), "2048 bytes")


def body_of(size):
    frame = b'{"user_name":"a","review":""}'
    return frame[:-2] + b"x" * (size - len(frame)) + frame[-2:]


@pytest.mark.parametrize("limit", [100, 65536])
def test_body_limit(make_service, limit):
    service = make_service(REVIEWD_BODY_LIMIT=limit)
    assert service.post(body_of(limit - 1))[0] == 200
    assert service.post(body_of(limit))[0] == 200
    status, headers, body = service.post(body_of(limit + 1))
    assert (status, body) == (413, '{"message":"Request Too Long"}')
    assert headers["x-amzn-ErrorType"] == "RequestTooLargeException"
    assert len(service.rows()) == 2


def test_body_limit_of_chunks(make_service):
    service = make_service(REVIEWD_BODY_LIMIT=1000)

    def chunked(size):
        body = body_of(size)
        parts = [body[i : i + 300] for i in range(0, size, 300)]
        return service.request("POST", "/reviews", iter(parts))[0]

    assert [chunked(999), chunked(1000), chunked(1001)] == [200, 200, 413]


def test_huge_announced_body_is_refused_before_it_is_read(service):
    answer = service.raw(b"POST /reviews HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(b'{"message":"Request Too Long"}<closed>')


def test_expectation_of_a_large_body_is_refused(service):
    head = b"POST /reviews HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 65537\r\n\r\n"
    answer = service.raw(head)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in answer


def test_a_million_bytes_too_many_still_see_the_answer(service):
    assert service.post(body_of(1000000))[0] == 413
    answer = service.post(EXAMPLE)
    assert answer[0] == 200


def test_expect_continue(service):
    with service.connect() as connection:
        body = json.dumps(EXAMPLE).encode()
        connection.sendall(
            b"POST /reviews HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        assert b"100 Continue" in connection.recv(1000)
        connection.sendall(body)
        assert EXAMPLE_ANSWER.encode() in connection.recv(1000)
