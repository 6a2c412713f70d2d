"""The same service on FastAPI, boto3 and TextBlob: POST /reviews, one PutItem, one answer.
See ../README.md for what it does and does not do."""

import logging
import os
from datetime import datetime, timezone
from typing import Annotated

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, StrictStr
from textblob import TextBlob

BODY_LIMIT = 64 * 1024
USER_NAME_MAX = 2048  # bytes

table = os.environ["TABLE_NAME"]
# Clients, unlike resources, may be shared by threads; the default of 10 connections is fewer than the thread pool's 40.
dynamodb = boto3.client("dynamodb", config=Config(max_pool_connections=64))


def check_user_name(value: str) -> str:
    if not 1 <= len(value.encode()) <= USER_NAME_MAX:
        raise ValueError("must have 1 to 2048 bytes")
    if any(c < " " for c in value):
        raise ValueError("must not contain control characters")
    return value


def check_review(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    return value


class Review(BaseModel):
    model_config = ConfigDict(extra="ignore")
    user_name: Annotated[StrictStr, AfterValidator(check_user_name)] = "Anonymous"
    review: Annotated[StrictStr, AfterValidator(check_review)]


class BodyLimit:
    """Refuses by Content-Length, before anything is read."""

    def __init__(self, inner):
        self.inner = inner

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.inner(scope, receive, send)
        length = next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)
        if length > BODY_LIMIT:
            return await JSONResponse({"message": "Request Too Long"}, 413)(scope, receive, send)
        return await self.inner(scope, receive, send)


app = FastAPI(openapi_url=None)
app.add_middleware(BodyLimit)


@app.exception_handler(RequestValidationError)
async def refuse(_request, error: RequestValidationError):
    return JSONResponse({"message": str(error.errors()[0]["msg"])}, 400)


@app.post("/reviews")
def post(body: Review):  # not async: boto3 blocks, so FastAPI runs it in its thread pool
    polarity = TextBlob(body.review).sentiment.polarity
    sentiment = "Positive" if polarity > 0.1 else "Negative" if polarity < -0.1 else "Neutral"
    try:
        dynamodb.put_item(
            TableName=table,
            Item={
                "user_name": {"S": body.user_name},
                "timestamp": {"S": datetime.now(timezone.utc).replace(tzinfo=None).isoformat()},
                "review": {"S": body.review},
                "sentiment": {"S": sentiment},
                "polarity_score": {"S": str(polarity)},
            },
        )
    except (BotoCoreError, ClientError) as error:
        logging.error("%s", error)
        return JSONResponse({"message": "Service Unavailable"}, 503)
    return JSONResponse(f"Processed as {sentiment} (Score: {polarity:.2f})")
