"""Concurrent orders of several customers with one identity never exceed a limit per customer."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from accounts.contracts import Shopper
from checkout.models import Redemption
from core import db
from core.ids import uuid7
from coupons import services as coupons
from coupons.contracts import RedemptionRequest
from coupons.models import CouponRedemption
from redemptions.errors import UsageLimitPerCustomer
from redemptions.identities import Identities
from redemptions.limits.models import Limit
from redemptions.uses.consistency import check
from redemptions.uses.models import OfferUse
from tests.factories import BrandFactory
from tests.redemptions.limited_offers import KINDS, create_offer, create_shopper, reserve
from tests.redemptions.test_identities import COUNTED, ONCE

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
EMAIL, PHONE = ("email_sha256", "a" * 64), ("phone_sha256", "b" * 64)
ATTEMPTS = 10  # to see the race without the guard


def reserve_for_all(kind: str, run_concurrently: RunConcurrently, at: datetime, **limits: int) -> list[Any]:
    """Reserve an offer for 30 customers with one email address, of whom every other one names a phone number, too."""
    offer = create_offer(kind, BrandFactory(), **(limits or ONCE[kind][0]))

    def run(buyer: tuple[Shopper, Identities]) -> Any:
        return reserve(offer, at, buyer[0], identities=buyer[1])

    buyers = [(create_shopper(), Identities(dict([EMAIL, PHONE][: 1 + n % 2]))) for n in range(30)]
    return run_concurrently(run, buyers)


@pytest.mark.parametrize("kind", KINDS)
def test_concurrent_customers_with_one_identity_use_an_offer_once(
    kind: str, run_concurrently: RunConcurrently, at: datetime
) -> None:
    results = reserve_for_all(kind, run_concurrently, at)

    outcomes = Counter(type(result) for result in results)
    assert outcomes.pop(Redemption) == 1
    assert sum(outcomes.values()) == 29
    assert all(issubclass(error, ONCE[kind][1]) for error in outcomes)
    assert OfferUse.objects.count() == Redemption.objects.count() == 1
    assert list(check(at=at, repair=False)) == []


@pytest.mark.parametrize("kind", COUNTED)
def test_concurrent_customers_with_one_identity_use_an_offer_to_the_last_unit(
    kind: str, run_concurrently: RunConcurrently, at: datetime
) -> None:
    results = reserve_for_all(kind, run_concurrently, at, **{COUNTED[kind]: 5})

    assert Counter(isinstance(result, UsageLimitPerCustomer) for result in results) == {False: 5, True: 25}
    assert max(Limit.objects.filter(slot__startswith="email").values_list("taken", flat=True)) == 5
    assert list(check(at=at, repair=False)) == []


def test_redemptions_with_and_without_orders_share_the_limit_of_an_identity(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    coupon: Any = create_offer("coupon", BrandFactory(), maximum_number_of_coupons_per_user=3)
    identities = Identities(dict([EMAIL]))

    def redeem_alone() -> Any:
        request = RedemptionRequest(uuid7(), create_shopper().key, "TEN", identities=identities)
        return coupons.redeem(coupon=coupon.pk, request=request, at=at)

    calls = [redeem_alone, lambda: reserve(coupon, at, identities=identities)] * 15
    results = run_concurrently(lambda call: call(), calls)

    assert Counter(isinstance(result, UsageLimitPerCustomer) for result in results) == {False: 3, True: 27}
    assert CouponRedemption.objects.count() == OfferUse.objects.count() == 3
    assert list(check(at=at, repair=False)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_conditional_update_an_identity_exceeds_the_limit(
    kind: str, run_concurrently: RunConcurrently, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prove that the tests above can fail: only the quote looks at what the identity used, without the constraint."""
    load_sql = db.load_sql
    guard = re.compile("WHERE l.taken [+] excluded.taken <= .*")
    assert guard.search(load_sql("redemptions/limits/sql/take_limits.sql"))
    monkeypatch.setattr(db, "load_sql", lambda path: guard.sub("", load_sql(path)))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE redemptions_limit DROP CONSTRAINT redemptions_limit_within_cap")
        try:
            is_exceeded = any(
                sum(isinstance(one, Redemption) for one in reserve_for_all(kind, run_concurrently, at)) > 1
                for _ in range(ATTEMPTS)
            )
        finally:
            cursor.execute(
                "TRUNCATE redemptions_limit; ALTER TABLE redemptions_limit"
                " ADD CONSTRAINT redemptions_limit_within_cap CHECK (taken >= 0 AND taken <= cap)"
            )
    assert is_exceeded
