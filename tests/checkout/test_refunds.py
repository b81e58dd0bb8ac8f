"""Refunds in parts: the shares add up exactly, and come back at once wherever they were counted."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Brand
from checkout.models import PurchaseTotal, Redemption, RedemptionItem, RefundedLine
from checkout.refunds import LineRefund, LineState, OrderState, RefundRequest, ShippingState, TooMuch, apply_refund
from checkout.services.purchase_totals import refresh_totals
from core import money
from coupons.models import CouponRedemption
from discounts.models import DiscountCode, Usage
from discounts.selectors import statistics
from promotions.models import PricingProfile
from redemptions.events.models import Event
from redemptions.limits.models import Limit
from redemptions.uses.models import OfferUse
from tests.checkout.builders import error_fields, post_action, reserve_order, status_and_code
from tests.factories import BrandFactory, CouponFactory, DiscountCodeFactory, PromotionFactory

HALF = {"benefits": [{"kind": "percent", "value": "50", "on": "order"}]}
HALF_OF_ONE = {"benefits": [{"kind": "percent", "value": "50", "on": "unit", "max_units": 1}]}


# --- the rule ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Order:
    """An order as hypothesis builds it, and the parts in which it is returned."""

    state: OrderState
    parts: list[RefundRequest]


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """Build orders in currencies with 0, 2 or 3 decimals, with random discounts, and random parts of them."""
    unit = draw(st.sampled_from([1, 100, 1_000]))
    items = draw(st.integers(0, 3))
    lines = {}
    for number in range(draw(st.integers(1, 4))):
        quantity, price = draw(st.integers(1, 7)), draw(st.integers(0, 99 * unit))
        shares, left = [], quantity * price
        for _ in range(items):
            shares.append(draw(st.integers(0, left)))
            left -= shares[-1]
        lines[str(number)] = LineState(str(number), quantity, quantity * price, tuple(shares))
    price = draw(st.sampled_from([0, 1, 7 * unit]))
    shipping = ShippingState(price, tuple(price if item == 0 else 0 for item in range(items)))
    parts = []
    for _ in range(draw(st.integers(0, 8))):
        line = draw(st.sampled_from(list(lines.values())))
        units = draw(st.none() | st.integers(1, line.quantity))
        amount = draw(st.none() | st.integers(1, max(1, line.value)))
        has_shipping = price > 0 and draw(st.booleans())
        parts.append(RefundRequest([LineRefund(line.id, units, amount)], shipping=has_shipping))
    return Order(OrderState(lines, shipping), parts)


@given(orders())
def test_the_shares_of_all_parts_add_up_to_the_discount(order: Order) -> None:
    state, shares = order.state, [0] * len(order.state.shipping.shares)
    for part in [*order.parts, RefundRequest()]:
        try:
            after = apply_refund(state, part)
        except TooMuch:
            continue
        returned = [now - then for now, then in zip(after.returned_shares, state.returned_shares, strict=True)]
        assert all(share >= 0 for share in returned)
        shares = [total + share for total, share in zip(shares, returned, strict=True)]
        assert after.returned_value >= state.returned_value
        state = after

    assert state.is_returned
    parts: list[Any] = [*state.lines.values(), state.shipping]
    discounts = [sum(part.shares[item] for part in parts) for item in range(len(shares))]
    assert shares == discounts
    assert state.returned_value == sum(line.value for line in state.lines.values()) + state.shipping.value


@given(orders(), st.randoms(use_true_random=False))
def test_units_can_come_back_in_any_order_and_no_more_than_there_are(order: Order, random: Any) -> None:
    units = [name for name, line in order.state.lines.items() for _ in range(line.quantity)]
    random.shuffle(units)

    state = order.state
    for unit in units:
        state = apply_refund(state, RefundRequest([LineRefund(unit, 1)], shipping=False))

    assert all(line.is_returned for line in state.lines.values())
    for name in state.lines:
        with pytest.raises(TooMuch):
            apply_refund(state, RefundRequest([LineRefund(name, 1)], shipping=False))


# --- over HTTP --------------------------------------------------------------------------------------------------------
pytestmark = pytest.mark.django_db


@pytest.fixture
def brand() -> Brand:
    return BrandFactory(slug="billo", currency="EUR")


@pytest.fixture
def server(brand_client: Any, brand: Brand) -> Client:
    client: Client = brand_client(brand)
    return client


def lines(*prices: str, quantity: int = 1) -> list[dict[str, Any]]:
    return [
        {"id": str(number), "sku": f"sku-{number}", "quantity": quantity, "unit_price": price}
        for number, price in enumerate(prices, 1)
    ]


def place(server: Client, **changes: Any) -> dict[str, Any]:
    """Reserve and confirm an order, and return it."""
    redemption = reserve_order(server, **{"customer_id": "u1", "order": "o1"} | changes)
    assert post_action(server, redemption, "confirm").status_code == 200
    return redemption


def refund(server: Client, redemption: dict[str, Any], body: Any = None) -> dict[str, Any]:
    response = post_action(server, redemption, "refund", body)
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


def quote_discount(server: Client, price: str) -> str:
    body = {"customer_id": "u2", "currency": "EUR", "lines": lines(price), "codes": ["CODE"]}
    response = server.post("/api/v1/checkout/quote/", body, content_type="application/json")
    return str(response.json()["discount_total"])


def check_consistency() -> None:
    call_command("check_consistency")  # raises SystemExit for a difference


def test_a_return_can_name_how_many_units_come_back(server: Client, brand: Brand) -> None:
    PromotionFactory(brand=brand, trigger="code", text="CODE", offer=HALF_OF_ONE)
    redemption = place(server, lines=lines("10.00", quantity=3), codes=["CODE"])

    first = refund(server, redemption, {"lines": [{"id": "1", "quantity": 2}]})
    check_consistency()
    second = refund(server, redemption, {"lines": [{"id": "1", "quantity": 1}]})
    fourth = post_action(server, redemption, "refund", {"lines": [{"id": "1", "quantity": 1}]})

    assert [first["status"], second["status"]] == ["partially_returned", "returned"]
    assert [first["refund"]["discount"], second["refund"]["discount"]] == ["3.33", "1.67"]
    assert second["refunded"] == [{"id": "1", "quantity": 3, "amount": "30.00", "discount": "5.00"}]
    assert status_and_code(fourth) == (400, "invalid")
    assert error_fields(fourth) == ["lines.0.quantity"]
    check_consistency()


@pytest.mark.parametrize("limit", [2_000, 20_000])  # one row, and 16 shards
def test_what_is_returned_gives_its_share_back_to_the_budget_at_once(server: Client, brand: Brand, limit: int) -> None:
    PromotionFactory(brand=brand, trigger="code", text="CODE", offer=HALF, budget=limit)
    redemption = place(server, lines=lines("10.00", "10.00", "10.00"), codes=["CODE"])

    answer = refund(server, redemption, {"lines": ["1", "2"]})

    assert answer["refund"]["discount"] == "10.00"
    assert sum(row.taken for row in Limit.objects.filter(scope__startswith="budget")) == 500
    assert quote_discount(server, "20.00") == "10.00"
    check_consistency()
    refund(server, redemption)
    assert sum(row.taken for row in Limit.objects.filter(scope__startswith="budget")) == 0
    assert not OfferUse.objects.exists()


def test_a_returned_part_leaves_the_report_of_the_coupon(server: Client, brand: Brand) -> None:
    offer = {"benefits": [{"kind": "amount", "value": "2.00", "on": "order", "currency": "EUR"}]}
    coupon = CouponFactory(brand=brand, text="CODE", offer=offer)
    redemption = place(server, lines=lines("10.00", "10.00"), codes=["CODE"])

    def totals() -> dict[str, Any]:
        return dict(server.get(f"/api/v1/coupons/{coupon.pk}/report/").json()["totals"])

    assert totals()["discount_total"] == "2.00"
    refund(server, redemption, {"lines": ["1"]})
    assert (totals()["discount_total"], totals()["refunded"]) == ("1.00", 0)
    assert CouponRedemption.objects.get().returned_amount == 100
    check_consistency()
    refund(server, redemption)
    assert (totals()["discount_total"], totals()["refunded"]) == ("0.00", 1)


def test_a_returned_part_leaves_the_figures_of_the_code(server: Client, brand: Brand) -> None:
    DiscountCodeFactory(text="CODE", brand=brand)
    redemption = place(server, lines=lines("100.00", "50.00"), codes=["CODE"])
    code = DiscountCode.objects.get()

    refund(server, redemption, {"lines": [{"id": "1", "amount": "10.00"}]})

    assert Usage.objects.get().returned_amount == 100
    assert statistics.totals(code) == (1, {"EUR": 1_400})
    daily = statistics.by_day(code=code.pk, zone="UTC", at=timezone.now())
    assert [dict(discount) for discount in daily.discount.values()] == [{"EUR": 1_400}]
    check_consistency()


def test_lines_alone_leave_the_shipping(server: Client, brand: Brand) -> None:
    DiscountCodeFactory(text="CODE", brand=brand)
    redemption = place(server, lines=lines("10.00"), shipping="4.99", codes=["CODE"])

    goods = refund(server, redemption, {"lines": ["1"]})
    shipping = refund(server, redemption, {"shipping": True})

    assert (goods["status"], goods["refunded_shipping"], goods["refund"]["shipping"]) == (
        "partially_returned", None, None,
    )  # fmt: skip
    assert (shipping["status"], shipping["refund"]["amount"]) == ("returned", "4.99")
    assert shipping["refunded_shipping"] == shipping["refund"]["shipping"]


def test_an_empty_body_returns_everything_including_the_shipping(server: Client, brand: Brand) -> None:
    free = {"benefits": [{"kind": "set_price", "value": "0.00", "on": "shipping"}]}
    PromotionFactory(brand=brand, trigger="automatic", offer=free)
    redemption = place(server, lines=lines("10.00"), shipping="4.99", codes=[])

    answer = refund(server, redemption, {})

    assert answer["status"] == "returned"
    assert (answer["refund"]["shipping"], answer["refund"]["discount"]) == ("4.99", "4.99")
    row = Redemption.objects.get()
    assert row.returned_total == row.total
    assert refund(server, redemption, {})["refund"]["amount"] == "0.00"
    check_consistency()


@pytest.mark.parametrize("shipping", [None, "0.00"])
@pytest.mark.parametrize("body", [{"shipping": True}, {"shipping": True, "lines": ["1"]}])
def test_shipping_that_the_order_has_no_price_of_is_refused(
    server: Client, brand: Brand, shipping: str | None, body: dict[str, Any]
) -> None:
    redemption = place(server, lines=lines("10.00"), shipping=shipping, codes=[])

    response = post_action(server, redemption, "refund", body)

    assert (status_and_code(response), error_fields(response)) == ((400, "invalid"), ["shipping"])
    assert not RefundedLine.objects.exists()
    assert refund(server, redemption)["refund"]["amount"] == "10.00"
    assert status_and_code(post_action(server, redemption, "refund", body)) == (400, "invalid")


def test_parts_that_have_come_back_can_be_named_again_without_effect(server: Client, brand: Brand) -> None:
    redemption = place(server, lines=lines("10.00", "5.00"), shipping="4.99", codes=[])

    for body, amount in (({"lines": ["1"]}, "10.00"), ({"shipping": True}, "4.99"), ({}, "5.00")):
        amounts = [refund(server, redemption, body)["refund"]["amount"] for _ in range(2)]
        assert amounts == [amount, "0.00"]

    assert Redemption.objects.get().returned_total == 1_999


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"id": "1", "quantity": 1}, "lines.0.quantity"),
        ({"id": "1", "amount": "1.00"}, "lines.0.amount"),
        ({"id": "1", "quantity": 0}, "lines.0.quantity"),
        ({"id": "1", "amount": "0.00"}, "lines.0.amount"),
        ({"id": "free", "amount": "1.00"}, "lines.0.amount"),
        ("other", "lines.0"),
    ],
)
def test_units_and_amounts_of_which_nothing_is_left_are_refused(
    server: Client, brand: Brand, part: Any, field: str
) -> None:
    free = {"id": "free", "sku": "sample", "quantity": 1, "unit_price": "0.00"}
    redemption = place(server, lines=[*lines("10.00"), free], codes=[])
    refund(server, redemption, {"lines": ["1"]})

    response = post_action(server, redemption, "refund", {"lines": [part]})

    assert (status_and_code(response), error_fields(response)) == ((400, "invalid"), [field])
    assert RefundedLine.objects.get().line == "1"


def test_shipping_false_returns_all_lines(server: Client, brand: Brand) -> None:
    redemption = place(server, lines=lines("10.00", "5.00"), shipping="4.99", codes=[])

    answer = refund(server, redemption, {"shipping": False})

    assert (answer["status"], len(answer["refunded"]), answer["refunded_shipping"]) == ("partially_returned", 2, None)


def test_the_events_of_partial_returns_carry_their_amounts(server: Client, brand: Brand) -> None:
    PromotionFactory(brand=brand, trigger="code", text="CODE", offer=HALF)
    redemption = place(server, lines=lines("0.99", quantity=3), codes=["CODE"])

    for _ in range(3):
        refund(server, redemption, {"lines": [{"id": "1", "quantity": 1}]})

    events = Event.objects.filter(type__contains="returned").order_by("pk").values_list("type", "amount")
    assert sorted(events) == sorted(
        [("redemption.partially_returned", 50), ("redemption.partially_returned", 49), ("redemption.returned", 50)]
    )


def test_a_brand_that_keeps_uses_gets_its_budget_back(server: Client, brand: Brand) -> None:
    PricingProfile.objects.create(brand=brand, return_cancelled_uses=False)
    PromotionFactory(brand=brand, trigger="code", text="CODE", offer=HALF, budget=1_000, limit_total=1)
    redemption = place(server, lines=lines("10.00"), codes=["CODE"])

    refund(server, redemption)

    taken = dict(Limit.objects.values_list("scope", "taken"))
    assert {scope.partition(":")[0]: amount for scope, amount in taken.items()} == {"budget": 0, "total": 1}
    assert OfferUse.objects.get().returned_amount == 500
    check_consistency()


def test_a_returned_part_leaves_the_purchase_totals(server: Client, brand: Brand) -> None:
    redemption = place(server, lines=lines("80.00", "40.00"), codes=[])
    refresh_totals(at=timezone.now())
    assert PurchaseTotal.objects.get().largest == 12_000

    refund(server, redemption, {"lines": ["2"]})
    refresh_totals(at=timezone.now())

    assert (PurchaseTotal.objects.get().largest, PurchaseTotal.objects.get().orders) == (8_000, 1)
    check_consistency()


@pytest.mark.parametrize(("currency", "price"), [("JPY", "100"), ("EUR", "1.00"), ("KWD", "0.100")])
def test_parts_add_up_in_every_currency(server: Client, brand: Brand, currency: str, price: str) -> None:
    third = {"benefits": [{"kind": "percent", "value": "33.33", "on": "order"}]}
    PromotionFactory(brand=brand, trigger="code", text="CODE", offer=third)
    redemption = place(server, currency=currency, lines=lines(price, quantity=7), codes=["CODE"])

    parts = [refund(server, redemption, {"lines": [{"id": "1", "quantity": 1}]}) for _ in range(7)]

    total = sum(money.parse(part["refund"]["discount"], currency) for part in parts)
    assert total == RedemptionItem.objects.get().amount == RedemptionItem.objects.get().returned_amount
    assert parts[-1]["status"] == "returned"


def test_a_repeated_key_returns_no_more_units(server: Client, brand: Brand) -> None:
    redemption = place(server, lines=lines("10.00", quantity=3), codes=[])
    body, key = {"lines": [{"id": "1", "quantity": 1}]}, {"Idempotency-Key": "refund-1"}

    first, second = (post_action(server, redemption, "refund", body, **key) for _ in range(2))

    assert (second.content, second["Idempotency-Replayed"]) == (first.content, "true")
    assert RefundedLine.objects.get().quantity == 1


def test_the_consistency_check_finds_and_returns_what_a_former_release_kept(server: Client, brand: Brand) -> None:
    PromotionFactory(brand=brand, trigger="code", text="CODE", offer=HALF, budget=150)  # of one row
    redemption = place(server, lines=lines("1.00", "1.00"), codes=["CODE"])
    refund(server, redemption, {"lines": ["1"]})
    use = OfferUse.objects.get()
    counters = [[*counter[:3], 100] if counter[0].startswith("budget") else counter for counter in use.counters]
    OfferUse.objects.update(returned_amount=0, counters=counters)
    Limit.objects.filter(scope__startswith="budget").update(taken=100)

    with pytest.raises(SystemExit):
        call_command("check_consistency")
    with pytest.raises(SystemExit):
        call_command("check_consistency", "--repair")

    check_consistency()
    assert sum(row.taken for row in Limit.objects.filter(scope__startswith="budget")) == 50


def test_a_redemption_that_a_former_release_returned_stays_returned(server: Client, brand: Brand) -> None:
    redemption = place(server, lines=lines("10.00"), shipping="4.99", codes=[])
    refund(server, redemption)
    RefundedLine.objects.filter(line="").delete()
    RefundedLine.objects.update(quantity=None, amount=None, line_quantity=None, line_amount=None)

    answer = refund(server, redemption)

    assert (answer["status"], answer["refund"]["amount"]) == ("returned", "0.00")
    assert answer["refunded"] == [{"id": "1", "quantity": 1, "amount": "10.00", "discount": "0.00"}]
