"""Puts and mails while DynamoDB is in trouble: every 200 is in the table, and every Positive there has its mail."""

import pytest

from service import wait_until
from test_dynamodb import items, load, make_table, owed, positives

ANY = {"service": "dynamodb"}
HALF = ANY | {"probability": 0.4}
TROUBLES = {
    "throttled": HALF | {"error": {"code": "ProvisionedThroughputExceededException"}},
    "500": HALF | {"error": {"code": "InternalServerError", "status": 500}},
    "503": HALF | {"error": {"code": "ServiceUnavailable", "status": 503}},
    "reset": HALF | {"reset": True},
    "truncated": HALF | {"response": {"truncate_frac": 0.5}},
    "cut off": HALF | {"response": {"abort_frac": 0.3}},
    "corrupted": HALF | {"response": {"corrupt_bytes": 4}},
    "slow": ANY | {"latency": {"min": 50, "max": 400}},
    "fails thrice, then passes": ANY | {"sequence": {"fail": 3, "pass": 4},
                                        "error": {"code": "InternalServerError", "status": 500}},
}


@pytest.fixture
def start(make_service, aws, tmp_path):
    def start(table, url, folder="one"):
        path = tmp_path / folder
        path.mkdir(exist_ok=True)
        return make_service(path, REVIEWD_STORE="dynamodb", TABLE_NAME=table, REVIEWD_MAIL_LEASE="2s",
                            REVIEWD_REQUEST_TIMEOUT="10s", **aws.settings_for(url))

    return start


def assert_kept(dynamodb, table, statuses, services):
    """The promise, once the trouble is over."""
    stored = {item["user_name"] for item in items(dynamodb, table)}
    assert {f"user {i}" for i, status in enumerate(statuses) if status == 200} <= stored
    assert set(statuses) <= {200, 503, 504, 0}, set(statuses)
    wait_until(lambda: not owed(dynamodb, table), 60, "all items with five attributes")
    assert sum(len(service.mails()) for service in services) == len(positives(dynamodb, table))


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_loses_nothing(start, aws, faults, trouble):
    dynamodb = aws.client("dynamodb")
    table = make_table(dynamodb)
    service = start(table, faults.url)
    faults.set(TROUBLES[trouble])
    statuses = load([service], 80, 32)
    assert faults.fired(), "no fault was made"
    faults.set()
    assert 200 in statuses
    assert_kept(dynamodb, table, statuses, [service])
    assert service.stop() == 0


def test_trouble_with_a_kill_in_the_middle(start, aws, faults):
    dynamodb = aws.client("dynamodb")
    table = make_table(dynamodb)
    faults.set(TROUBLES["500"] | {"probability": 0.2}, TROUBLES["throttled"] | {"probability": 0.2})
    first = start(table, faults.url)
    statuses = load([first], 40)
    first.kill()
    faults.set()
    second = start(table, faults.url)  # the same folder: a mail is one file, however often it is sent
    assert_kept(dynamodb, table, statuses, [second])


def test_batches_that_are_left_in_part_are_completed(start, aws, faults):
    """Only BatchWriteItem fails: what waits is put all the same."""
    dynamodb = aws.client("dynamodb")
    table = make_table(dynamodb)
    service = start(table, faults.url)
    faults.set(HALF | {"operation": "BatchWriteItem", "error": {"code": "ThrottlingException"}})
    statuses = load([service], 80, 32)
    faults.set()
    assert_kept(dynamodb, table, statuses, [service])
