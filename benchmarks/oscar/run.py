"""``main(["setup"])``, then ``main(["measure", SECONDS])``: prints the median milliseconds of a voucher on a basket.

Two ways: "verb" is what oscar's VoucherAddView does between form and answer; "view" is the whole POST, through its
middleware, as a signed-in shopper, in this process. Taking the voucher off again is not counted.
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
Basket, Voucher = get_model("basket", "Basket"), get_model("voucher", "Voucher")
Applicator, Selector = get_class("offer.applicator", "Applicator"), get_class("partner.strategy", "Selector")


def setup() -> None:
    """A shopper, five products in their basket, 100 vouchers of ten per cent of which one is theirs to type."""
    call_command("migrate", verbosity=0)
    shopper = get_user_model().objects.create_user("peer", "peer@example.com", "peer-pass-1234")
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
    basket = Basket.objects.create(owner=shopper)
    basket.strategy = Selector().strategy()
    for number in range(LINES):
        product = create_product(title=f"Product {number}", price=Decimal("10.99") + number, num_in_stock=10**6)
        basket.add_product(product, quantity=2)


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


def median(call: Callable[[], Any], seconds: float) -> float:
    """Milliseconds of a call, with the voucher taken off again after each."""
    basket, taken = Basket.objects.get(owner__username="peer", status="Open"), []
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
        if basket.vouchers.count() != 1:
            raise RuntimeError("the voucher was not taken")
        basket.vouchers.clear()
    return statistics.median(taken[1:]) * 1000


def main(arguments: list[str]) -> None:
    """Django is set up before this module is imported."""
    match arguments:
        case ["setup"]:
            setup()
        case ["measure", seconds]:
            print(json.dumps({"verb": median(verb, float(seconds)), "view": median(view(), float(seconds))}))
