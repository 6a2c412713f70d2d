"""The service with a DynamoDB table, on a stand-in for AWS that verifies every signature."""

import concurrent.futures
import os
import signal
import subprocess
import time
import uuid

import pytest

from aws import items
from service import BINARY, EXAMPLE, EXAMPLE_ANSWER, SLOW, wait_until

FIVE = {"user_name", "timestamp", "review", "sentiment", "polarity_score"}
TEXTS = [EXAMPLE["review"], "This is bad.", "It is a box.", "What a wonderful, great day!"]


def key(name, kind):
    return {"AttributeName": name, "KeyType": kind}


def make_table(dynamodb, index=True, keys=("user_name", "timestamp")):
    """A table with a name of its own, made as somebody would by hand."""
    name = f"reviews-{uuid.uuid4().hex}"
    more = {}
    attributes = list(keys)
    if index:
        attributes += ["notification", "notification_lease"]
        more["GlobalSecondaryIndexes"] = [{
            "IndexName": "notification-index", "Projection": {"ProjectionType": "KEYS_ONLY"},
            "KeySchema": [key("notification", "HASH"), key("notification_lease", "RANGE")]}]
    dynamodb.create_table(
        TableName=name, KeySchema=[key(keys[0], "HASH"), key(keys[1], "RANGE")], BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": a, "AttributeType": "S"} for a in attributes], **more)
    return name


@pytest.fixture(scope="module")
def dynamodb(aws):
    return aws.client("dynamodb")


@pytest.fixture
def start(make_service, aws, tmp_path):
    """Starts services on a table; `folder` tells several apart."""

    def start(table, folder="one", start=True, **settings):
        path = tmp_path / folder
        path.mkdir(exist_ok=True)
        return make_service(path, start=start, **({"REVIEWD_STORE": "dynamodb", "TABLE_NAME": table}
                                                  | aws.settings | settings))

    return start


def load(services, count, threads=16):
    """Posts `count` reviews to the services in turn; the statuses, 0 for no answer."""

    def post(i):
        service = services[i % len(services)]
        try:
            return service.post({"user_name": f"user {i}", "review": TEXTS[i % len(TEXTS)]})[0]
        except OSError:
            return 0

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(post, range(count)))


def owed(dynamodb, table):
    """Items that are not the reference's five attributes (yet)."""
    return [item for item in items(dynamodb, table) if set(item) != FIVE]


def positives(dynamodb, table):
    return [item for item in items(dynamodb, table) if item["sentiment"] == "Positive"]


def test_worked_example(start, dynamodb):
    table = make_table(dynamodb)
    service = start(table)
    assert service.post(EXAMPLE)[::2] == (200, f'"{EXAMPLE_ANSWER}"')
    wait_until(lambda: len(service.mails()) == 1, what="the mail")
    wait_until(lambda: not owed(dynamodb, table), what="the item with five attributes")
    [item] = items(dynamodb, table)
    assert set(item) == FIVE
    assert (item["user_name"], item["review"]) == (EXAMPLE["user_name"], EXAMPLE["review"])
    assert (item["sentiment"], item["polarity_score"]) == ("Positive", "0.25")
    assert service.stop() == 0


def test_texts_come_through_whole(start, dynamodb):
    table = make_table(dynamodb)
    service = start(table)
    review = 'quotes " and \\ and \x7f, tabs\t, Zoë, 漢字, 🙂, </script> \u2028'
    assert service.post({"user_name": "Zoë 🙂 \"x\"", "review": review})[0] == 200
    [item] = items(dynamodb, table)
    assert (item["user_name"], item["review"]) == ("Zoë 🙂 \"x\"", review)


def test_many_at_once_are_put_in_batches(start, dynamodb):
    table = make_table(dynamodb)
    service = start(table)
    assert set(load([service], 300, 64)) == {200}
    stored = items(dynamodb, table)
    assert len({(item["user_name"], item["timestamp"]) for item in stored}) == 300
    wait_until(lambda: len(service.mails()) == len(positives(dynamodb, table)), 30, "all mails")
    wait_until(lambda: not owed(dynamodb, table), 30, "all items with five attributes")
    assert service.metric("reviewd_store_batch_rows_total") == 300
    assert service.metric("reviewd_outbox_pending") == 0
    assert service.stop() == 0


