"""Where a service keeps its reviews: a class a store, with the same members, so that a test need not know which it has.

`settings` make a service use it. rows() are its reviews by time, each as (user_name, timestamp, review, sentiment,
polarity_score). outbox() tells of each mail that is not sent whether it is "pending" or "dead". bury() adds a review
with a dead letter. While stalled(), it takes and gives nothing, and says no word. remove() ends it."""

import contextlib
import datetime
import sqlite3
import uuid

COLUMNS = ["user_name", "timestamp", "review", "sentiment", "polarity_score"]


class Sqlite:
    """The database in a folder, at `path`."""

    def __init__(self, folder):
        self.path = folder / "reviews.db"
        self.settings = {"REVIEWD_STORE": f"sqlite:{self.path}"}

    def _all(self, query):
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as database:
            return database.execute(query).fetchall()

    def rows(self):
        return self._all(f"SELECT {', '.join(COLUMNS)} FROM reviews ORDER BY timestamp")

    def outbox(self):
        return [("pending", "dead")[state] for (state,) in self._all("SELECT state FROM outbox")]

    def bury(self, user_name, timestamp, review, error):
        since = datetime.datetime.fromisoformat(timestamp) - datetime.datetime(1970, 1, 1)
        with contextlib.closing(sqlite3.connect(self.path)) as database, database:
            database.execute("INSERT INTO reviews VALUES(?, ?, ?, 'Positive', '0.4')", (user_name, timestamp, review))
            database.execute(
                "INSERT INTO outbox(user_name, timestamp, state, attempts, due_us, created_us, last_error)"
                " VALUES(?, ?, 1, 2, 1, ?, ?)",
                (user_name, timestamp, since // datetime.timedelta(microseconds=1), error))

    @contextlib.contextmanager
    def stalled(self):
        with contextlib.closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield

    def remove(self):
        """The folder goes with the test."""


def key(name, kind):
    return {"AttributeName": name, "KeyType": kind}


class Table:
    """A DynamoDB table with a name of its own, made as somebody would by hand."""

    def __init__(self, aws, index=True, keys=("user_name", "timestamp"), make=True):
        self.aws = aws
        self.name = f"reviews-{uuid.uuid4().hex}"
        self.dynamodb = aws.client("dynamodb")
        # A mail of a service that was killed waits for the end of the lease.
        self.settings = {"REVIEWD_STORE": "dynamodb", "TABLE_NAME": self.name, "REVIEWD_MAIL_LEASE": "2s"}
        self.settings |= aws.settings_of("dynamodb")
        if make:
            self._make(index, keys)

    def _make(self, index, keys):
        attributes = list(keys)
        more = {}
        if index:
            attributes += ["notification", "notification_lease"]
            more["GlobalSecondaryIndexes"] = [{
                "IndexName": "notification-index", "Projection": {"ProjectionType": "KEYS_ONLY"},
                "KeySchema": [key("notification", "HASH"), key("notification_lease", "RANGE")]}]
        self.dynamodb.create_table(
            TableName=self.name, KeySchema=[key(keys[0], "HASH"), key(keys[1], "RANGE")],
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": a, "AttributeType": "S"} for a in attributes], **more)

    def items(self):
        """All items as plain dictionaries (all attributes are strings)."""
        found = []
        for page in self.dynamodb.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=True):
            found += [{name: value["S"] for name, value in item.items()} for item in page["Items"]]
        return found

    def put(self, item):
        self.dynamodb.put_item(TableName=self.name, Item={name: {"S": value} for name, value in item.items()})

    def rows(self):
        rows = [tuple(item[name] for name in COLUMNS) for item in self.items()]
        return sorted(rows, key=lambda row: row[1])

    def outbox(self):
        """An item with more than the reference's five attributes is one whose mail is not sent."""
        return [item["notification"].split("-")[0] for item in self.owed()]

    def owed(self):
        return [item for item in self.items() if set(item) != set(COLUMNS)]

    def positives(self):
        return [item for item in self.items() if item["sentiment"] == "Positive"]

    def bury(self, user_name, timestamp, review, error):
        self.put(dict(zip(COLUMNS, (user_name, timestamp, review, "Positive", "0.4"))) | {
            "notification": "dead-3", "notification_lease": f"{timestamp} somebody", "notification_attempts": "2",
            "notification_error": error})

    @contextlib.contextmanager
    def stalled(self):
        with self.aws.stalled():
            yield

    def remove(self):
        with contextlib.suppress(self.dynamodb.exceptions.ResourceNotFoundException):
            self.dynamodb.delete_table(TableName=self.name)
