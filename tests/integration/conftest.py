import pytest

from aws import Aws
from children import running
from dynamodb_local import DynamoDbLocal, why_missing
from faults import Faults
from partial import Partial
from service import Service
from stores import Sqlite, Table
from tls import Certificate


# The fixture that each store needs.
SERVERS = {"sqlite": None, "dynamodb": "aws", "dynamodb-local": "dynamodb_local"}


def pytest_configure(config):
    config.addinivalue_line("markers", "stores(name, …): what is tested is of these stores alone")


def pytest_generate_tests(metafunc):
    """What starts a service does so once on SQLite and once on DynamoDB, unless marked otherwise."""
    if "store" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("stores")
        metafunc.parametrize("store", mark.args if mark else ["sqlite", "dynamodb"], indirect=True)


@pytest.fixture
def make_table(aws):
    """A factory of DynamoDB tables; all of them are removed with the test."""
    made = []

    def make(**what):
        made.append(Table(aws, **what))
        return made[-1]

    yield make
    for table in made:
        table.remove()


@pytest.fixture
def store(request):
    """The store of this run of the test, by folder: a service that is started again there finds what it left."""
    server = SERVERS[request.param] and request.getfixturevalue(SERVERS[request.param])
    made = {}

    def store_of(folder):
        if folder not in made:
            made[folder] = Table(server) if server else Sqlite(folder)
        return made[folder]

    yield store_of
    for kept in made.values():
        kept.remove()


@pytest.fixture
def make_service(store, tmp_path):
    """A factory of services; all of them are ended with the test."""
    made = []

    def make(folder=tmp_path, start=True, table=None, **settings):
        folder.mkdir(exist_ok=True)
        made.append(Service(folder, table or store(folder), **settings))
        return made[-1].start() if start else made[-1]

    yield make
    for service in made:
        service.kill()


@pytest.fixture
def service(make_service):
    return make_service()


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_running():
    """The first fixture of a session, so it ends after all others have."""
    yield
    assert running() == []


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return Certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def aws():
    """A stand-in for AWS that verifies signatures, shared by the tests of a process: use names of your own."""
    server = Aws()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def dynamodb_local():
    """AWS's own implementation of DynamoDB."""
    reason = why_missing()
    if reason:
        pytest.skip(f"DynamoDB Local: {reason}")
    server = DynamoDbLocal()
    yield server
    server.stop()


@pytest.fixture
def partial(request):
    """A proxy before the DynamoDB of this run of the test, which leaves batches undone in part."""
    proxy = Partial(request.getfixturevalue(SERVERS[request.node.callspec.params["store"]]))
    yield proxy
    proxy.stop()


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
