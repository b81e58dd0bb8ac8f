"""The limit of a web request here: a WSGI function without a framework, on the same server and database.

It runs the very statements of the platform with psycopg as it comes (a pool, server-side parameters, statements
prepared after their fifth run), knows nobody and checks nothing.
"""

import base64
import json
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from core.ids import uuid7

ROOT = Path(__file__).resolve().parents[1]
USE = (ROOT / "discounts/sql/redeem_codes.sql").read_text()
CLAIM = (ROOT / "vouchers/sql/claim_vouchers.sql").read_text()
QUOTE: list[str] = json.loads(os.environ.get("BENCH_STATEMENTS", "[]"))
POOL = ConnectionPool(
    os.environ["DATABASE_URL"],
    min_size=1,
    max_size=int(os.environ["WEB_THREADS"]),
    kwargs={"autocommit": True},
    open=True,
)
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """POST …/discountcodeusage/, …/checkout/quote/ and …/first-login/; anything else is answered empty."""
    status, answer = "200 OK", b"{}"
    if environ["PATH_INFO"].endswith("/discountcodeusage/"):
        status, answer = _use(json.loads(environ["wsgi.input"].read()), int(environ["HTTP_X_CUSTOMER"]))
    elif environ["PATH_INFO"].endswith("/quote/"):
        answer = _quote(json.loads(environ["wsgi.input"].read()))
    elif environ["PATH_INFO"].endswith("/first-login/"):
        status, answer = _claim(environ["PATH_INFO"].split("/")[-3], environ["HTTP_AUTHORIZATION"])
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]


def _use(body: dict[str, Any], customer: int) -> tuple[str, bytes]:
    params = {
        "codes": [body["discount_code"]], "customers": [customer], "ids": [uuid7()], "ats": [datetime.now(UTC)],
        "amounts": [None], "currencies": [None],
    }  # fmt: skip
    with POOL.connection() as connection:
        row = connection.execute(USE, params).fetchone()
    taken = row is not None and row[7] is not None
    answer = json.dumps({"discount_code": row[0], "used_at": row[8].isoformat()} if row and taken else {})
    return ("201 Created" if taken else "409 Conflict"), answer.encode()


def _claim(campaign: str, authorization: str) -> tuple[str, bytes]:
    claims = json.loads(base64.urlsafe_b64decode(authorization.split(".")[1] + "=="))
    params = {
        "campaign": campaign, "customers": [claims["cid"]], "instants": [datetime.now(UTC)], "ids": [uuid7()],
        "events": [None],
    }  # fmt: skip
    with POOL.connection() as connection:
        row = connection.cursor(row_factory=dict_row).execute(CLAIM, params).fetchone()
    if row is None or not row["is_open"]:
        raise LookupError(campaign)
    if row["id"] is None:
        return "200 OK", b"{}"
    return "201 Created", json.dumps({"rank": row["rank"], "voucher": {"id": str(row["id"])}}).encode()


def _quote(body: dict[str, Any]) -> bytes:
    with POOL.connection() as connection:
        rows = [connection.execute(statement).fetchall() for statement in QUOTE]
    return json.dumps({"lines": len(body["lines"]), "rows": sum(map(len, rows))}).encode()
