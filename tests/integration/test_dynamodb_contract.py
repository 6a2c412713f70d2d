"""The contract of all stores, kept by the DynamoDB store over real sockets (tests/tools/dynamodb_contract.c)."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("DYNAMODB_CONTRACT", str(ROOT / "build/tests/tools/dynamodb_contract"))


def test_contract(aws):
    """Against moto with signatures verified, or the DynamoDB that DYNAMODB_URL names (such as DynamoDB Local)."""
    settings = aws.settings_for(os.environ.get("DYNAMODB_URL", aws.url))
    run = subprocess.run([PROGRAM], env=os.environ | settings, capture_output=True, text=True, timeout=280)
    assert run.returncode == 0, run.stdout + run.stderr
