"""Paid orders of a month, so that charts, lists, reports and backtests show data on the first day."""

import hashlib
import random
from datetime import datetime, timedelta

from accounts.contracts import Acceptance, Shopper
from accounts.models import Brand, Customer
from checkout import services
from checkout.contracts import Actor, QuoteRequest, RedemptionOptions
from checkout.models import Redemption
from checkout.refunds import RefundRequest
from discounts.services import create_code
from pricing import Cart, Line

CODE = "THANKYOU10"
COUPON, COUPON_DAYS = "SUMMER15", 9  # the coupon started ten days ago
DAYS, ORDERS, RETURN_INTERVAL = 30, 80, 20  # one order in RETURN_INTERVAL is returned
CATALOG = (
    ("hat-felt", "hats", 2_450), ("hat-straw", "hats", 1_990), ("scarf-wool", "scarves", 3_200),
    ("scarf-silk", "scarves", 4_590), ("gloves", "gloves", 2_890), ("coat-rain", "coats", 11_900),
)  # fmt: skip


def create_orders(brands: dict[str, Brand], *, at: datetime) -> int:
    """Create orders of the last month in Billo's shop, most with a code; return their number."""
    billo = brands["billo"]
    create_code(
        brand=billo, text=CODE, rule={"discount": 10, "name": "Thank you"}, validity=at + timedelta(days=365),
        notify=False, by=None, at=at - timedelta(days=DAYS + 1),
    )  # fmt: skip
    Customer.objects.bulk_create([Customer(customer_id=f"g{n}") for n in range(ORDERS)], ignore_conflicts=True)
    guests = dict(
        Customer.objects.filter(customer_id__in=[f"g{n}" for n in range(ORDERS)]).values_list("customer_id", "pk")
    )
    rng = random.Random(26)  # noqa: S311  (the same month in every demo)
    for n in range(ORDERS):
        days = DAYS * (1 - (n + 1) / (ORDERS + 1)) ** 1.4  # the shop grows
        codes = [(), (CODE,), (CODE,), (COUPON if days < COUPON_DAYS else CODE,)]
        request = QuoteRequest(_cart(billo, rng), rng.choice(codes), shop=billo.slug)
        redemption = _place_order(request, billo, Shopper(guests[f"g{n}"], f"g{n}"), at - timedelta(days=days))
        if n % RETURN_INTERVAL == RETURN_INTERVAL - 1:
            services.return_redemption(redemption=redemption, request=RefundRequest(), at=at - timedelta(days=days / 2))
    return ORDERS


def _cart(brand: Brand, rng: random.Random) -> Cart:
    products = enumerate(rng.sample(CATALOG, k=rng.choice((1, 1, 2, 3))))
    lines = tuple(
        Line(
            id=str(index), sku=sku, quantity=rng.choice((1, 1, 1, 2, 3)), unit_price=price,
            categories=frozenset({category}), brand=brand.slug,
        )
        for index, (sku, category, price) in products
    )  # fmt: skip
    return Cart(currency="EUR", exponent=2, lines=lines)


def _place_order(request: QuoteRequest, brand: Brand, guest: Shopper, at: datetime) -> Redemption:
    """Reserve and confirm the order of a guest."""
    order = RedemptionOptions(
        f"D-{guest.customer_id}", brand.pk, hashlib.sha256(repr(request).encode()).digest(), skip=True
    )
    acceptance = Acceptance(frozenset({brand.pk}))
    reservation = services.reserve(request=request, options=order, shopper=guest, acceptance=acceptance, at=at)
    return services.confirm(redemption=reservation, by=Actor.SERVER, at=at)
