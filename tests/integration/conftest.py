import pytest

from aws import Aws
from dynamodb_local import DynamoDbLocal, why_missing
from faults import Faults
from service import Service


@pytest.fixture
def make_service(tmp_path):
    """A factory of services; all of them are ended with the test."""
    made = []

    def make(folder=None, start=True, **settings):
        service = Service(folder or tmp_path, **settings)
        made.append(service)
        return service.start() if start else service

    yield make
    for service in made:
        service.kill()


@pytest.fixture
def service(make_service):
    return make_service()


@pytest.fixture(scope="session")
def aws():
    """A stand-in for AWS that verifies signatures, shared by the tests of a session: use names of your own."""
    server = Aws()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def fault_proxy(aws):
    proxy = Faults(aws)
    yield proxy
    proxy.stop()


@pytest.fixture
def faults(fault_proxy):
    """A proxy before `aws` that makes no faults yet."""
    fault_proxy.set()
    return fault_proxy


@pytest.fixture(scope="session")
def dynamodb_local():
    """AWS's own implementation of DynamoDB."""
    reason = why_missing()
    if reason:
        pytest.skip(f"DynamoDB Local: {reason}")
    server = DynamoDbLocal()
    yield server
    server.stop()
