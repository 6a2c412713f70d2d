"""Puts and mails while DynamoDB is in trouble: every 200 is in the table, and every Positive there has its mail."""

import time

import pytest

from service import EXAMPLE, wait_until
from test_dynamodb import acknowledged, load, load_and_kill, mailed, names

pytestmark = pytest.mark.stores("dynamodb")

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


MIXED = [TROUBLES["500"] | {"probability": 0.2}, TROUBLES["throttled"] | {"probability": 0.2}]
KILLED_IN = {"mixed": MIXED} | {name: [TROUBLES[name]] for name in ["reset", "truncated", "slow"]}


@pytest.fixture
def start(make_service, tmp_path):
    def start(table, url, folder="one", **settings):
        settings |= {"REVIEWD_REQUEST_TIMEOUT": "10s", "AWS_ENDPOINT_URL_DYNAMODB": url}
        return make_service(tmp_path / folder, table=table, **settings)

    return start


def assert_kept(table, statuses, *services, once=True):
    """The promise, once the trouble is over; not `once`: a mail may have gone out twice."""
    assert acknowledged(statuses) <= set(names(table.items()))
    assert set(statuses) <= {200, 503, 504, 0}, set(statuses)
    wait_until(lambda: not table.owed(), "all items with five attributes")
    mails = mailed(*services)
    assert (mails if once else sorted(set(mails))) == names(table.positives())


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_loses_nothing(start, make_table, faults, trouble):
    table = make_table()
    service = start(table, faults.url)
    faults.set(TROUBLES[trouble])
    statuses = load([service], 80, 32)
    assert faults.fired(), "no fault was made"
    faults.set()
    assert 200 in statuses
    assert_kept(table, statuses, service)
    assert service.stop() == 0


@pytest.mark.parametrize("trouble", KILLED_IN)
def test_trouble_with_a_kill_in_the_middle(start, make_table, faults, trouble):
    table = make_table()
    faults.set(*KILLED_IN[trouble])
    statuses = load_and_kill(start(table, faults.url), table, 120, 30)
    assert faults.fired(), "no fault was made"
    faults.set()
    second = start(table, faults.url)  # the same folder: a mail is one file, however often it is sent
    assert_kept(table, statuses, second)


def test_trouble_of_two_instances(start, make_table, faults):
    """Neither ends, so no lease does: each mail goes out once, from whichever has it."""
    table = make_table()
    pair = [start(table, faults.url, folder=name, REVIEWD_MAIL_LEASE="60s") for name in ["one", "two"]]
    faults.set(*MIXED)
    statuses = load(pair, 120, 32)
    assert faults.fired(), "no fault was made"
    faults.set()
    assert_kept(table, statuses, *pair)
    assert all(service.mails() for service in pair)
    assert [service.stop() for service in pair] == [0, 0]


@pytest.mark.parametrize("trouble", ["mixed", "reset"])
def test_trouble_with_a_kill_beside_another(start, make_table, faults, trouble):
    """The other one runs on in the same trouble, and takes over. What was mailed, but not noted, is mailed again."""
    table = make_table()
    pair = [start(table, faults.url, folder=name) for name in ["one", "two"]]
    faults.set(*KILLED_IN[trouble])
    statuses = load_and_kill(pair[0], table, 160, 40, beside=pair[1:])
    assert faults.fired(), "no fault was made"
    faults.set()
    assert_kept(table, statuses, *pair, once=False)
    assert pair[1].stop() == 0


def test_the_stop_does_not_wait_for_what_cannot_be_noted(start, make_table, faults):
    """The mail is out, the table does not say whether it was noted: that is tried, within the time for the stop."""
    table = make_table()
    service = start(table, faults.url, REVIEWD_DRAIN_TIMEOUT="15s")
    faults.set(ANY | {"operation": "UpdateItem", "latency": {"min": 20000, "max": 20000}})
    assert service.post(EXAMPLE)[0] == 200
    wait_until(service.mails, "the mail")
    begun = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - begun < 15
    faults.set()
    assert_kept(table, {}, start(table, faults.url))


@pytest.mark.stores("dynamodb", "dynamodb-local")
def test_batches_that_are_left_in_part_are_completed(make_service, partial):
    service = make_service(AWS_ENDPOINT_URL_DYNAMODB=partial.url)
    assert set(load([service], 200, 64)) == {200}
    assert partial.given_back > 0, "no batch was sent"
    assert len(service.rows()) == 200
    wait_until(lambda: not service.outbox(), "all mails")
    assert len(service.mails()) == len(service.store.positives())


def test_batches_that_are_throttled_are_completed(start, make_table, faults):
    """Only BatchWriteItem fails, as a whole: what waits is put all the same."""
    table = make_table()
    service = start(table, faults.url)
    faults.set(ANY | {"operation": "BatchWriteItem", "sequence": {"fail": 1, "pass": 1},
                      "error": {"code": "ThrottlingException"}})
    statuses = load([service], 200, 64)
    assert faults.fired(), "no fault was made"
    faults.set()
    assert_kept(table, statuses, service)
