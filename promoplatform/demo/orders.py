"""A month of paid orders, so that charts, lists, reports and replays have something to show on the first day."""

import hashlib
import random
from datetime import datetime, timedelta

from accounts.contracts import Shopper
from accounts.models import Brand, Customer
from checkout import services
from checkout.contracts import QuoteRequest, RedemptionOptions
from checkout.models import Redemption
from discounts.services import create_code
from pricing import Cart, Line

CODE = "THANKYOU10"
COUPON, COUPON_DAYS = "SUMMER15", 9  # it began ten days ago
DAYS, ORDERS, REFUNDED = 30, 80, 20  # every so-many-th order came back
CATALOGUE = (
    ("hat-felt", "hats", 2_450), ("hat-straw", "hats", 1_990), ("scarf-wool", "scarves", 3_200),
    ("scarf-silk", "scarves", 4_590), ("gloves", "gloves", 2_890), ("coat-rain", "coats", 11_900),
)  # fmt: skip


def create_orders(brands: dict[str, Brand], *, at: datetime) -> int:
    """Orders of the last month in Billo's shop, by guests, most with a code; how many."""
    billo = brands["billo"]
    create_code(
        brand=billo, text=CODE, rule={"discount": 10, "name": "A thank you"}, validity=at + timedelta(days=365),
        notify=False, by=None, at=at - timedelta(days=DAYS + 1),
    )  # fmt: skip
    Customer.objects.bulk_create([Customer(customer_id=f"g{n}") for n in range(ORDERS)], ignore_conflicts=True)
    guests = dict(
        Customer.objects.filter(customer_id__in=[f"g{n}" for n in range(ORDERS)]).values_list("customer_id", "pk")
    )
    rng = random.Random(26)  # noqa: S311  (the same month in every demo)
    for n in range(ORDERS):
        days = DAYS * (1 - (n + 1) / (ORDERS + 1)) ** 1.4  # a shop that grows
        codes = [(), (CODE,), (CODE,), (COUPON if days < COUPON_DAYS else CODE,)]
        asked = QuoteRequest(_cart(billo, rng), rng.choice(codes), shop=billo.slug)
        paid = _place_order(asked, billo, Shopper(guests[f"g{n}"], f"g{n}"), at - timedelta(days=days))
        if n % REFUNDED == REFUNDED - 1:
            services.return_redemption(redemption=paid, lines=None, at=at - timedelta(days=days / 2))
    return ORDERS


def _cart(brand: Brand, rng: random.Random) -> Cart:
    some = enumerate(rng.sample(CATALOGUE, k=rng.choice((1, 1, 2, 3))))
    lines = tuple(
        Line(
            id=str(place), sku=sku, quantity=rng.choice((1, 1, 1, 2, 3)), unit_price=price,
            categories=frozenset({category}), brand=brand.slug,
        )
        for place, (sku, category, price) in some
    )  # fmt: skip
    return Cart(currency="EUR", exponent=2, lines=lines)


def _place_order(asked: QuoteRequest, brand: Brand, guest: Shopper, at: datetime) -> Redemption:
    """The order of a guest, reserved and paid at once."""
    order = RedemptionOptions(
        f"D-{guest.customer_id}", brand.pk, hashlib.sha256(repr(asked).encode()).digest(), skip=True
    )
    held = services.reserve(request=asked, options=order, shopper=guest, at=at)
    return services.confirm(redemption=held, at=at)
