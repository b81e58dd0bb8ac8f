"""Bulk data for the benchmarks, created with the platform's own models and rules."""

import atexit
import hashlib
import json
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts import rules as account_rules
from accounts import selectors
from accounts.contracts import Caller, CheckoutBy
from accounts.models import Brand, Customer, User
from core.ids import uuid7
from discounts.models import DiscountCode
from discounts.services import create_rule
from pricing import parse_offer
from promotions.eligibility import match_keys, required_subtotal
from promotions.models import Promotion
from redemptions.codes.models import Code

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
DATA_DIR = Path(tempfile.mkdtemp(prefix="promo-bench-"))
atexit.register(shutil.rmtree, DATA_DIR, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Shoppers:
    """Shoppers with tokens: ``file`` has a line "<customer> <token>" for each."""

    file: Path
    customers: Sequence[int]
    token: str


def create_shoppers(count: int) -> Shoppers:
    """Create shoppers, in an order that differs from the order of their keys."""
    name = f"s{uuid.uuid4().hex[:8]}"  # a username must not consist of digits only
    users = User.objects.bulk_create(
        [
            User(
                username=f"{name}-{n}", email=f"{name}-{n}@example.com", email_verified_at=timezone.now(), password="!"
            )
            for n in range(count)
        ],
        batch_size=5_000,
    )
    customers = Customer.objects.bulk_create([Customer(customer_id=user.username, user=user) for user in users], 5_000)
    customers.sort(key=lambda customer: hashlib.sha256(customer.customer_id.encode()).digest())
    by_key = {user.pk: user for user in users}
    keyring, at = selectors.keyring(), timezone.now()
    lines = []
    for customer in customers:
        user = by_key[customer.user_id or 0]
        caller = Caller(
            f"user:{user.uuid}", user.pk, user.uuid, customer_key=customer.pk, customer_id=customer.customer_id
        )
        token = account_rules.encode_token(
            kind=account_rules.TokenKind.ACCESS, caller=caller, keyring=keyring, at=at, lifetime=timedelta(hours=12)
        )
        lines.append(f"{customer.pk} {token}")
    file = DATA_DIR / f"shoppers-{name}"
    file.write_text("\n".join(lines) + "\n")
    return Shoppers(file, [customer.pk for customer in customers], lines[0].split()[1])


def create_brand(slug: str) -> Brand:
    """Create a brand with the time zone UTC and the currency EUR."""
    return Brand.objects.create(slug=slug, name=slug.title(), checkout_by=CheckoutBy.SHOPPER)


def create_discount_codes(brand: Brand, count: int) -> list[int]:
    """Create the codes BENCH1 … of 10%; return their keys in that order."""
    rule = create_rule(brand=brand, fields={"discount": 10})
    names = [f"BENCH{n}" for n in range(1, count + 1)]
    codes = [Code(text=name, kind="discount_code", brand=brand, offer=uuid7()) for name in names]
    Code.objects.bulk_create(codes, 5_000)
    discount_codes = DiscountCode.objects.bulk_create(
        [
            DiscountCode(code=code.text, offer_id=code.offer, brand=brand, rule=rule, end_date=END, notify=False)
            for code in codes
        ],
        5_000,
    )
    return [code.pk for code in discount_codes]


def create_promotions(brand: Brand, offers: Iterable[dict[str, Any]], **fields: Any) -> list[Promotion]:
    """Create an active promotion for each offer."""
    promotions = []
    for number, value in enumerate(offers):
        offer = parse_offer(value)
        derived = {"match_keys": match_keys(offer, brand=brand.slug), "min_subtotal": required_subtotal(offer)}
        promotions.append(
            Promotion(
                brand=brand, name=f"Promotion {number}", start_date=START, end_date=END, offer=value,
                recorded_status="active", currency=brand.currency, **derived | fields,
            )
        )  # fmt: skip
    return Promotion.objects.bulk_create(promotions, 2_000)


def create_single_use_codes(promotion: Promotion, first: int, last: int) -> None:
    """Create the single-use codes BULK<first> … BULK<last> of the promotion."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0" if connection.in_atomic_block else "SET statement_timeout = 0")
        cursor.execute(
            "INSERT INTO promotions_code (text, kind, brand_id, offer, single_use)"
            " SELECT 'BULK' || n, 'promotion', %s, %s, true"
            " FROM generate_series(%s::int, %s::int) n",
            [promotion.brand_id, promotion.pk, first, last],
        )


def vacuum() -> None:
    """Update statistics and visibility maps, as autovacuum does over time, before a measurement."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("VACUUM ANALYZE")


def build_sku_offer(sku: str, value: str = "10") -> dict[str, Any]:
    """Return an offer for one SKU."""
    return {"benefits": [{"kind": "percent", "value": value, "on": "line", "select": {"skus": [sku]}}]}


def build_cart(
    brand: str, lines: int = 5, quantity: int = 2, *, codes: Sequence[str] = (), **more: Any
) -> dict[str, Any]:
    """Return a cart as JSON data: lines with the SKUs sku-0, sku-1 … of a brand."""
    return {
        "currency": "EUR",
        "lines": [
            {"id": f"l{n}", "sku": f"sku-{n}", "quantity": quantity, "unit_price": f"{10 + n % 90}.99", "brand": brand}
            for n in range(lines)
        ],
        "codes": list(codes),
    } | more


def write_body(body: dict[str, Any]) -> Path:
    """Write a body to a file for wrk."""
    file = DATA_DIR / f"body-{uuid.uuid4().hex}.json"
    file.write_text(json.dumps(body))
    return file
