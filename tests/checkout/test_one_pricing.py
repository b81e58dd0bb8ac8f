"""Quote, simulation and reservation price the offers of every kind in the same way."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.contracts import Shopper
from accounts.models import Brand
from accounts.selectors import shopper_of
from checkout import serialization, services
from checkout.contracts import QuoteRequest, RedemptionOptions, SimulationOptions
from promotions.models import Promotion
from tests.factories import BrandFactory, CouponFactory, CustomerFactory, DiscountCodeFactory, PromotionFactory
from tests.pricing import strategies

pytestmark = pytest.mark.django_db
KINDS = ("automatic", "promotion", "coupon", "discount_code")
OFFERS = st.lists(st.tuples(st.sampled_from(KINDS), strategies.documents()), max_size=4)
UNKNOWN, ENDED = "UNKNOWN-CODE", "ENDED-CODE"


@pytest.fixture
def brand() -> Brand:
    return BrandFactory(slug="billo", currency="EUR")


@pytest.fixture
def shopper() -> Shopper:
    return shopper_of(CustomerFactory(customer_id="c1"))


def create_offers(brand: Brand, offers: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """Create a live offer of each kind with its document, and return the codes."""
    ended = datetime(2026, 2, 1, tzinfo=UTC)
    PromotionFactory(brand=brand, text=ENDED, trigger="code", end_date=ended)
    codes = [UNKNOWN, ENDED]
    for number, (kind, document) in enumerate(offers):
        code = f"CODE-NUMBER-{number}"
        if kind == "automatic":
            PromotionFactory(brand=brand, offer=document, currency="EUR")
            continue
        codes.append(code)
        if kind == "promotion":
            PromotionFactory(brand=brand, offer=document, trigger="code", text=code, currency="EUR")
        elif kind == "coupon":
            CouponFactory(brand=brand, offer=document, text=code)
        else:
            terms = {"conditions": document.get("conditions", [])}
            DiscountCodeFactory(brand=brand, text=code, percent=15, terms=terms)
    return codes


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(basket=strategies.carts(), offers=OFFERS, spell=st.sampled_from([str.upper, str.lower]))
def test_quote_simulation_and_reservation_are_equal(
    basket: Any, offers: list[tuple[str, dict[str, Any]]], spell: Callable[[str], str], brand: Brand, shopper: Shopper
) -> None:
    with transaction.atomic():
        codes = create_offers(brand, offers)
        request = QuoteRequest(basket, tuple(spell(code) for code in codes), shop=brand.slug)
        at = timezone.now()

        quote = serialization.serialize_quote(services.quote(request=request, shopper=shopper, at=at))
        options = SimulationOptions([], include_live=True)
        simulation = services.simulate(request=request, options=options, brand=brand, shopper=shopper, at=at)
        order = RedemptionOptions("o1", brand.pk, b"", skip=True)
        redemption = services.reserve(request=request, options=order, shopper=shopper, at=at)

        assert serialization.serialize_quote(simulation.quote) == quote
        assert redemption.quote == quote
        reasons = {row["code"].upper(): row["reason"]["code"] for row in quote["rejected"]}
        assert reasons[UNKNOWN] == "code_not_found"
        assert reasons[ENDED] == "code_expired"
        assert {row["code"] for row in quote["applied"] if "code" in row} | reasons.keys() >= set(codes)
        transaction.set_rollback(True)
    assert not Promotion.objects.exists()
