"""The service with a DynamoDB table, on a stand-in for AWS that verifies every signature."""

import concurrent.futures
import email
import os
import signal
import subprocess
import time

import pytest

from service import BINARY, EXAMPLE, EXAMPLE_ANSWER, wait_until
from stores import COLUMNS
from tls import https_in_front_of

pytestmark = pytest.mark.stores("dynamodb")
TEXTS = [EXAMPLE["review"], "This is bad.", "It is a box.", "What a wonderful, great day!"]


@pytest.fixture
def start(make_service, tmp_path):
    """Starts services on a table; `folder` tells several apart."""

    def start(table, folder="one", **settings):
        return make_service(tmp_path / folder, table=table, **settings)

    return start


def load(services, count, threads=16, name="user"):
    """Posts `count` reviews to the services in turn, by "user 0", "user 1", …; the statuses, 0 for no answer."""

    def post(i):
        service = services[i % len(services)]
        try:
            return service.post({"user_name": f"{name} {i}", "review": TEXTS[i % len(TEXTS)]})[0]
        except OSError:
            return 0

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(post, range(count)))


def load_and_kill(service, table, count, stored, beside=(), **how):
    """load() of it and those beside it, in whose middle it is killed: when the table has so many reviews."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answers = pool.submit(load, [service, *beside], count, **how)
        wait_until(lambda: len(table.items()) >= stored, "some reviews")
        service.kill()
        statuses = answers.result()
    assert 0 < statuses.count(200) < count
    return statuses


def acknowledged(statuses, name="user"):
    """Whose reviews were answered with 200."""
    return {f"{name} {i}" for i, status in enumerate(statuses) if status == 200}


def names(items):
    return sorted(item["user_name"] for item in items)


def mailed(*services):
    """Whose reviews have a mail."""
    mails = [email.message_from_bytes(path.read_bytes()) for service in services for path in service.mails()]
    return sorted(mail["Subject"].removeprefix("[Positive] Review from ") for mail in mails)


def test_worked_example(start, make_table):
    table = make_table()
    service = start(table)
    assert service.post(EXAMPLE)[::2] == (200, f'"{EXAMPLE_ANSWER}"')
    wait_until(lambda: len(service.mails()) == 1, "the mail")
    wait_until(lambda: not table.owed(), "the item with five attributes")
    [item] = table.items()
    assert set(item) == set(COLUMNS)
    assert (item["user_name"], item["review"]) == (EXAMPLE["user_name"], EXAMPLE["review"])
    assert (item["sentiment"], item["polarity_score"]) == ("Positive", "0.25")
    assert service.stop() == 0


def test_texts_come_through_whole(start, make_table):
    table = make_table()
    service = start(table)
    review = 'quotes " and \\ and \x7f, tabs\t, Zoë, 漢字, 🙂, </script> \u2028'
    assert service.post({"user_name": "Zoë 🙂 \"x\"", "review": review})[0] == 200
    [item] = table.items()
    assert (item["user_name"], item["review"]) == ("Zoë 🙂 \"x\"", review)


def test_many_at_once_are_put_in_batches(start, make_table):
    table = make_table()
    service = start(table)
    assert set(load([service], 300, 64)) == {200}
    stored = table.items()
    assert len({(item["user_name"], item["timestamp"]) for item in stored}) == 300
    wait_until(lambda: len(service.mails()) == len(table.positives()), "all mails")
    wait_until(lambda: not table.owed(), "all items with five attributes")
    assert service.metric("reviewd_store_batch_rows_total") == 300
    assert service.metric("reviewd_outbox_pending") == 0
    assert service.stop() == 0


@pytest.mark.parametrize("index", [True, False])
def test_kill_loses_nothing(start, make_table, index):
    """Killed in the middle: every 200 is in the table, and every Positive gets its mail from the one that follows."""
    table = make_table(index=index)
    # No mail leaves the first process: its SMTP server does not answer.
    service = start(table, REVIEWD_MAIL="smtp://127.0.0.1:9",
                    SENDER_EMAIL="a@example.com", RECEIVER_EMAIL="b@example.com")
    statuses = load_and_kill(service, table, 400, 60)
    assert acknowledged(statuses) <= set(names(table.items()))
    assert names(table.owed()) == names(table.positives()) != []
    service = start(table, folder="two")
    wait_until(lambda: not table.owed(), "all items with five attributes")
    assert mailed(service) == names(table.positives())
    warned = service.lines("the table has no index notification-index, so it is scanned now and then for mails that "
                           "were left behind; `reviewd table create` adds the index")
    assert len(warned) == (0 if index else 1)
    assert service.stop() == 0


@pytest.mark.parametrize("index", [True, False])
def test_a_running_instance_takes_over_what_another_leaves(start, make_table, index):
    """It has looked before, found nothing, and is not told: the end of the leases is all it has to go by."""
    table = make_table(index=index)
    survivor = start(table, folder="two")
    # No mail leaves the other: its SMTP server does not answer. Its leases outlast it.
    service = start(table, REVIEWD_MAIL="smtp://127.0.0.1:9", REVIEWD_MAIL_LEASE="10s",
                    SENDER_EMAIL="a@example.com", RECEIVER_EMAIL="b@example.com")
    statuses = load_and_kill(service, table, 200, 40)
    assert table.owed(), "all was taken over before the kill"
    wait_until(lambda: not table.owed(), "all items with five attributes")
    assert acknowledged(statuses) <= set(names(table.items()))
    assert mailed(survivor) == names(table.positives()) != []
    assert survivor.stop() == 0


def test_kill_again_and_again(start, make_table):
    """With mails going out all the while; the folder is shared, and files are named by id, so doubles do not count."""
    table = make_table()
    answered = set()
    for name in ["ann", "bob"]:
        statuses = load_and_kill(start(table), table, 150, len(table.items()) + 40, name=name)
        answered |= acknowledged(statuses, name)
    service = start(table)
    answered |= acknowledged(load([service], 150, name="cy"), "cy")
    assert answered <= set(names(table.items()))
    wait_until(lambda: not table.owed(), "all items with five attributes")
    assert mailed(service) == names(table.positives())
    assert service.stop() == 0


def test_two_instances_mail_each_review_once(start, make_table):
    table = make_table()
    pair = [start(table, folder=name) for name in ["one", "two"]]
    assert set(load(pair, 200)) == {200}
    wait_until(lambda: not table.owed(), "all items with five attributes")
    assert mailed(*pair) == names(table.positives())
    assert [service.stop() for service in pair] == [0, 0]


def test_a_stop_hands_over_at_once(start, make_table):
    """The leases of what could not be mailed are given back, long before their end."""
    table = make_table()
    service = start(table, REVIEWD_MAIL="smtp://127.0.0.1:9", SENDER_EMAIL="a@example.com",
                    RECEIVER_EMAIL="b@example.com")
    for _ in range(5):
        assert service.post(EXAMPLE)[0] == 200
    assert len(table.owed()) == 5
    assert service.stop() == 0
    service = start(table, folder="two")
    wait_until(lambda: not table.owed(), "all items with five attributes")
    assert len(service.mails()) == 5


def test_a_dead_letter_is_listed_and_sent_again(start, make_table, tmp_path):
    table = make_table()
    service = start(table)
    (tmp_path / "one" / "mail").chmod(0o755)
    assert service.post(EXAMPLE)[0] == 200
    wait_until(lambda: not table.owed(), "the mail")
    [item] = table.items()
    table.put(item | {"notification": "dead-3", "notification_lease": "2025-11-28T11:16:31.363902 x",
                      "notification_attempts": "4", "notification_error": "no such mailbox"})
    listed = run(service, "mail", "list", "--json").stdout
    assert '"attempts":4' in listed and "no such mailbox" in listed
    assert run(service, "mail", "requeue", "--all").returncode == 0
    wait_until(lambda: not table.owed(), "the mail once more")
    assert run(service, "mail", "list", "--json").stdout == ""


def run(service, *arguments):
    environment = {"PATH": os.environ["PATH"]} | service.settings
    return subprocess.run([BINARY, *arguments], env=environment, capture_output=True, text=True, timeout=100)


# --- what may be wrong with the table -------------------------------------------------------------------------


def test_without_batch_write_reviews_are_put_one_by_one(start, make_table, aws):
    table = make_table()
    allowed = [f"dynamodb:{name}" for name in ["PutItem", "UpdateItem", "Query", "GetItem"]]
    service = start(table, **aws.user_settings(allowed))
    assert set(load([service], 200, 64)) == {200}
    assert len(table.items()) == 200
    said = [line for line in service.log if "dynamodb:BatchWriteItem; allow it" in line]
    assert len(said) == 1
    wait_until(lambda: not table.owed(), "all items with five attributes")


def test_no_permission_is_told(start, make_table, aws):
    table = make_table()
    service = start(table, **aws.user_settings(["dynamodb:Query"]))
    wait_until(lambda: service.request("GET", "/readyz")[0] == 503, "not ready")
    assert "policy" in service.request("GET", "/readyz")[2]
    status, headers, _ = service.post(EXAMPLE)
    assert status == 503 and headers["Retry-After"]
    assert service.request("GET", "/healthz")[0] == 200


def test_a_table_that_is_made_later_is_noticed(start, make_table):
    table = make_table(make=False)
    service = start(table)
    wait_until(lambda: service.request("GET", "/readyz")[0] == 503, "not ready")
    assert "reviewd table create" in service.request("GET", "/readyz")[2]
    assert service.post(EXAMPLE)[0] == 503
    made = run(service, "table", "create")
    assert made.returncode == 0, made.stdout + made.stderr
    wait_until(lambda: service.request("GET", "/readyz")[0] == 200, "ready")
    assert service.post(EXAMPLE)[0] == 200
    wait_until(lambda: not table.owed() and table.items(), "the mail")


def test_an_unreachable_endpoint_is_told(start, make_table):
    service = start(make_table(make=False), AWS_ENDPOINT_URL_DYNAMODB="http://127.0.0.1:9")
    for _ in range(3):
        service.post(EXAMPLE)
    wait_until(lambda: service.request("GET", "/readyz")[0] == 503, "not ready")
    began = time.monotonic()
    assert service.post(EXAMPLE)[0] == 503
    assert time.monotonic() - began < 15
    assert service.stop() == 0


# --- table create and check -----------------------------------------------------------------------------------


def test_table_create_makes_all_and_can_be_repeated(start, make_table):
    made_table = make_table(make=False)
    service = start(made_table, start=False)
    for word in ["made", "exists already"]:
        made = run(service, "table", "create")
        assert made.returncode == 0 and word in made.stdout, made.stdout + made.stderr
    table = made_table.dynamodb.describe_table(TableName=made_table.name)["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    assert table["GlobalSecondaryIndexes"][0]["IndexName"] == "notification-index"
    backups = made_table.dynamodb.describe_continuous_backups(TableName=made_table.name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert run(service, "check").returncode == 0


def test_table_create_adds_what_an_old_table_lacks(start, make_table):
    service = start(make_table(index=False), start=False)
    checked = run(service, "check")
    assert checked.returncode == 0 and "warn index notification-index" in checked.stdout
    made = run(service, "table", "create")
    assert made.returncode == 0, made.stdout + made.stderr
    checked = run(service, "check")
    assert checked.returncode == 0 and "warn" not in checked.stdout, checked.stdout


def test_check_names_wrong_keys(start, make_table):
    service = start(make_table(index=False, keys=("id", "when")), start=False)
    for command in [["check"], ["table", "create"]]:
        told = run(service, *command)
        assert told.returncode == 1 and "id (S), when (S)" in told.stdout, told.stdout


def test_check_names_a_missing_table(start, make_table):
    told = run(start(make_table(make=False), start=False), "check")
    assert told.returncode == 1 and "reviewd table create" in told.stdout, told.stdout


def test_check_names_missing_permissions(start, make_table, aws):
    table = make_table()
    service = start(table, start=False, **aws.user_settings(["dynamodb:PutItem", "dynamodb:Query"]))
    told = run(service, "check")
    assert told.returncode == 1
    assert "FAIL dynamodb:UpdateItem" in told.stdout and "allow dynamodb:UpdateItem" in told.stdout, told.stdout
    assert "warn dynamodb:BatchWriteItem" in told.stdout and "ok   dynamodb:PutItem" in told.stdout
    assert not table.items()


@pytest.fixture
def https(aws, certificate):
    """The stand-in over TLS, by an authority that is not the system's."""
    with https_in_front_of(aws.url, certificate) as url:
        yield {"AWS_ENDPOINT_URL_DYNAMODB": url}


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REVIEWD_CA_FILE"])
def test_an_authority_that_is_named_is_trusted(start, make_table, https, certificate, variable):
    table = make_table()
    service = start(table, **https, **{variable: certificate.file})
    assert service.post(EXAMPLE)[0] == 200
    assert names(table.items()) == [EXAMPLE["user_name"]]


