"""Quote, simulation and reservation price the offers of every kind in the same way."""

import json
import random
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.contracts import ALL_BRANDS, Shopper
from accounts.models import Brand
from accounts.selectors import get_shopper, shopper_of
from checkout import serialization, services
from checkout.contracts import Actor, QuoteRequest, RedemptionOptions, SimulationOptions
from checkout.models import Redemption
from checkout.services import confirm
from core import money
from pricing import Cart, OfferInvalid, Profile, parse_offer
from promotions.models import PricingProfile, Promotion
from redemptions.codes.rules import canonicalize_code
from redemptions.limits.models import Limit
from segments.services import apply_audience
from tests.factories import (
    BrandFactory,
    CampaignFactory,
    CouponFactory,
    CustomerFactory,
    DiscountCodeFactory,
    PromotionFactory,
)
from tests.pricing import strategies
from vouchers.models import Voucher, VoucherStatus
from vouchers.services import claim

pytestmark = pytest.mark.django_db
KINDS = ("automatic", "promotion", "coupon", "discount_code", "voucher")
STRANGER, MEMBER, BUYER = "stranger", "c1", "buyer"
UNKNOWN, ENDED = "UNKNOWN-CODE", "ENDED-CODE"
NO_VOUCHER = "00000000-0000-7000-8000-000000000000"
CODE = "CODE-NUMBER-%s"


@dataclass(frozen=True)
class LiveOffer:
    """An offer to create. ``is_limited`` gives it a low limit or budget, and ``is_used`` uses this up."""

    kind: str
    document: dict[str, Any]
    percent: int | None
    is_for_members: bool
    is_limited: bool
    is_used: bool


def is_valid(document: dict[str, Any]) -> bool:
    """Return whether a brand in EUR can have the offer: its amounts must have a currency in common."""
    try:
        parse_offer(document, currency="EUR")
    except OfferInvalid:
        return False
    return True


OFFERS = st.lists(
    st.builds(
        LiveOffer,
        kind=st.sampled_from(KINDS),
        document=strategies.documents().filter(is_valid),
        percent=st.one_of(st.none(), st.integers(1, 99)),
        is_for_members=st.sampled_from([False, False, True]),
        is_limited=st.sampled_from([False, False, True]),
        is_used=st.sampled_from([False, False, True]),
    ),
    max_size=5,
)
SPELLINGS = st.sampled_from([str.upper, str.lower, lambda code: code.replace("-", " ")])


@pytest.fixture
def brand() -> Brand:
    brand: Brand = BrandFactory(slug="billo", currency="EUR")
    apply_audience(brand=brand, segment_type="vip", operation="add", customer_ids=[MEMBER])
    buy_once(brand, shopper_of(CustomerFactory(customer_id=BUYER)))
    return brand


def buy_once(brand: Brand, shopper: Shopper) -> None:
    """Confirm an order of the shopper, so that the next one isn't the first."""
    at = timezone.now()
    request = QuoteRequest(Cart("EUR", 2, (), ()), (), shop=brand.slug)
    order = RedemptionOptions("o0", brand.pk, b"")
    confirm(
        redemption=services.reserve(request=request, options=order, shopper=shopper, at=at, acceptance=ALL_BRANDS),
        at=at,
        by=Actor.SERVER,
    )


def create_offer(brand: Brand, code: str, offer: LiveOffer, shopper: Shopper) -> tuple[str, str]:
    """Create an active offer, and return its code and the shopper's voucher, if any."""
    audience = "vip" if offer.is_for_members else ""
    if offer.kind == "automatic":
        create_promotion(brand, offer, target_audience=audience)
    elif offer.kind == "promotion":
        create_promotion(brand, offer, trigger="code", text=code)
    elif offer.kind == "coupon":
        limits = {"maximum_number_of_coupons": 5, "maximum_number_of_coupons_per_user": 1} if offer.is_limited else {}
        CouponFactory(brand=brand, offer=offer.document, text=code, **limits)
    elif offer.kind == "discount_code":
        terms = {"conditions": offer.document["conditions"]} if offer.percent is None else {}
        DiscountCodeFactory(brand=brand, text=code, percent=offer.percent or 15, terms=terms, audience=audience)
    else:
        return "", create_voucher(brand, offer, shopper)
    return ("" if offer.kind == "automatic" else code), ""


