"""The first design as a WSGI application, the twin of the trials: login, INCR in Redis, voucher, each by itself.

It dies, when a trial asks, between counting a winner and writing the voucher.
"""

import json
import os
import uuid
from collections.abc import Iterable
from functools import cache
from typing import Any

import redis
from psycopg_pool import ConnectionPool

from tests.faults.kill_points import die_if_asked

QUOTA = 100
BETWEEN = "between counting and writing"


@cache
def pool() -> ConnectionPool:
    return ConnectionPool(os.environ["DATABASE_URL"], min_size=1, max_size=4, kwargs={"autocommit": True}, open=True)


@cache
def counter() -> redis.Redis:
    return redis.Redis.from_url(os.environ["REDIS_URL"])


def claim(campaign: str, customer: int) -> dict[str, Any]:
    """What becomes of an arrival."""
    with pool().connection() as connection:
        login = "INSERT INTO three_steps_login VALUES (%s, %s) ON CONFLICT DO NOTHING"
        if not connection.execute(login, [campaign, customer]).rowcount:
            had = "SELECT id, rank FROM three_steps_voucher WHERE campaign = %s AND customer = %s"
            row = connection.execute(had, [campaign, customer]).fetchone()
            return {"result": "already_logged_in", "voucher": row and {"id": str(row[0]), "rank": row[1]}}
        rank = counter().incr(f"campaign_counter_{campaign}")
        if rank > QUOTA:
            return {"result": "campaign_full"}
        die_if_asked(BETWEEN)
        voucher = uuid.uuid4()
        connection.execute(
            "INSERT INTO three_steps_voucher VALUES (%s, %s, %s, %s)", [voucher, campaign, customer, rank]
        )
        return {"result": "voucher_granted", "voucher": {"id": str(voucher), "rank": rank}}


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answers the path of the real one; the customer's number is the bearer's token."""
    answer = {}
    if environ["REQUEST_METHOD"] == "POST":
        campaign = environ["PATH_INFO"].split("/")[4]
        answer = claim(campaign, int(environ["HTTP_AUTHORIZATION"].removeprefix("Bearer ")))
    body = json.dumps(answer).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
