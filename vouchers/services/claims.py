"""Claims of vouchers: one statement decides which of the first logins get one, however many arrive at once."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core import batching, db
from core.errors import NotFound
from vouchers import rules, selectors
from vouchers.contracts import ClaimRequest, ClaimResult, Result


@dataclass(frozen=True, slots=True)
class _BatchItem:
    """A claim in the campaign of a slug."""

    campaign: str
    request: ClaimRequest
    brand_id: uuid.UUID | None = None


def claim(*, campaign: str, customer_key: int, at: datetime, brand_id: uuid.UUID | None = None) -> ClaimResult:
    """Record the first login of a customer in a campaign, of this brand only, and issue a voucher if one is left.

    Concurrent claims share a statement. Raises NotFound for an unknown slug, and Unavailable if too many claims wait.
    """
    item = _BatchItem(campaign, ClaimRequest(customer_key, at), brand_id)
    result = _executor.submit(item, key=(campaign, brand_id))
    if result.result is Result.UNKNOWN:
        raise NotFound
    return result


def claim_many(
    *, campaign: str, requests: Sequence[ClaimRequest], brand_id: uuid.UUID | None = None
) -> list[ClaimResult]:
    """Record first logins in a campaign, in order, and issue the vouchers that are left. Return the results in order.

    One statement writes first logins, counter, vouchers and emails: all of it is committed when this returns, and none
    if anything fails before. Repeated requests get the same vouchers.
    """
    rows = db.fetch_all(
        "vouchers/sql/claim_vouchers.sql",
        {
            "campaign": campaign,
            "brand": brand_id,
            "customers": [request.customer_key for request in requests],
            "times": [request.at for request in requests],
            "events": [request.event for request in requests],
            "ids": [request.voucher_id for request in requests],
        },
    )
    if not rows:
        return [ClaimResult(Result.UNKNOWN) for _ in requests]
    return _resolve_repeated(rows, requests)


def _resolve_repeated(rows: list[db.Row], requests: Sequence[ClaimRequest]) -> list[ClaimResult]:
    """Convert the rows. Read the vouchers again of customers whose first login a concurrent statement has written."""
    results = [rules.to_claim_result(row) for row in rows]
    repeated = [
        position
        for position, row in enumerate(rows)
        if results[position].result is Result.ALREADY_CLAIMED and not row["is_known"]
    ]
    if repeated:
        keys = [requests[position].customer_key for position in repeated]
        vouchers = selectors.vouchers_of_customers(
            campaign_id=rows[0]["campaign_id"], customer_keys=keys, at=requests[repeated[0]].at
        )
        for position in repeated:
            results[position] = replace(results[position], voucher=vouchers.get(requests[position].customer_key))
    return results


def _claim_batch(items: Sequence[_BatchItem]) -> list[ClaimResult]:
    first = items[0]
    return claim_many(campaign=first.campaign, requests=[item.request for item in items], brand_id=first.brand_id)


_executor = batching.BatchExecutor("vouchers.claim", _claim_batch, is_idempotent=True)