def test_any_other_authority_is_not(start, make_table, https):
    told = run(start(make_table(), start=False, **https), "check")
    assert told.returncode == 1 and "FAIL table: dynamodb: tls: SSL certificate problem" in told.stdout, told.stdout


def test_usage():
    for arguments in [["table"], ["table", "drop"], ["table", "create", "x"], ["table", "create", "--x"]]:
        told = subprocess.run([BINARY, *arguments], capture_output=True, text=True, env={}, timeout=60)
        assert told.returncode == 2 and "reviewd table --help" in told.stderr
    assert subprocess.run([BINARY, "table", "--help"], capture_output=True, timeout=60).returncode == 0


def check_as_role(aws, table, folder, **how):
    """`reviewd check` with the credentials that STS gives to a role: the table's lines."""
    settings = aws.role_settings(folder, **how) | {"REVIEWD_STORE": "dynamodb", "TABLE_NAME": table.name, "REVIEWD_MAIL": "none"}
    command = [BINARY, "check"]
    return subprocess.run(command, env={"PATH": os.environ["PATH"]} | settings, capture_output=True, text=True, timeout=60)


def test_a_role_is_assumed_by_a_signed_request(aws, make_table, tmp_path):
    done = check_as_role(aws, make_table(), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_role_is_refused_to_a_wrong_signature(aws, make_table, tmp_path):
    done = check_as_role(aws, make_table(), tmp_path, secret="wrong")
    assert done.returncode == 1
    assert "SignatureDoesNotMatch" in done.stdout + done.stderr
