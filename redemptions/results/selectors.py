"""Reads of results, exact at any instant: sums that are rolled up, and the events after them."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from core import db
from redemptions.backends import get_backends
from redemptions.results.contracts import ALL_KINDS, USES, Amounts, Grouping, ResultFilter, Results

AMOUNTS = ("gross", "discount", "returned_discount")
GroupKey = tuple[uuid.UUID | None, str, uuid.UUID | None, str | None]
"""Brand, kind, offer and code of a group. What it is not split by is None, or empty."""

STATEMENTS = ("redemptions/results/sql/select_results.sql", "redemptions/results/sql/select_rejections.sql")
STATEMENTS_BY_CODE = (
    "redemptions/results/sql/select_code_results.sql", "redemptions/results/sql/select_code_rejections.sql",
)  # fmt: skip


def read_results(
    *, wanted: ResultFilter, start: datetime, end: datetime, starts: Sequence[datetime], by: Grouping | None
) -> Mapping[GroupKey, Mapping[int, Results]]:
    """Return the results by group and by the index of their period, without empty periods and groups.

    ``starts`` are the starts of the periods, of which the first may begin before ``start``. All are at quarters of an
    hour. Those by code are read from the events of one offer, all others from sums.
    """
    groups: dict[GroupKey, dict[int, Results]] = {}
    if not starts or not wanted.brands:
        return groups
    params = {
        "brands": list(wanted.brands),
        "kinds": _kinds(wanted, by),
        "offer": wanted.offer,
        "first": start,
        "until": end,
        "edges": list(starts),
        "by_brand": by is Grouping.BRAND,
        "by_kind": by in (Grouping.KIND, Grouping.OFFER),
        "by_offer": by is Grouping.OFFER,
    }
    results, rejected = STATEMENTS_BY_CODE if by is Grouping.CODE else STATEMENTS
    for row in db.fetch_all(results, params):
        _period_of(groups, row).add(_to_results(row))
    for row in db.fetch_all(rejected, params):
        rejections = _period_of(groups, row).rejections
        rejections[row["reason"]] = rejections.get(row["reason"], 0) + row["rejected"]
    return groups


def count_customers(
    *, wanted: ResultFilter, start: datetime, end: datetime, starts: Sequence[datetime], by_code: bool
) -> Mapping[tuple[str | None, int | None], int]:
    """Return the number of customers with a confirmed use of an offer, by code and by the index of the period.

    The code is None unless they are split ``by_code``, and the period is None for all periods together.
    """
    params = {
        "brands": list(wanted.brands),
        "kinds": _kinds(wanted, None),
        "offer": wanted.offer,
        "first": start,
        "until": end,
        "edges": list(starts),
        "by_code": by_code,
    }
    rows = db.fetch_all("redemptions/results/sql/count_customers.sql", params) if starts and wanted.brands else []
    return {(row["code"], None if row["period"] is None else row["period"] - 1): row["customers"] for row in rows}


def _kinds(wanted: ResultFilter, by: Grouping | None) -> list[str]:
    """Return the kinds of the rows to read: those of kinds or offers, or the sums of all kinds."""
    if wanted.kind:
        return [wanted.kind]
    is_detailed = wanted.offer is not None or by in (Grouping.KIND, Grouping.OFFER, Grouping.CODE)
    return list(get_backends()) if is_detailed else [ALL_KINDS]


def _period_of(groups: dict[GroupKey, dict[int, Results]], row: db.Row) -> Results:
    key = (row["brand_id"], row["kind"], row["offer_id"], row["code"])
    return groups.setdefault(key, {}).setdefault(row["period"] - 1, Results())


def _to_results(row: db.Row) -> Results:
    """Return a row of sums in one currency as results."""
    amounts = Amounts(**{name: row[name] for name in AMOUNTS})
    has_amounts = row["currency"] and (row["confirmed"] or amounts != Amounts())
    return Results(**{name: row[name] for name in USES}, amounts={row["currency"]: amounts} if has_amounts else {})


def read_totals(*, offers: Collection[uuid.UUID], brands: Collection[uuid.UUID]) -> dict[uuid.UUID, Results]:
    """Return the results of offers of the brands since they were created, without rejections. Each has an entry."""
    totals = {offer: Results() for offer in offers}
    if totals:
        params = {"offers": list(totals), "brands": list(set(brands))}
        for row in db.fetch_all("redemptions/results/sql/select_totals.sql", params):
            totals[row["offer_id"]].add(_to_results(row))
    return totals