@pytest.mark.parametrize("index", [True, False])
def test_kill_loses_nothing(start, dynamodb, index):
    """Killed in the middle: every 200 is in the table, and every Positive gets its mail from the one that follows."""
    table = make_table(dynamodb, index)
    # No mail leaves the first process: its SMTP server does not answer.
    service = start(table, REVIEWD_MAIL="smtp://127.0.0.1:9", REVIEWD_MAIL_LEASE="2s",
                    SENDER_EMAIL="a@example.com", RECEIVER_EMAIL="b@example.com")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answers = pool.submit(load, [service], 400)
        wait_until(lambda: len(items(dynamodb, table)) > 60, 30, "some reviews")
        service.process.send_signal(signal.SIGKILL)
        acknowledged = answers.result().count(200)
    service.kill()
    stored = items(dynamodb, table)
    assert 0 < acknowledged <= len(stored) < 400
    assert len(owed(dynamodb, table)) == len(positives(dynamodb, table)) > 0
    service = start(table, folder="two", REVIEWD_MAIL_LEASE="2s")
    wait_until(lambda: len(service.mails()) == len(positives(dynamodb, table)), 60, "all mails")
    wait_until(lambda: not owed(dynamodb, table), 30, "all items with five attributes")
    warned = service.lines("the table has no index notification-index, so it is scanned now and then for mails that "
                           "were left behind; `reviewd table create` adds the index")
    assert len(warned) == (0 if index else 1)
    assert service.stop() == 0


def test_kill_again_and_again(start, dynamodb):
    """With mails going out all the while; the folder is shared, and files are named by id, so doubles do not count."""
    table = make_table(dynamodb)
    acknowledged = 0
    for kill in [True, True, False]:
        service = start(table, REVIEWD_MAIL_LEASE="2s")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            before = len(items(dynamodb, table))
            answers = pool.submit(load, [service], 150)
            if kill:
                wait_until(lambda: len(items(dynamodb, table)) > before + 40, 30, "some reviews")
                service.kill()
            acknowledged += answers.result().count(200)
    assert acknowledged <= len(items(dynamodb, table))
    wait_until(lambda: not owed(dynamodb, table), 60, "all items with five attributes")
    assert len(service.mails()) == len(positives(dynamodb, table))
    assert service.stop() == 0


def test_two_instances_mail_each_review_once(start, dynamodb):
    table = make_table(dynamodb)
    pair = [start(table, folder=name) for name in ["one", "two"]]
    assert set(load(pair, 200)) == {200}
    wait_until(lambda: not owed(dynamodb, table), 60, "all items with five attributes")
    mails = [mail.name for service in pair for mail in service.mails()]
    assert len(mails) == len(set(mails)) == len(positives(dynamodb, table))
    assert [service.stop() for service in pair] == [0, 0]


def test_a_stop_hands_over_at_once(start, dynamodb):
    """The leases of what could not be mailed are given back, long before their end."""
    table = make_table(dynamodb)
    service = start(table, REVIEWD_MAIL="smtp://127.0.0.1:9", SENDER_EMAIL="a@example.com",
                    RECEIVER_EMAIL="b@example.com")
    for _ in range(5):
        assert service.post(EXAMPLE)[0] == 200
    assert len(owed(dynamodb, table)) == 5
    assert service.stop() == 0
    service = start(table, folder="two")
    wait_until(lambda: not owed(dynamodb, table), 30, "all items with five attributes")
    assert len(service.mails()) == 5


def test_a_dead_letter_is_listed_and_sent_again(start, dynamodb, tmp_path):
    table = make_table(dynamodb)
    service = start(table, REVIEWD_MAIL_LEASE="2s")
    (tmp_path / "one" / "mail").chmod(0o755)
    assert service.post(EXAMPLE)[0] == 200
    wait_until(lambda: not owed(dynamodb, table), 30, "the mail")
    [item] = items(dynamodb, table)
    dynamodb.put_item(TableName=table, Item={name: {"S": value} for name, value in item.items()} | {
        "notification": {"S": "dead-3"}, "notification_lease": {"S": "2025-11-28T11:16:31.363902 x"},
        "notification_attempts": {"S": "4"}, "notification_error": {"S": "no such mailbox"}})
    listed = run(service, "mail", "list", "--json").stdout
    assert '"attempts":4' in listed and "no such mailbox" in listed
    assert run(service, "mail", "requeue", "--all").returncode == 0
    wait_until(lambda: not owed(dynamodb, table), 30, "the mail once more")
    assert run(service, "mail", "list", "--json").stdout == ""


def run(service, *arguments):
    environment = {"PATH": os.environ["PATH"]} | service.settings
    return subprocess.run([BINARY, *arguments], env=environment, capture_output=True, text=True, timeout=60 * SLOW)


# --- what may be wrong with the table -------------------------------------------------------------------------


