"""A single-use code of a discount code is redeemed once, at checkout or without a cart."""

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from accounts.contracts import ALL_BRANDS, Shopper
from checkout import services as checkout
from checkout.contracts import QuoteRequest, RedemptionOptions
from checkout.models import Redemption
from discounts import services
from discounts.models import DiscountCode, Usage
from pricing import Cart, Line
from redemptions.codes.models import Code
from redemptions.codes.services import create_batch, generate_small_batch
from redemptions.errors import CodeAlreadyUsed
from redemptions.uses.models import OfferUse
from redemptions.uses.services import reservations
from tests.factories import DiscountCodeFactory, ShopperFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]


@pytest.fixture
def code(at: datetime) -> Code:
    offer: DiscountCode = DiscountCodeFactory(text="TEN")
    batch = create_batch(kind="discount_code", brand=offer.brand, offer=offer.offer_id, count=1, at=at)
    generate_small_batch(batch=batch)
    return Code.objects.select_related("brand").get(batch=batch)


def create_shopper() -> Shopper:
    user = ShopperFactory()
    return Shopper(user.customer.pk, user.customer.customer_id, user.uuid)


def redeem(code: Code, number: int, shopper: Shopper, at: datetime) -> Any:
    """Redeem the code without a cart, or reserve it for an order."""
    if number % 2:
        return services.redeem_code(code=code.canonical, shopper=shopper, amount=None, currency=None, at=at)
    line = Line(id="a", sku="shoe", quantity=1, unit_price=10_000, brand=code.brand.slug)
    request = QuoteRequest(Cart(currency="EUR", exponent=2, lines=(line,)), (code.text,), shop=code.brand.slug)
    options = RedemptionOptions(str(number), code.brand_id, hashlib.sha256(str(number).encode()).digest())
    return checkout.reserve(request=request, options=options, shopper=shopper, at=at, acceptance=ALL_BRANDS)


@pytest.mark.parametrize("attempt", range(3))
def test_concurrent_shoppers_redeem_a_single_use_discount_code_once(
    attempt: int, code: Code, run_concurrently: RunConcurrently, at: datetime
) -> None:
    shoppers = [create_shopper() for _ in range(40)]

    results = run_concurrently(lambda number: redeem(code, number, shoppers[number], at), range(40))

    outcomes = Counter(type(result) for result in results)
    assert outcomes.pop(CodeAlreadyUsed) == 39, outcomes
    assert sum(outcomes.values()) == 1
    assert set(outcomes) <= {Redemption, services.RedemptionResult}
    assert Usage.objects.count() == OfferUse.objects.filter(code=code.text).count() == 1


def test_without_the_note_of_the_code_it_is_redeemed_twice(
    code: Code, run_concurrently: RunConcurrently, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prove that the test above can fail: uses that don't note the code leave nothing to the unique index."""
    monkeypatch.setattr(reservations, "find_codes_to_count", lambda items, offers: ())
    shoppers = [create_shopper() for _ in range(8)]

    run_concurrently(lambda number: redeem(code, number, shoppers[number], at), range(8))

    assert Usage.objects.count() > 1
