"""Concurrent orders of another brand's server never exceed what a brand granted for a month."""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from accounts.contracts import Acceptance
from accounts.selectors import find_grants
from accounts.services import create_grant
from checkout import services
from checkout.contracts import RedemptionOptions
from checkout.models import Redemption
from redemptions import purchases
from redemptions.errors import GrantExhausted
from redemptions.limits.contracts import UNLIMITED, LimitRequest
from redemptions.limits.models import Limit
from redemptions.uses.consistency import check
from redemptions.uses.models import OfferUse
from redemptions.uses.services import requests
from tests.factories import BrandFactory
from tests.redemptions.limited_offers import KINDS, build_request, create_offer, create_shopper

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
ORDERS = 8


def sell_at_once(kind: str, run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Reserve eight orders of 10.00 off with a grant of 35.00, all of them priced before the first one takes it."""
    at, issuer, acceptor = timezone.now(), BrandFactory(), BrandFactory()
    offer = create_offer(kind, issuer)
    create_grant(issuer=issuer, acceptor=acceptor, kinds=[kind], max_per_month="35.00", at=at)
    acceptance = Acceptance(frozenset({acceptor.pk}), grants=find_grants(acceptor=acceptor.pk))
    priced, first, reserve = threading.Barrier(ORDERS, timeout=30), threading.local(), purchases.reserve

    def reserve_together(parts: Any, **former: Any) -> None:
        if not hasattr(first, "is_over"):
            first.is_over = True
            priced.wait()
        reserve(parts, **former)

    def sell(number: int) -> Redemption:
        who, order = create_shopper(), str(number)
        options = RedemptionOptions(order, acceptor.pk, hashlib.sha256(order.encode()).digest())
        request = replace(build_request(offer, who, at), shop=acceptor.slug)
        return services.reserve(request=request, options=options, shopper=who, at=at, acceptance=acceptance)

    monkeypatch.setattr(purchases, "reserve", reserve_together)
    return run_concurrently(sell, range(ORDERS))


@pytest.mark.parametrize("kind", KINDS)
def test_concurrent_orders_use_a_grant_to_the_last_unit(
    kind: str, run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = sell_at_once(kind, run_concurrently, monkeypatch)

    assert Counter(type(result) for result in results) == {Redemption: 3, GrantExhausted: 5}
    assert Limit.objects.get(scope="grant:EUR").taken == sum(use.amount for use in OfferUse.objects.all()) == 3_000
    assert list(check(at=timezone.now(), repair=False)) == []


def test_without_the_cap_in_the_statement_a_grant_is_exceeded(
    run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_grant = requests._request_grant

    def request_uncapped(*arguments: Any) -> LimitRequest:
        return replace(request_grant(*arguments), cap=UNLIMITED)

    monkeypatch.setattr(requests, "_request_grant", request_uncapped)

    results = sell_at_once("promotion", run_concurrently, monkeypatch)

    assert Counter(type(result) for result in results) == {Redemption: ORDERS}
    assert Limit.objects.get(scope="grant:EUR").taken == 8_000, "the race that the cap in the statement prevents"
