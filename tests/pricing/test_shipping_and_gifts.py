# ruff: noqa: E501  (a row of a table is one line)
"""Shipping and gifts. Amounts are calculated by hand."""

from __future__ import annotations

import pytest

from pricing import Gift
from tests.pricing.builders import amount, cart, line, off, offer, percent, quote, set_price

TWO = {"post": "4.00", "courier": "8.00"}
SHIPPING = {
    "free shipping by percentage": ("4.99", percent(100, "shipping"), {"ship": "4.99"}),
    "free shipping by price": ("4.99", set_price("0.00", "shipping"), {"ship": "4.99"}),
    "shipping costs 2.00": ("4.99", set_price("2.00", "shipping"), {"ship": "2.99"}),
    "shipping that costs less stays": ("1.50", set_price("2.00", "shipping"), {}),
    "3.00 off shipping": ("4.99", amount("3.00", "shipping"), {"ship": "3.00"}),
    "never more than shipping costs": ("4.99", amount("9.00", "shipping"), {"ship": "4.99"}),
    # 10% of 4.99 = 0.499
    "a percentage is rounded": ("4.99", percent(10, "shipping"), {"ship": "0.50"}),
    "no shipping, nothing off": (None, percent(10, "shipping"), {}),
    # 3.00 by 4:8
    "an amount is shared by price over two methods": (TWO, amount("3.00", "shipping"), {"post": "1.00", "courier": "2.00"}),
    "an amount off each method": (TWO, amount("5.00", "shipping", each=True), {"post": "4.00", "courier": "5.00"}),
    "both together cost 6.00": (TWO, set_price("6.00", "shipping"), {"post": "2.00", "courier": "4.00"}),
    "each costs 6.00": (TWO, set_price("6.00", "shipping", each=True), {"courier": "2.00"}),
    "a percentage off both": (TWO, percent(50, "shipping"), {"post": "2.00", "courier": "4.00"}),
    "only the one that is named": (TWO, percent(50, "shipping", select={"shipping_ids": ["courier"]}), {"courier": "4.00"}),
    "none that is named": (TWO, percent(50, "shipping", select={"shipping_ids": ["drone"]}), {}),
    "a cap": (TWO, percent(100, "shipping", max_discount="6.00"), {"post": "2.00", "courier": "4.00"}),
}  # fmt: skip


@pytest.mark.parametrize(("shipping", "benefit", "expected"), SHIPPING.values(), ids=SHIPPING.keys())
def test_shipping_discounts(shipping, benefit, expected):
    assert off(quote(cart(line("a", "10.00"), shipping=shipping), offer(benefit))) == expected


def test_order_discount_does_not_apply_to_shipping():
    assert off(quote(cart(line("a", "10.00"), shipping="4.99"), offer(percent(100)))) == {"a": "10.00"}


def test_shipping_never_gets_below_zero():
    decision = quote(cart(shipping="4.99"), offer(amount("3.00", "shipping")), offer(amount("3.00", "shipping")))

    assert [discount.amount for discount in decision.applied] == [300, 199]
    assert decision.total == 0


def test_shipping_discount_is_listed_by_method():
    decision = quote(cart(line("a", "10.00"), shipping=TWO), offer(amount("3.00", "shipping"), percent(10)))

    assert decision.applied[0].shipping == (("post", 100), ("courier", 200))
    assert decision.applied[0].lines == (("a", 100),)
    assert (decision.shipping_total, decision.discount_total, decision.total) == (1200, 400, 1000 + 1200 - 400)


def test_gift_adds_no_discount():
    decision = quote(cart(line("a", "10.00")), offer({"kind": "gift", "sku": "mug", "quantity": 2, "price": "0.50"}))

    assert decision.gifts == (Gift("o1", "mug", 2, 50),)
    assert (decision.discount_total, decision.total) == (0, 1000)
    assert [(discount.ref, discount.amount) for discount in decision.applied] == [("o1", 0)]


def test_gift_with_a_select_requires_a_matching_line():
    gift = offer({"kind": "gift", "sku": "mug", "select": {"skus": ["tea"]}})

    assert quote(cart(line("tea", "3.00")), gift).gifts == (Gift("o1", "mug", 1, 0),)
    without = quote(cart(line("pan", "3.00")), gift)
    assert without.gifts == ()
    assert [rejection.code for rejection in without.rejected] == ["no_eligible_lines"]


def test_gift_and_discount_of_one_offer_both_apply():
    decision = quote(cart(line("a", "10.00")), offer(percent(10), {"kind": "gift", "sku": "mug"}))

    assert decision.total == 900
    assert [gift.sku for gift in decision.gifts] == ["mug"]