def create_promotion(brand: Brand, offer: LiveOffer, **fields: Any) -> None:
    limits = {"limit_total": 1, "budget": 500} if offer.is_limited else {}
    promotion = PromotionFactory(brand=brand, offer=offer.document, **limits, **fields)
    if offer.is_limited and offer.is_used:
        Limit.objects.create(owner=promotion.pk, scope="total", taken=1, cap=1)


def create_voucher(brand: Brand, offer: LiveOffer, shopper: Shopper) -> str:
    """Return the ID of a voucher of the shopper, or an empty text for one that nobody knows yet."""
    campaign = CampaignFactory(brand=brand, offer=offer.document)
    if shopper.id is None:
        return ""
    claim(campaign=campaign.slug, customer_key=shopper.id, at=timezone.now())
    voucher = Voucher.objects.get(campaign=campaign)
    if offer.is_used:
        Voucher.objects.filter(pk=voucher.pk).update(status=VoucherStatus.REVOKED, revoked_at=timezone.now())
    return str(voucher.pk)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    basket=strategies.carts(),
    transaction_type=st.sampled_from(["purchase", "topup"]),
    offers=OFFERS,
    spellings=st.lists(SPELLINGS, min_size=7, max_size=7),
    order=st.randoms(use_true_random=False),
    customer=st.sampled_from([STRANGER, MEMBER, BUYER]),
    profile=strategies.PROFILES,
)
def test_quote_simulation_and_reservation_are_equal(
    basket: Cart,
    transaction_type: str,
    offers: list[LiveOffer],
    spellings: list[Any],
    order: random.Random,
    customer: str,
    profile: Profile,
    brand: Brand,
) -> None:
    with transaction.atomic():
        known_shopper, at = get_shopper(customer), timezone.now()
        shopper = known_shopper or Shopper(None, customer)
        PricingProfile.objects.create(brand=brand, **asdict(profile))
        PromotionFactory(brand=brand, text=ENDED, trigger="code", end_date=datetime(2026, 2, 1, tzinfo=UTC))
        created = [create_offer(brand, CODE % number, offer, shopper) for number, offer in enumerate(offers)]
        codes = [UNKNOWN, ENDED, *(code for code, _voucher in created if code)]
        vouchers = [NO_VOUCHER, *(voucher for _code, voucher in created if voucher)]
        order.shuffle(codes)
        typed = tuple(spell(code) for spell, code in zip(spellings, codes, strict=False))
        cart = replace(basket, transaction_type=transaction_type)
        request = QuoteRequest(cart, typed, tuple(vouchers), shop=brand.slug)

        quote = serialization.serialize_quote(
            services.quote(request=request, shopper=shopper, at=at, acceptance=ALL_BRANDS)
        )
        live = SimulationOptions([], include_live=True)
        simulation = services.simulate(request=request, options=live, brand=brand, shopper=known_shopper, at=at)
        options = RedemptionOptions("o1", brand.pk, b"", skip=True)
        services.reserve(request=request, options=options, shopper=shopper, at=at, acceptance=ALL_BRANDS)
        stored = Redemption.objects.get(order="o1")

        assert to_json(serialization.serialize_quote(simulation.quote)) == to_json(quote)
        assert to_json(stored.quote) == to_json(quote)
        amounts = [(row["kind"], row["amount"]) for row in quote["applied"]]
        items = stored.items.order_by("position")
        assert [(item.kind, money.format_decimal(item.amount, stored.currency)) for item in items] == amounts
        totals = [stored.subtotal, stored.discount_total, stored.total]
        assert [money.format_decimal(minor, stored.currency) for minor in totals] == [
            quote[name] for name in ("subtotal", "discount_total", "total")
        ]
        reasons = {canonicalize_code(row["code"]): row["reason"]["code"] for row in quote["rejected"]}
        assert (reasons[canonicalize_code(UNKNOWN)], reasons[canonicalize_code(ENDED)]) == (
            "code_not_found",
            "code_expired",
        )
        known = reasons.keys() | {canonicalize_code(row["code"]) for row in quote["applied"] if "code" in row}
        assert quote["gifts"] or known >= {canonicalize_code(text) for text in (*codes, *vouchers)}
        transaction.set_rollback(True)
    assert not Promotion.objects.exists()


def to_json(answer: dict[str, Any]) -> str:
    """Return an answer as the API sends it, with sorted members: PostgreSQL keeps no order of them."""
    return json.dumps(answer, sort_keys=True)
