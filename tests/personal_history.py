"""Customers with a history in every table that leads to a person, and a scan of all tables for what names them."""

import hashlib
import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from accounts.contracts import ALL_BRANDS, Shopper
from accounts.models import Brand
from accounts.services import ConsentRecord, ProfileFields, save_profile
from checkout import services
from checkout.contracts import Actor, RedemptionOptions
from checkout.models import Redemption
from checkout.refunds import RefundRequest
from core.ids import uuid7
from coupons import services as coupons
from coupons.contracts import RedemptionRequest
from coupons.models import CouponDefinition
from discounts.models import DiscountCode
from discounts.services import redeem_code
from promotions.models import Promotion
from redemptions.codes.services.assignments import assign_to_customers
from redemptions.identities import Identities
from segments import services as segments
from tests.code_batches import import_codes
from tests.factories import CampaignFactory, CouponFactory, DiscountCodeFactory, PromotionFactory
from tests.redemptions.limited_offers import TEN_PERCENT, build_request
from vouchers import services as vouchers
from vouchers.models import Campaign

ORDERS = itertools.count(1)
AUDIENCE = "vip"


@dataclass(frozen=True)
class Offers:
    """Offers of a brand, one of each kind."""

    brand: Brand
    code: DiscountCode
    order_code: DiscountCode
    promotion: Promotion
    coupon: CouponDefinition
    campaign: Campaign


def create_offers(brand: Brand, at: datetime, *, customers: int = 10) -> Offers:
    """Create the offers, each with limits per customer."""
    name = brand.slug.upper()
    return Offers(
        brand,
        code=DiscountCodeFactory(brand=brand, text=f"{name}ALONE"),
        order_code=DiscountCodeFactory(brand=brand, text=f"{name}ORDER", max_per_customer={"EUR": 50_000}),
        promotion=PromotionFactory(brand=brand, limit_per_user=9, budget=10**12),
        coupon=CouponFactory(
            brand=brand, maximum_number_of_coupons=10**6, maximum_number_of_coupons_per_user=3, limit_per_day=10**6
        ),
        campaign=CampaignFactory(brand=brand, quota=10**6, voucher_type="purchase", offer=TEN_PERCENT),
    )


def identities_of(who: Shopper) -> Identities:
    """Return the identities that the server of a brand sends of a customer."""
    return Identities({"email_sha256": hashlib.sha256(address_of(who).encode()).hexdigest()})


def address_of(who: Shopper) -> str:
    """Return the address that a brand knows of a customer."""
    return f"{who.customer_id}@mail.example"


def describe(brand: Brand, who: Shopper, at: datetime) -> None:
    """Store a brand's profile of a customer, with a consent."""
    fields = ProfileFields(
        name=f"Name of {who.customer_id}",
        email=address_of(who),
        attributes={"tier": f"tier of {who.customer_id}"},
        consent=ConsentRecord(True, "Send me offers.", at),
    )
    save_profile(brand=brand, customer_id=who.customer_id, fields=fields, api_key_id=None, at=at)


def place_order(offers: Offers, who: Shopper, at: datetime, *, is_confirmed: bool = True) -> Redemption:
    """Place an order with the code and the promotion, the customer's own attributes, identities and metadata."""
    request = build_request(offers.promotion, who, at)
    cart = replace(request.cart, customer_attributes={"nickname": f"nick of {who.customer_id}"})
    order = f"order-{next(ORDERS)}"
    options = RedemptionOptions(
        order,
        offers.brand.pk,
        hashlib.sha256(order.encode()).digest(),
        external_id=f"external {who.customer_id}",
        metadata={"contact": address_of(who)},
    )
    request = replace(request, cart=cart, codes=(offers.order_code.code,), identities=identities_of(who))
    redemption = services.reserve(request=request, options=options, shopper=who, at=at, acceptance=ALL_BRANDS)
    return services.confirm(redemption=redemption, at=at, by=Actor.SERVER) if is_confirmed else redemption


def create_history(offers: Offers, who: Shopper, at: datetime) -> Redemption:
    """Let a customer use each offer, and the brand describe them. Return the customer's order."""
    describe(offers.brand, who, at)
    redemption = place_order(offers, who, at)
    if who.user_id is not None:
        redeem_code(code=offers.code.code, shopper=who, amount=10_000, currency="EUR", at=at)
    for reserved_until in (None, at + timedelta(minutes=10)):
        request = RedemptionRequest(uuid7(), who.key, "", reserved_until, identities=identities_of(who))
        coupons.redeem(coupon=offers.coupon.pk, request=request, at=at)
    vouchers.claim(campaign=offers.campaign.slug, customer_key=who.key, at=at)
    return redemption


def return_order(redemption: Redemption, at: datetime) -> None:
    """Refund an order as a whole."""
    services.return_redemption(redemption=redemption, request=RefundRequest(), at=at)


def add_to_audience(brand: Brand, people: Sequence[Shopper], at: datetime) -> None:
    """Add customers to an audience of the brand, and fill a segment with it."""
    segments.apply_audience(
        brand=brand, segment_type=AUDIENCE, operation="add", customer_ids=[who.customer_id for who in people]
    )
    segments.schedule(brand=brand, segment_type=AUDIENCE, start_date=at, end_date=at + timedelta(days=30), at=at)


def assign_codes(offers: Offers, people: Sequence[Shopper], at: datetime) -> None:
    """Assign a single-use code to each customer, and plan the emails with them."""
    promotion = PromotionFactory(brand=offers.brand, trigger="code")
    lines = ["code", *(f"{offers.brand.slug.upper()}-{next(ORDERS):06d}-XYZ" for _ in people)]
    batch = import_codes(promotion, lines).batch
    assign_to_customers(batch=batch, customer_ids=[who.customer_id for who in people], notify=True, at=at)


def find_texts(texts: Collection[str]) -> list[tuple[str, str]]:
    """Return the tables and the first rows of the whole database in which one of the texts occurs, in any column.

    Texts in bytes, such as stored answers, are read as UTF-8.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.oid::regclass::text, (SELECT string_agg(format("
            "  CASE WHEN a.atttypid = 'bytea'::regtype THEN 'encode(%1$I, ''escape'')' ELSE '%1$I::text' END, attname"
            " ), ' || chr(10) || ') FROM pg_attribute a WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)"
            " FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
        )
        tables: list[tuple[str, str]] = cursor.fetchall()
        found = []
        for table, columns in tables:
            row = " || chr(10) || ".join(f"coalesce({part}, '')" for part in columns.split(" || chr(10) || "))
            cursor.execute(
                f"SELECT row_text FROM (SELECT {row} AS row_text FROM {table}) rows"
                " WHERE EXISTS (SELECT FROM unnest(%s::text[]) text WHERE position(lower(text) IN lower(row_text)) > 0)"
                " LIMIT 3",
                [sorted(texts)],
            )
            found += [(table, text) for (text,) in cursor.fetchall()]
    return found


def texts_of(people: Sequence[Shopper], *users: Any) -> set[str]:
    """Return all that names customers and users: IDs, addresses, names, phone numbers, identities and their slots."""
    texts = {text for who in people for text in (who.customer_id, address_of(who), *identities_of(who).sent.values())}
    texts |= {
        slot.partition(":")[2]
        for who in people
        for brand in Brand.objects.values_list("pk", flat=True)
        for slot in identities_of(who).list_slots(brand)
    }
    for user in users:
        texts |= {str(text) for text in (user.username, user.email, user.phone, user.uuid) if text}
    return texts
