"""``main(["setup"])``, then ``main(["measure", SECONDS])``: prints median milliseconds as JSON.

A voucher on a basket, two ways: "verb" is what oscar's VoucherAddView does between form and answer; "view" is the whole
POST, through its middleware, as a signed-in shopper, in this process. Taking the voucher off again is not counted.

An order with the voucher, whose use is recorded ("order"), and the same without ("plain"): the basket is loaded and
priced, ``OrderCreator.place_order`` writes the order, and the basket is closed, as oscar's checkout does it without its
pages, its payment and its mail. Filling the basket is not counted.
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
    """Two shoppers, five products, all in the basket of one, 100 vouchers of ten per cent of which one is typed."""
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
    fill(shopper)


def verb() -> None:
    """Load the basket, find the voucher, judge it, add it, apply, total."""
    request = RequestFactory().get("/")
    request.user = get_user_model().objects.get(username="peer")
    basket = Basket.objects.get(owner=request.user, status="Open")
    basket.strategy = Selector().strategy(request=request, user=request.user)
    voucher = Voucher.objects.get(code=CODE)
    if voucher.is_expired() or not voucher.is_active() or not voucher.is_available_to_user(request.user)[0]:
        raise RuntimeError("the voucher cannot be had")
    basket.vouchers.add(voucher)
    Applicator().apply(basket, request.user, request)
    if not basket.total_discount:
        raise RuntimeError("the voucher gave nothing")


def view() -> Callable[[], None]:
    """The POST by a shopper who is signed in."""
    client = Client()
    client.force_login(get_user_model().objects.get(username="peer"), "oscar.apps.customer.auth_backends.EmailBackend")

    def once() -> None:
        answer = client.post("/basket/vouchers/add/", {"code": CODE})
        if answer.status_code != 302:
            raise RuntimeError(str(answer.status_code))

    return once


def on_basket(call: Callable[[], Any], seconds: float) -> float:
    """Milliseconds of a call that puts the voucher on the basket, from which it is taken again after each."""
    basket = Basket.objects.get(owner__username="peer", status="Open")

    def after() -> None:
        if basket.vouchers.count() != 1:
            raise RuntimeError("the voucher was not taken")
        basket.vouchers.clear()

    return median(call, seconds, after=after)


def placed(seconds: float, *, voucher: Any = None) -> float:
    """Milliseconds of an order of five lines. Raises RuntimeError where a use of the voucher was not recorded."""
    buyer = get_user_model().objects.get(username="buyer")
    orders, uses = (get_model(*name).objects for name in (("order", "Order"), ("voucher", "VoucherApplication")))
    before = orders.count(), uses.count()
    taken = median(lambda: place(buyer), seconds, before=lambda: fill(buyer, voucher))
    made, used = orders.count() - before[0], uses.count() - before[1]
    if not made or used != (made if voucher else 0):
        raise RuntimeError(f"{used} uses of a voucher in {made} orders")
    return taken


def fill(owner: Any, voucher: Any = None) -> None:
    """A new basket of all products, two of each, with the voucher if there is one."""
    basket = Basket.objects.create(owner=owner)
    basket.strategy = Selector().strategy()
    for product in get_model("catalogue", "Product").objects.order_by("pk"):
        basket.add_product(product, quantity=2)
    if voucher:
        basket.vouchers.add(voucher)


def place(buyer: Any) -> None:
    """Load the open basket, apply what it earns, total, write the order and what it used, close the basket."""
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


def median(call: Step, seconds: float, *, before: Step = bool, after: Step = bool) -> float:
    """Milliseconds of a call; what comes before and after each is not counted."""
    taken = []
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        before()
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
        after()
    return statistics.median(taken[1:]) * 1000


def main(arguments: list[str]) -> None:
    """Django is set up before this module is imported."""
    match arguments:
        case ["setup"]:
            setup()
        case ["measure", seconds]:
            each, voucher = float(seconds), Voucher.objects.get(code=CODE)
            found = {"verb": on_basket(verb, each), "view": on_basket(view(), each)}
            print(json.dumps(found | {"order": placed(each, voucher=voucher), "plain": placed(each)}))
