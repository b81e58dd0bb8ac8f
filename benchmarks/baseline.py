"""The limit of a web request: a WSGI function without a framework, on the same server and database.

It runs the platform's statements with psycopg's defaults (a pool, server-side parameters, statements prepared after
their fifth run), without authentication or checks.
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
REDEEM_SQL = (ROOT / "discounts/sql/redeem_codes.sql").read_text()
CLAIM_SQL = (ROOT / "vouchers/sql/claim_vouchers.sql").read_text()
QUOTE_STATEMENTS: list[str] = json.loads(os.environ.get("BENCH_STATEMENTS", "[]"))
POOL = ConnectionPool(
    os.environ["DATABASE_URL"],
    min_size=1,
    max_size=int(os.environ["WEB_THREADS"]),
    kwargs={"autocommit": True},
    open=True,
)
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Handle POST …/discountcodeusage/, …/checkout/quote/ and …/first-login/; other paths get an empty response."""
    status, body = "200 OK", b"{}"
    if environ["PATH_INFO"].endswith("/discountcodeusage/"):
        status, body = _use(json.loads(environ["wsgi.input"].read()), int(environ["HTTP_X_CUSTOMER"]))
    elif environ["PATH_INFO"].endswith("/quote/"):
        body = _quote(json.loads(environ["wsgi.input"].read()))
    elif environ["PATH_INFO"].endswith("/first-login/"):
        status, body = _claim(environ["PATH_INFO"].split("/")[-3], environ["HTTP_AUTHORIZATION"])
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _use(body: dict[str, Any], customer: int) -> tuple[str, bytes]:
    params = {
        "codes": [body["discount_code"]], "customers": [customer], "ids": [uuid7()], "ats": [datetime.now(UTC)],
        "amounts": [None], "currencies": [None], "have_users": [True], "brands": [None], "takes_limits": False,
    }  # fmt: skip
    with POOL.connection() as connection:
        row = connection.execute(REDEEM_SQL, params).fetchone()
    taken = row is not None and row[7] is not None
    document = json.dumps({"discount_code": row[0], "used_at": row[8].isoformat()} if row and taken else {})
    return ("201 Created" if taken else "409 Conflict"), document.encode()


def _claim(campaign: str, authorization: str) -> tuple[str, bytes]:
    claims = json.loads(base64.urlsafe_b64decode(authorization.split(".")[1] + "=="))
    params = {
        "campaign": campaign, "customers": [claims["cid"]], "times": [datetime.now(UTC)], "ids": [uuid7()],
        "events": [None], "brand": None,
    }  # fmt: skip
    with POOL.connection() as connection:
        row = connection.cursor(row_factory=dict_row).execute(CLAIM_SQL, params).fetchone()
    if row is None or not row["is_open"]:
        raise LookupError(campaign)
    if row["id"] is None:
        return "200 OK", b"{}"
    return "201 Created", json.dumps({"rank": row["rank"], "voucher": {"id": str(row["id"])}}).encode()


def _quote(body: dict[str, Any]) -> bytes:
    with POOL.connection() as connection:
        rows = [connection.execute(statement).fetchall() for statement in QUOTE_STATEMENTS]
    return json.dumps({"lines": len(body["lines"]), "rows": sum(map(len, rows))}).encode()
