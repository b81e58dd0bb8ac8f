"""Refunds with the policy `recompute`: the kept rest is priced again at the terms of then."""

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Brand
from checkout.models import PurchaseTotal, Redemption, RedemptionItem, RefundedLine
from checkout.refunds import OrderState, RefundRequest, RestPrice, TooMuch, apply_refund, reprice_rest
from checkout.services.purchase_totals import refresh_totals
from promotions.models import Promotion
from redemptions.limits.models import Limit
from redemptions.uses.models import OfferUse
from tests.checkout.builders import error_fields, line, post_action, reserve_order, status_and_code
from tests.checkout.test_refunds import Order, orders
from tests.factories import DiscountCodeFactory, PromotionFactory


# --- the rule ---------------------------------------------------------------------------------------------------------
@settings(max_examples=60, deadline=None)
@given(orders(), st.data())
def test_the_shares_add_up_whatever_the_rest_costs(order: Order, data: st.DataObject) -> None:
    state, paid_back = order.state, 0
    for part in [*order.parts, RefundRequest()]:
        try:
            after = apply_refund(state, part)
        except TooMuch:
            continue
        if data.draw(st.booleans()):
            after = reprice_rest(state, after, draw_prices(data, after))
        returned = sum(after.returned_shares) - sum(state.returned_shares)
        value = after.returned_value - state.returned_value
        rounded = len(state.lines) * len(state.shipping.shares)  # each share of a line is rounded by itself
        assert 0 <= returned <= value + rounded
        assert all(now >= then for now, then in zip(after.returned_shares, state.returned_shares, strict=True))
        paid_back += value - returned
        state = after

    assert state.is_returned
    assert state.returned_shares == tuple(map(sum, zip(*shares_of(order.state), strict=True)))
    assert paid_back == state.returned_value - sum(state.returned_shares)
    assert not any(state.kept_shares)


def shares_of(state: OrderState) -> list[tuple[int, ...]]:
    return [*(part.shares for part in state.lines.values()), state.shipping.shares]


def draw_prices(data: st.DataObject, state: OrderState) -> list[RestPrice]:
    """Draw what each item gives on the rest: together no more than the rest costs."""
    left = {part.id: part.value - part.returned_value for part in state.lines.values()}
    shipping = 0 if state.shipping.is_returned else state.shipping.value
    prices = []
    for _ in state.shipping.shares:
        lines = {}
        for name, most in left.items():
            lines[name] = data.draw(st.integers(0, most))
            left[name] -= lines[name]
        freight = data.draw(st.integers(0, shipping))
        shipping -= freight
        prices.append(RestPrice(lines, freight))
    return prices


# --- orders -----------------------------------------------------------------------------------------------------------
FROM_FIFTY = {
    "conditions": [{"kind": "min_subtotal", "value": "50.00"}],
    "benefits": [{"kind": "amount", "value": "10.00", "currency": "EUR", "on": "order"}],
}
SHOE = line(id="1", unit_price="40.00")
HATS = line(id="2", sku="hat", quantity=3, unit_price="20.00")


