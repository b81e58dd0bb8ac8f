"""An earlier design as a WSGI application, for comparison: login, INCR in Redis and voucher as three separate steps.

A test can kill it between counting a recipient and writing the voucher.
"""

import json
import os
import uuid
from collections.abc import Iterable
from functools import cache
from typing import Any

import redis
from psycopg_pool import ConnectionPool

from tests.faults.kill_points import kill_if_marked

QUOTA = 100
KILL_STEP = "between counting and writing"


@cache
def get_pool() -> ConnectionPool:
    return ConnectionPool(os.environ["DATABASE_URL"], min_size=1, max_size=4, kwargs={"autocommit": True}, open=True)


@cache
def get_redis() -> redis.Redis:
    return redis.Redis.from_url(os.environ["REDIS_URL"])


def claim(campaign: str, customer: int) -> dict[str, Any]:
    """Return the result of a login."""
    with get_pool().connection() as connection:
        login = "INSERT INTO baseline_login VALUES (%s, %s) ON CONFLICT DO NOTHING"
        if not connection.execute(login, [campaign, customer]).rowcount:
            query = "SELECT id, rank FROM baseline_voucher WHERE campaign = %s AND customer = %s"
            row = connection.execute(query, [campaign, customer]).fetchone()
            return {"result": "already_logged_in", "voucher": row and {"id": str(row[0]), "rank": row[1]}}
        rank = get_redis().incr(f"campaign_counter_{campaign}")
        if rank > QUOTA:
            return {"result": "campaign_full"}
        kill_if_marked(KILL_STEP)
        voucher = uuid.uuid4()
        connection.execute("INSERT INTO baseline_voucher VALUES (%s, %s, %s, %s)", [voucher, campaign, customer, rank])
        return {"result": "voucher_granted", "voucher": {"id": str(voucher), "rank": rank}}


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Handle the path of the real application; the bearer token is the customer's number."""
    result = {}
    if environ["REQUEST_METHOD"] == "POST":
        campaign = environ["PATH_INFO"].split("/")[4]
        result = claim(campaign, int(environ["HTTP_AUTHORIZATION"].removeprefix("Bearer ")))
    body = json.dumps(result).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