def test_without_batch_write_reviews_are_put_one_by_one(start, dynamodb, aws):
    table = make_table(dynamodb)
    allowed = [f"dynamodb:{name}" for name in ["PutItem", "UpdateItem", "Query", "GetItem"]]
    service = start(table, **aws.user_settings(allowed))
    assert set(load([service], 200, 64)) == {200}
    assert len(items(dynamodb, table)) == 200
    said = [line for line in service.log if "dynamodb:BatchWriteItem; allow it" in line]
    assert len(said) == 1
    wait_until(lambda: not owed(dynamodb, table), 30, "all items with five attributes")


def test_no_permission_is_told(start, dynamodb, aws):
    table = make_table(dynamodb)
    service = start(table, **aws.user_settings(["dynamodb:Query"]))
    wait_until(lambda: service.request("GET", "/readyz")[0] == 503, what="not ready")
    assert "policy" in service.request("GET", "/readyz")[2]
    status, headers, _ = service.post(EXAMPLE)
    assert status == 503 and headers["Retry-After"]
    assert service.request("GET", "/healthz")[0] == 200


def test_a_table_that_is_made_later_is_noticed(start, dynamodb):
    name = f"later-{uuid.uuid4().hex}"
    service = start(name)
    wait_until(lambda: service.request("GET", "/readyz")[0] == 503, what="not ready")
    assert "reviewd table create" in service.request("GET", "/readyz")[2]
    assert service.post(EXAMPLE)[0] == 503
    made = run(service, "table", "create")
    assert made.returncode == 0, made.stdout + made.stderr
    wait_until(lambda: service.request("GET", "/readyz")[0] == 200, what="ready")
    assert service.post(EXAMPLE)[0] == 200
    wait_until(lambda: not owed(dynamodb, name) and items(dynamodb, name), 30, "the mail")


def test_an_unreachable_endpoint_is_told(start):
    service = start("reviews", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    for _ in range(3):
        service.post(EXAMPLE)
    wait_until(lambda: service.request("GET", "/readyz")[0] == 503, what="not ready")
    began = time.monotonic()
    assert service.post(EXAMPLE)[0] == 503
    assert time.monotonic() - began < 5 * SLOW
    assert service.stop() == 0


# --- table create and check -----------------------------------------------------------------------------------


def test_table_create_makes_all_and_can_be_repeated(start, dynamodb):
    service = start(f"made-{uuid.uuid4().hex}", start=False)
    name = service.settings["TABLE_NAME"]
    for word in ["made", "exists already"]:
        made = run(service, "table", "create")
        assert made.returncode == 0 and word in made.stdout, made.stdout + made.stderr
    table = dynamodb.describe_table(TableName=name)["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    assert table["GlobalSecondaryIndexes"][0]["IndexName"] == "notification-index"
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert run(service, "check").returncode == 0


def test_table_create_adds_what_an_old_table_lacks(start, dynamodb):
    service = start(make_table(dynamodb, index=False), start=False)
    checked = run(service, "check")
    assert checked.returncode == 0 and "warn index notification-index" in checked.stdout
    made = run(service, "table", "create")
    assert made.returncode == 0, made.stdout + made.stderr
    checked = run(service, "check")
    assert checked.returncode == 0 and "warn" not in checked.stdout, checked.stdout


def test_check_names_wrong_keys(start, dynamodb):
    service = start(make_table(dynamodb, False, ("id", "when")), start=False)
    for command in [["check"], ["table", "create"]]:
        told = run(service, *command)
        assert told.returncode == 1 and "id (S), when (S)" in told.stdout, told.stdout


def test_check_names_a_missing_table(start):
    told = run(start("nowhere", start=False), "check")
    assert told.returncode == 1 and "reviewd table create" in told.stdout, told.stdout


def test_check_names_missing_permissions(start, dynamodb, aws):
    table = make_table(dynamodb)
    service = start(table, start=False, **aws.user_settings(["dynamodb:PutItem", "dynamodb:Query"]))
    told = run(service, "check")
    assert told.returncode == 1
    assert "FAIL dynamodb:UpdateItem" in told.stdout and "allow dynamodb:UpdateItem" in told.stdout, told.stdout
    assert "warn dynamodb:BatchWriteItem" in told.stdout and "ok   dynamodb:PutItem" in told.stdout
    assert not items(dynamodb, table)


def test_usage():
    for arguments in [["table"], ["table", "drop"], ["table", "create", "x"], ["table", "create", "--x"]]:
        told = subprocess.run([BINARY, *arguments], capture_output=True, text=True, env={}, timeout=60)
        assert told.returncode == 2 and "reviewd table --help" in told.stderr
    assert subprocess.run([BINARY, "table", "--help"], capture_output=True, timeout=60).returncode == 0