def place(server: Client, *lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    redemption = reserve_order(server, **({"customer_id": "u1", "lines": list(lines), "codes": ["CODE"]} | changes))
    confirmed: dict[str, Any] = post_action(server, redemption, "confirm").json()
    return confirmed


def refund(server: Client, redemption: dict[str, Any], **body: Any) -> dict[str, Any]:
    response = post_action(server, redemption, "refund", {"policy": "recompute", **body})
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


def parts(answer: dict[str, Any]) -> list[tuple[str, int, str, str]]:
    return [tuple(part.values()) for part in answer["refund"]["lines"]]


def assert_consistent() -> None:
    call_command("check_consistency")


@pytest.fixture
def promotion(billo: Brand) -> Promotion:
    """Billo's code CODE: 10.00 off from 50.00, with a budget."""
    created: Promotion = PromotionFactory(brand=billo, trigger="code", text="CODE", offer=FROM_FIFTY, budget=100_000)
    return created


@pytest.mark.django_db
def test_the_rest_loses_a_discount_whose_condition_it_does_not_meet(server: Client, promotion: Promotion) -> None:
    redemption = place(server, SHOE, HATS)  # 100.00, 90.00 to pay

    answer = refund(server, redemption, lines=["2"])  # the shoe alone costs 40.00

    assert (answer["status"], answer["refund"]["amount"], answer["refund"]["discount"]) == (
        "partially_returned",
        "60.00",
        "10.00",
    )
    assert parts(answer) == [("1", 0, "0.00", "4.00"), ("2", 3, "60.00", "6.00")]
    assert answer["refunded"] == answer["refund"]["lines"]
    refresh_totals(at=timezone.now())
    assert PurchaseTotal.objects.get().largest == 4_000
    assert RedemptionItem.objects.get().returned_amount == OfferUse.objects.get().returned_amount == 1_000
    assert Limit.objects.get(scope="budget:EUR").taken == 0
    assert_consistent()
    rest = refund(server, redemption)
    assert (rest["status"], rest["refund"]["amount"], rest["refund"]["discount"]) == ("returned", "40.00", "0.00")
    assert_consistent()


@pytest.mark.django_db
def test_the_rest_keeps_a_discount_that_it_has_earned(server: Client, promotion: Promotion) -> None:
    redemption = place(server, SHOE, HATS)

    first = refund(server, redemption, lines=[{"id": "2", "quantity": 1}])  # 80.00 left, still 10.00 off

    assert (first["refund"]["amount"], first["refund"]["discount"]) == ("20.00", "0.00")
    assert_consistent()
    second = post_action(server, redemption, "refund", {"lines": [{"id": "2", "quantity": 1}]}).json()
    assert second["refund"]["discount"] == "2.50"  # the share of one hat of two, 5.00 of the rest
    assert_consistent()
    third = refund(server, redemption, lines=["2"])  # the shoe alone
    assert (third["refund"]["amount"], third["refund"]["discount"]) == ("20.00", "7.50")
    assert RefundedLine.objects.count() == 2
    assert_consistent()


@pytest.mark.django_db
def test_a_refund_never_asks_for_money_back(server: Client, billo: Brand) -> None:
    offer = FROM_FIFTY | {"benefits": [{"kind": "percent", "value": "90"}]}
    PromotionFactory(brand=billo, trigger="code", text="CODE", offer=offer)
    redemption = place(server, SHOE, HATS)  # 10.00 to pay; the shoe alone would cost 40.00

    answer = refund(server, redemption, lines=["2"])

    assert (answer["refund"]["amount"], answer["refund"]["discount"]) == ("60.00", "60.00")
    assert Redemption.objects.get().returned_total == 0
    assert_consistent()
    last = refund(server, redemption)
    assert (parts(last), last["refund"]["shipping"]) == ([("1", 1, "40.00", "30.00")], None)
    assert Redemption.objects.get().returned_total == 1_000
    assert_consistent()


@pytest.mark.django_db
def test_shipping_that_was_free_from_an_amount_is_paid_for(server: Client, billo: Brand) -> None:
    offer = FROM_FIFTY | {"benefits": [{"kind": "set_price", "value": "0", "on": "shipping"}]}
    PromotionFactory(brand=billo, trigger="code", text="CODE", offer=offer)
    redemption = place(server, SHOE, HATS, shipping="4.99")

    answer = refund(server, redemption, lines=["2"])

    assert (answer["refund"]["amount"], answer["refund"]["discount"], answer["refund"]["shipping"]) == (
        "60.00",
        "4.99",
        "4.99",
    )
    assert answer["refunded_shipping"] is None
    assert_consistent()
    assert refund(server, redemption)["refund"]["discount"] == "0.00"
    assert Redemption.objects.get().returned_total == 10_000
    assert_consistent()


@pytest.mark.django_db
def test_several_offers_are_priced_as_they_were(server: Client, billo: Brand, promotion: Promotion) -> None:
    DiscountCodeFactory(text="TEN", brand=billo)
    redemption = place(server, SHOE, HATS, codes=["CODE", "TEN"])
    Promotion.objects.update(decision="ended", offer={"benefits": [{"kind": "percent", "value": "1"}]})

    answer = refund(server, redemption, lines=[{"id": "2", "quantity": 1}])  # 80.00: 10.00 and 10% off

    stored = Redemption.objects.get()
    left = stored.discount_total - sum(stored.items.values_list("returned_amount", flat=True))
    assert left in (1_700, 1_800)  # by the order of the two
    assert answer["status"] == "partially_returned"
    assert_consistent()


@pytest.mark.django_db
def test_units_are_named_and_not_amounts(server: Client, promotion: Promotion) -> None:
    redemption = place(server, SHOE, HATS)
    body = {"policy": "recompute", "lines": ["1", {"id": "2", "amount": "5.00"}]}

    refused = post_action(server, redemption, "refund", body)

    assert (refused.status_code, error_fields(refused)) == (400, ["lines.1.amount"])
    assert error_fields(post_action(server, redemption, "refund", {"policy": "guess"})) == ["policy"]
    assert post_action(server, redemption, "refund", body | {"policy": "keep"}).status_code == 200
    assert_consistent()
    assert refund(server, redemption, lines=[{"id": "2", "quantity": 2}])["refund"]["amount"] == "36.66"
    assert_consistent()


@pytest.mark.django_db
def test_an_order_without_a_readable_record_keeps_its_shares(server: Client, promotion: Promotion) -> None:
    redemption = place(server, SHOE, HATS)
    Redemption.objects.update(record={})

    refused = post_action(server, redemption, "refund", {"policy": "recompute", "lines": ["2"]})

    assert status_and_code(refused) == (409, "invalid_status")
    assert post_action(server, redemption, "refund", {"lines": ["2"]}).status_code == 200
