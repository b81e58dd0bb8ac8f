"""``main(["setup"])``, then ``main(["measure", SECONDS])``: print median milliseconds as JSON.

A voucher on a basket, in two variants: "verb" is what Oscar's VoucherAddView does between form and response; "view" is
the whole POST, through its middleware, as a logged-in shopper, in this process. Removing the voucher is not counted.

An order with the voucher, whose use is recorded ("order"), and the same without ("plain"): the basket is loaded and
priced, ``OrderCreator.place_order`` writes the order, and the basket is closed, as in Oscar's checkout without pages,
payment and mail. Filling the basket is not counted.
"""

import json
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.utils import timezone
from oscar.core.loading import get_class, get_model  # type: ignore[import-not-found]
from oscar.test.factories import create_product  # type: ignore[import-not-found]

CODE, LINES = "TEN", 5
Step = Callable[[], object]
Basket, Voucher = get_model("basket", "Basket"), get_model("voucher", "Voucher")
Applicator, Selector = get_class("offer.applicator", "Applicator"), get_class("partner.strategy", "Selector")
Creator, Totals = get_class("order.utils", "OrderCreator"), get_class("checkout.calculators", "OrderTotalCalculator")
Free = get_class("shipping.methods", "Free")


def setup() -> None:
    """Create two shoppers, five products in the basket of one of them, and 100 vouchers of 10%."""
    call_command("migrate", verbosity=0)
    shopper = get_user_model().objects.create_user("peer", "peer@example.com", "peer-pass-1234")
    get_user_model().objects.create_user("buyer", "buyer@example.com", "buyer-pass-1234")
    everything = get_model("offer", "Range").objects.create(name="all", includes_all_products=True)
    condition = get_model("offer", "Condition").objects.create(type="Count", value=1, range=everything)
    benefit = get_model("offer", "Benefit").objects.create(type="Percentage", value=10, range=everything)
    now, day = timezone.now(), timedelta(days=1)
    for number in range(100):
        offer = get_model("offer", "ConditionalOffer").objects.create(
            name=f"Ten {number}", offer_type="Voucher", condition=condition, benefit=benefit
        )
        voucher = Voucher.objects.create(
            name=f"Ten {number}", code=f"{CODE}{number}" if number else CODE, usage=Voucher.MULTI_USE,
            start_datetime=now - day, end_datetime=now + 365 * day,
        )  # fmt: skip
        voucher.offers.add(offer)
    for number in range(LINES):
        create_product(title=f"Product {number}", price=Decimal("10.99") + number, num_in_stock=10**6)
    fill_basket(shopper)


def add_voucher() -> None:
    """Load the basket, find and check the voucher, add it, apply it and calculate the total."""
    request = RequestFactory().get("/")
    request.user = get_user_model().objects.get(username="peer")
    basket = Basket.objects.get(owner=request.user, status="Open")
    basket.strategy = Selector().strategy(request=request, user=request.user)
    voucher = Voucher.objects.get(code=CODE)
    if voucher.is_expired() or not voucher.is_active() or not voucher.is_available_to_user(request.user)[0]:
        raise RuntimeError("the voucher is not available")
    basket.vouchers.add(voucher)
    Applicator().apply(basket, request.user, request)
    if not basket.total_discount:
        raise RuntimeError("the voucher gave no discount")


def post_voucher() -> Callable[[], None]:
    """Return a call of the POST by a logged-in shopper."""
    client = Client()
    client.force_login(get_user_model().objects.get(username="peer"), "oscar.apps.customer.auth_backends.EmailBackend")

    def once() -> None:
        response = client.post("/basket/vouchers/add/", {"code": CODE})
        if response.status_code != 302:
            raise RuntimeError(str(response.status_code))

    return once


def time_on_basket(call: Callable[[], Any], seconds: float) -> float:
    """Return the milliseconds of a call that adds the voucher to the basket; it is removed after each call."""
    basket = Basket.objects.get(owner__username="peer", status="Open")

    def after() -> None:
        if basket.vouchers.count() != 1:
            raise RuntimeError("the voucher was not added")
        basket.vouchers.clear()

    return measure_median(call, seconds, after=after)


def time_orders(seconds: float, *, voucher: Any = None) -> float:
    """Return the milliseconds of an order of five lines. Raises RuntimeError if a voucher's use is missing."""
    buyer = get_user_model().objects.get(username="buyer")
    orders, uses = (get_model(*name).objects for name in (("order", "Order"), ("voucher", "VoucherApplication")))
    counts_before = orders.count(), uses.count()
    duration = measure_median(lambda: place_order(buyer), seconds, before=lambda: fill_basket(buyer, voucher))
    order_count, use_count = orders.count() - counts_before[0], uses.count() - counts_before[1]
    if not order_count or use_count != (order_count if voucher else 0):
        raise RuntimeError(f"{use_count} uses of a voucher in {order_count} orders")
    return duration


def fill_basket(owner: Any, voucher: Any = None) -> None:
    """Create a basket of all products, two units each, with the voucher if given."""
    basket = Basket.objects.create(owner=owner)
    basket.strategy = Selector().strategy()
    for product in get_model("catalogue", "Product").objects.order_by("pk"):
        basket.add_product(product, quantity=2)
    if voucher:
        basket.vouchers.add(voucher)


def place_order(buyer: Any) -> None:
    """Load the open basket, apply offers, calculate the total, write the order, and close the basket."""
    request = RequestFactory().get("/")
    request.user = buyer
    basket = Basket.objects.get(owner=buyer, status="Open")
    basket.strategy = Selector().strategy(request=request, user=buyer)
    Applicator().apply(basket, buyer, request)
    method = Free()
    charge = method.calculate(basket)
    Creator().place_order(
        basket, Totals().calculate(basket, charge), method, charge, user=buyer, request=request
    )  # fmt: skip
    basket.submit()


def measure_median(call: Step, seconds: float, *, before: Step = bool, after: Step = bool) -> float:
    """Return the milliseconds of a call, without the steps before and after it."""
    durations = []
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        before()
        started = time.perf_counter()
        call()
        durations.append(time.perf_counter() - started)
        after()
    return statistics.median(durations[1:]) * 1000


def main(arguments: list[str]) -> None:
    """Run a command; Django is set up before this module is imported."""
    match arguments:
        case ["setup"]:
            setup()
        case ["measure", seconds]:
            duration, voucher = float(seconds), Voucher.objects.get(code=CODE)
            result = {"verb": time_on_basket(add_voucher, duration), "view": time_on_basket(post_voucher(), duration)}
            print(
                json.dumps(result | {"order": time_orders(duration, voucher=voucher), "plain": time_orders(duration)})
            )
