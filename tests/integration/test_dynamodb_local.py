"""The service on AWS's own implementation of DynamoDB."""

import pytest

from service import EXAMPLE, EXAMPLE_ANSWER, wait_until
from stores import COLUMNS, Table
from test_dynamodb import load, run

pytestmark = pytest.mark.stores("dynamodb-local")


def test_worked_example(service):
    assert service.post(EXAMPLE)[::2] == (200, f'"{EXAMPLE_ANSWER}"')
    wait_until(lambda: len(service.mails()) == 1 and not service.outbox(), "the mail")
    [item] = service.store.items()
    assert set(item) == set(COLUMNS)
    assert service.stop() == 0


def test_many_reviews_and_a_kill(make_service):
    service = make_service()
    assert set(load([service], 200, 32)) == {200}
    service.kill()
    service = make_service()
    assert len(service.rows()) == 200
    wait_until(lambda: not service.outbox(), "all mails")
    assert len(service.mails()) == len(service.store.positives())
    assert service.metric("reviewd_store_errors_total") == 0


def test_table_create_and_check(make_service, dynamodb_local, tmp_path):
    table = Table(dynamodb_local, make=False)
    service = make_service(tmp_path, start=False, table=table)
    for word in ["made", "exists already"]:
        told = run(service, "table", "create")
        assert told.returncode == 0 and word in told.stdout, told.stdout + told.stderr
        assert "warn point-in-time recovery" in told.stdout  # which it has not
    told = run(service, "check")
    assert told.returncode == 0 and "warn" not in told.stdout, told.stdout
    table.remove()
