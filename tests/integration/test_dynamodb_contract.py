"""The contract of all stores, kept by the DynamoDB store over real sockets (tests/tools/dynamodb_contract.c)."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("DYNAMODB_CONTRACT", str(ROOT / "build/tests/tools/dynamodb_contract"))


def keeps_the_contract(aws, url):
    run = subprocess.run([PROGRAM], env=os.environ | aws.settings_for(url), capture_output=True, text=True, timeout=580)
    dynamodb = aws.client("dynamodb", url)
    for page in dynamodb.get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            if name.startswith("contract-"):
                dynamodb.delete_table(TableName=name)
    assert run.returncode == 0, run.stdout + run.stderr


def test_contract_on_moto(aws):
    """With signatures verified."""
    keeps_the_contract(aws, aws.url)


def test_contract_on_dynamodb_local(aws, dynamodb_local):
    """With the checks that AWS's own implementation makes."""
    keeps_the_contract(aws, dynamodb_local.url)


@pytest.mark.skipif("DYNAMODB_URL" not in os.environ, reason="DYNAMODB_URL names no other DynamoDB")
def test_contract_on_another(aws):
    keeps_the_contract(aws, os.environ["DYNAMODB_URL"])
