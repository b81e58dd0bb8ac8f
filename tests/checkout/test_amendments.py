"""Amendments of confirmed orders: priced again as recorded or with the offers of now; uses stay, amounts follow."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Brand
from checkout.models import PurchaseTotal, Redemption, RedemptionItem
from checkout.services.purchase_totals import refresh_totals
from coupons.models import CouponRedemption
from discounts.models import Usage
from promotions.models import PricingProfile, Promotion
from redemptions.events.models import Event
from redemptions.limits.models import Limit
from redemptions.uses.models import OfferUse
from tests.checkout.builders import REDEMPTIONS, error_fields, line, order, post, post_action, status_and_code
from tests.factories import (
    BrandFactory,
    CampaignFactory,
    CouponFactory,
    CustomerFactory,
    DiscountCodeFactory,
    PromotionFactory,
)
from vouchers.models import Voucher
from vouchers.services import claim

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any], Client]
FIFTY = {"benefits": [{"kind": "amount", "value": "50.00", "currency": "EUR", "on": "order"}]}
HALF = {"benefits": [{"kind": "percent", "value": "50", "on": "order"}]}
HAT = line(id="2", sku="hat", unit_price="20.00")


def shoe(price: str = "200.00", **changes: Any) -> dict[str, Any]:
    return line(id="1", unit_price=price, **changes)


def place(client: Client, *lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Confirm an order of one shoe for 200.00, or of other lines, with the code CODE."""
    body = order(customer_id="u1", lines=list(lines) or [shoe()], **({"codes": ["CODE"]} | changes))
    response = post(client, REDEMPTIONS, body)
    assert response.status_code == 201, response.content
    redemption: dict[str, Any] = post_action(client, response.json(), "confirm").json()
    return redemption


def amend(client: Client, redemption: dict[str, Any], *lines: dict[str, Any], **changes: Any) -> Any:
    return post_action(client, redemption, "amend", {"currency": "EUR", "lines": list(lines), **changes})


def amended(client: Client, redemption: dict[str, Any], *lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    response = amend(client, redemption, *lines, **changes)
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


def taken(promotion: Promotion, scope: str) -> int:
    return sum(Limit.objects.filter(owner=promotion.pk, scope=scope).values_list("taken", flat=True))


def assert_consistent() -> None:
    call_command("check_consistency")


# --- the terms of then ------------------------------------------------------------------------------------------------
def test_an_order_is_priced_with_the_offers_that_it_had_and_keeps_their_uses(server: Client, billo: Brand) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code", text="CODE", offer=FIFTY, limit_total=1)
    redemption = place(server)
    post(server, f"/api/v1/promotions/{promotion.pk}/end/")

    answer = amended(server, redemption, shoe(), HAT, codes=["CODE"])

    assert (answer["status"], answer["id"]) == ("confirmed", redemption["id"])
    assert answer["difference"] == {
        "previous_total": "150.00", "subtotal": "20.00", "discount_total": "0.00", "total": "20.00",
    }  # fmt: skip
    assert (answer["quote"]["discount_total"], answer["quote"]["total"]) == ("50.00", "170.00")
    assert answer["amended_at"] > answer["confirmed_at"]
    assert OfferUse.objects.get().amount == 5000
    assert taken(promotion, "total") == 1
    assert post(server, f"{REDEMPTIONS}{redemption['id']}/refund/").json()["refund"]["discount"] == "50.00"
    assert not OfferUse.objects.exists()
    assert taken(promotion, "total") == 0
    assert_consistent()


def test_conditions_and_facts_are_those_of_the_order(server: Client, billo: Brand) -> None:
    now = timezone.now()
    conditions = [
        {"kind": "nth_order", "value": 1},
        {"kind": "date_range", "to": (now + timedelta(seconds=1)).isoformat()},
    ]
    PromotionFactory(brand=billo, trigger="code", text="CODE", offer=HALF | {"conditions": conditions})
    PromotionFactory(brand=billo, offer={"benefits": [{"kind": "percent", "value": "1"}], "priority": -1})
    redemption = place(server)
    Redemption.objects.update(created_at=now - timedelta(days=9))
    record = Redemption.objects.get().record
    record["at"] = (now - timedelta(days=9)).isoformat()
    Redemption.objects.update(record=record)
    place(server, order="another", codes=[])  # the customer's second order
    PromotionFactory(brand=billo, offer={"benefits": [{"kind": "percent", "value": "2"}]})  # not of then

    answer = amended(server, redemption, shoe("100.00"))

    assert [offer["amount"] for offer in answer["quote"]["applied"]] == ["50.00", "0.50"]
    assert answer["quote"]["rejected"] == []
    assert_consistent()


def test_budgets_follow_the_discount(server: Client, billo: Brand) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code", text="CODE", offer=HALF, budget=20_000)
    redemption = place(server)

    amended(server, redemption, shoe(), HAT)
    assert taken(promotion, "budget:EUR") == 11_000
    amended(server, redemption, HAT)
    assert taken(promotion, "budget:EUR") == 1_000
    amended(server, redemption, shoe("400.00"))
    assert taken(promotion, "budget:EUR") == 20_000
    refused = amend(server, redemption, shoe("400.02"))

    assert status_and_code(refused) == (409, "budget_exhausted")
    assert taken(promotion, "budget:EUR") == RedemptionItem.objects.get().amount == 20_000
    assert Redemption.objects.get().total == 20_000
    assert_consistent()


def test_a_budget_that_pays_in_part_caps_the_offer_at_what_it_gives(server: Client, billo: Brand) -> None:
    PricingProfile.objects.create(brand=billo, budget_overrun="partial")
    promotion = PromotionFactory(brand=billo, trigger="code", text="CODE", offer=HALF, budget=9_000)
    redemption = place(server)
    assert redemption["quote"]["discount_total"] == "90.00"

    assert amended(server, redemption, shoe(), HAT)["quote"]["discount_total"] == "90.00"
    assert amended(server, redemption, shoe("100.00"))["quote"]["discount_total"] == "50.00"
    assert taken(promotion, "budget:EUR") == 5_000
    assert_consistent()


def test_an_offer_that_gives_nothing_keeps_its_use_and_comes_back(server: Client, billo: Brand) -> None:
    offer = HALF | {"conditions": [{"kind": "min_subtotal", "value": "100.00"}]}
    promotion = PromotionFactory(brand=billo, trigger="code", text="CODE", offer=offer, limit_total=1)
    redemption = place(server)

    answer = amended(server, redemption, HAT)

    (unused,) = answer["quote"]["applied"]
    assert (unused["code"], unused["amount"], unused["lines"], unused["shipping"]) == ("CODE", "0.00", [], "0.00")
    assert answer["quote"]["rejected"][0]["reason"]["code"] == "minimum_not_met"
    assert answer["difference"]["total"] == "-80.00"
    assert taken(promotion, "total") == 1
    assert_consistent()
    assert amended(server, redemption, shoe())["quote"]["discount_total"] == "100.00"
    assert_consistent()


def test_a_code_that_is_left_out_is_given_back(server: Client, billo: Brand) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code", text="CODE", offer=HALF, limit_total=1)
    redemption = place(server)

    answer = amended(server, redemption, shoe(), codes=[])

    assert (answer["quote"]["applied"], answer["difference"]["total"]) == ([], "100.00")
    assert taken(promotion, "total") == 0
    assert place(server, order="2")["quote"]["discount_total"] == "100.00"
    assert status_and_code(amend(server, redemption, shoe(), codes=["CODE"])) == (409, "code_not_found")
    assert_consistent()


def test_a_code_that_the_order_does_not_have_is_rejected(server: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, trigger="code", text="CODE", offer=HALF)
    PromotionFactory(brand=billo, trigger="code", text="NEWER", offer=FIFTY)
    redemption = place(server)

    assert status_and_code(amend(server, redemption, shoe(), codes=["code", "NEWER"])) == (409, "code_not_found")
    answer = amended(server, redemption, shoe(), codes=["code", "NEWER"], on_reject="skip")

    assert [offer["code"] for offer in answer["quote"]["applied"]] == ["CODE"]
    assert [rejected["code"] for rejected in answer["quote"]["rejected"]] == ["NEWER"]


def test_an_order_without_a_readable_record_needs_the_offers_of_now(server: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, trigger="code", text="CODE", offer=HALF)
    redemption = place(server)
    Redemption.objects.update(record={})

    assert status_and_code(amend(server, redemption, HAT)) == (409, "invalid_status")
    assert amended(server, redemption, HAT, terms="current")["quote"]["discount_total"] == "10.00"


# --- every kind -------------------------------------------------------------------------------------------------------
def test_a_discount_code_keeps_its_use_and_changes_its_amounts(server: Client, billo: Brand) -> None:
    DiscountCodeFactory(text="CODE", brand=billo)
    redemption = place(server)

    amended(server, redemption, shoe(), HAT)

    usage = Usage.objects.get()
    assert (usage.amount, usage.discount_amount, usage.reserved_until) == (22_000, 2_200, None)
    assert_consistent()
    amended(server, redemption, HAT, codes=[])
    assert not Usage.objects.exists()
    assert_consistent()


def test_a_coupon_keeps_its_use_and_changes_its_amount(server: Client, billo: Brand) -> None:
    coupon = CouponFactory(brand=billo, text="CODE", maximum_number_of_coupons=1)
    redemption = place(server)

    amended(server, redemption, shoe(), HAT)

    assert (CouponRedemption.objects.get().amount, CouponRedemption.objects.get().status) == (2_200, "confirmed")
    assert_consistent()
    amended(server, redemption, HAT, codes=[])
    assert CouponRedemption.objects.get().status == "returned"
    assert place(server, order="2")["quote"]["applied"][0]["id"] == str(coupon.pk)
    assert status_and_code(amend(server, redemption, HAT, codes=["CODE"], terms="current")) == (
        409,
        "usage_limit_reached",
    )
    assert_consistent()


def test_a_coupon_that_was_dropped_can_be_used_by_the_order_again(server: Client, billo: Brand) -> None:
    CouponFactory(brand=billo, text="CODE", maximum_number_of_coupons=1)
    redemption = place(server)

    amended(server, redemption, HAT, codes=[])
    amended(server, redemption, HAT, codes=["CODE"], terms="current")

    assert sorted(CouponRedemption.objects.values_list("status", flat=True)) == ["confirmed", "returned"]
    assert_consistent()
    assert post_action(server, redemption, "refund").status_code == 200
    assert set(CouponRedemption.objects.values_list("status", flat=True)) == {"returned"}
    assert_consistent()


def test_a_voucher_stays_used_or_is_available_again(server: Client, billo: Brand) -> None:
    customer = CustomerFactory(customer_id="u1")
    campaign = CampaignFactory(brand=billo, offer=HALF)
    claim(campaign=campaign.slug, customer_key=customer.pk, at=timezone.now())
    voucher = Voucher.objects.get()
    redemption = place(server, codes=[], vouchers=[str(voucher.pk)], transaction_type=campaign.voucher_type)
    kind = {"transaction_type": campaign.voucher_type}

    assert amended(server, redemption, HAT, **kind)["quote"]["discount_total"] == "10.00"
    assert Voucher.objects.get().status == "used"
    assert_consistent()
    assert amended(server, redemption, HAT, vouchers=[], **kind)["quote"]["discount_total"] == "0.00"
    assert Voucher.objects.get().status == "available"
    assert_consistent()


# --- the offers of now ------------------------------------------------------------------------------------------------
def test_the_offers_of_now_replace_those_of_then(server: Client, billo: Brand) -> None:
    then = PromotionFactory(brand=billo, offer=FIFTY, limit_total=1)
    redemption = place(server, codes=[])
    post(server, f"/api/v1/promotions/{then.pk}/end/")
    now = PromotionFactory(brand=billo, offer=HALF, budget=20_000)

    answer = amended(server, redemption, shoe(), HAT, terms="current")

    assert [(offer["id"], offer["amount"]) for offer in answer["quote"]["applied"]] == [(str(now.pk), "110.00")]
    assert (taken(then, "total"), taken(now, "budget:EUR")) == (0, 11_000)
    assert OfferUse.objects.get().reserved_until is None
    assert_consistent()
    assert amended(server, redemption, shoe())["quote"]["discount_total"] == "100.00"
    assert_consistent()


def test_an_offer_that_is_used_up_by_the_order_itself_stays(server: Client, billo: Brand) -> None:
    offer = HALF | {"conditions": [{"kind": "nth_order", "value": 1}]}
    promotion = PromotionFactory(
        brand=billo, trigger="code", text="CODE", offer=offer, limit_total=1, limit_per_user=1, budget=8_910
    )
    DiscountCodeFactory(text="TEN", brand=billo)
    CouponFactory(brand=billo, text="SAVE", maximum_number_of_coupons=1, maximum_number_of_coupons_per_user=1)
    redemption = place(server, codes=["CODE", "TEN", "SAVE"])

    answer = amended(server, redemption, shoe(), HAT, terms="current")

    assert {offer["code"] for offer in answer["quote"]["applied"]} == {"CODE", "TEN", "SAVE"}
    assert answer["quote"]["rejected"] == []
    assert (taken(promotion, "total"), taken(promotion, "budget:EUR")) == (1, 8_910)  # half of 220.00, less twice 10%
    assert Usage.objects.count() == CouponRedemption.objects.filter(status="confirmed").count() == 1
    assert_consistent()


def test_a_new_code_is_had_or_rejects_the_amendment(server: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, trigger="code", text="CODE", offer=FIFTY)
    PromotionFactory(brand=billo, trigger="code", text="HALF", offer=HALF, limit_total=1)
    redemption, other = place(server), place(server, order="2")

    assert status_and_code(amend(server, redemption, shoe(), codes=["CODE", "NONE"], terms="current")) == (
        409,
        "code_not_found",
    )
    assert amended(server, redemption, shoe(), codes=["CODE", "HALF"], terms="current")["quote"]["total"] == "75.00"
    assert status_and_code(amend(server, other, shoe(), codes=["HALF"], terms="current")) == (
        409,
        "usage_limit_reached",
    )
    assert_consistent()


# --- what follows -----------------------------------------------------------------------------------------------------
def test_purchase_totals_and_events_follow(server: Client, billo: Brand) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code", text="CODE", offer=HALF)
    redemption = place(server)
    Event.objects.all().delete()

    amended(server, redemption, shoe(), HAT)
    refresh_totals(at=timezone.now())

    assert PurchaseTotal.objects.get().largest == 11_000
    event = Event.objects.get()
    assert (event.type, event.offer_id, event.amount, event.subtotal) == (
        "redemption.amended",
        promotion.pk,
        1_000,
        2_000,
    )
    confirmed_at = Redemption.objects.get().confirmed_at
    assert confirmed_at is not None
    assert event.data == {"confirmed_at": confirmed_at.isoformat(), "amount": "110.00", "subtotal": "220.00"}
    Event.objects.all().delete()
    PromotionFactory(brand=billo, trigger="code", text="OTHER", offer=FIFTY)
    amended(server, redemption, shoe(), codes=["OTHER"], terms="current")
    assert set(Event.objects.values_list("type", "amount", "subtotal")) == {
        ("redemption.confirmed", 5_000, 20_000),
        ("redemption.returned", 11_000, 22_000),
    }


def sums(client: Client, **query: str) -> dict[str, Any]:
    """Return the number of orders and the amounts of the results of today."""
    answer = client.get("/api/v1/results/", {"unit": "month", "tz": "UTC", **query})
    assert answer.status_code == 200, answer.content
    totals = answer.json()["totals"]
    amounts = totals["amounts"]["EUR"]
    return {"orders": totals["orders"]} | {name: amounts[name] for name in ("gross", "discount", "returned_discount")}


@pytest.mark.django_db(transaction=True)
def test_results_follow(server: Client, billo: Brand) -> None:
    then = PromotionFactory(brand=billo, offer=FIFTY)
    PromotionFactory(brand=billo, trigger="code", text="CODE", offer=HALF)
    redemption = place(server)
    post(server, f"/api/v1/promotions/{then.pk}/end/")
    promotion = PromotionFactory(brand=billo, offer={"benefits": [{"kind": "percent", "value": "10"}], "lane": 1})

    amended(server, redemption, HAT)
    assert sums(server) == {"orders": 1, "gross": "20.00", "discount": "20.00", "returned_discount": "0.00"}
    amended(server, redemption, shoe(), terms="current")

    # the new offer counts the order for itself; what the order gave back is returned
    assert sums(server) == {"orders": 1, "gross": "200.00", "discount": "130.00", "returned_discount": "20.00"}
    assert sums(server, offer=str(promotion.pk)) == {
        "orders": 1, "gross": "200.00", "discount": "10.00", "returned_discount": "0.00",
    }  # fmt: skip


def test_the_explanation_is_that_of_the_amended_order(server: Client, billo: Brand) -> None:
    from checkout.selectors import get_decision

    PromotionFactory(brand=billo, trigger="code", text="CODE", offer=HALF)
    redemption = place(server)
    later = PromotionFactory(brand=billo, offer=FIFTY)

    for terms in ("original", "current"):
        amended(server, redemption, shoe(), HAT, terms=terms)
        stored = Redemption.objects.get()
        assert get_decision(stored).decision.total == stored.total
    Promotion.objects.filter(pk=later.pk).update(offer=HALF)
    assert get_decision(Redemption.objects.get()).decision.total == Redemption.objects.get().total


def test_the_same_amendment_again_changes_nothing(server: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, trigger="code", text="CODE", offer=HALF)
    redemption = place(server)
    first = amend(server, redemption, HAT)
    keyed = {"Idempotency-Key": "one"}
    body = {"currency": "EUR", "lines": [HAT]}

    again = post_action(server, redemption, "amend", body, **keyed)
    assert again.json()["quote"] == first.json()["quote"]
    assert again.json()["difference"]["total"] == "0.00"
    assert post_action(server, redemption, "amend", body, **keyed)["Idempotency-Replayed"] == "true"


# --- refusals ---------------------------------------------------------------------------------------------------------
def test_only_a_confirmed_order_is_amended(server: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, trigger="code", text="CODE", offer=HALF)
    reserved = post(server, REDEMPTIONS, order(customer_id="u1", codes=["CODE"])).json()
    assert status_and_code(amend(server, reserved, HAT)) == (409, "invalid_status")
    redemption = place(server, shoe(), HAT, order="2")
    post_action(server, redemption, "refund", {"lines": ["2"]})

    refused = amend(server, redemption, shoe())

    assert (status_and_code(refused), refused.json()["current_status"]) == (
        (409, "invalid_status"),
        "partially_returned",
    )


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"currency": "USD"}, ["currency"]),
        ({"customer_id": "u2"}, ["customer_id"]),
        ({"terms": "better"}, ["terms"]),
        ({"order": "1001"}, ["order"]),
        ({"lines": []}, ["lines"]),
        ({"expect_total": "1.001"}, ["expect_total"]),
    ],
)
def test_an_invalid_amendment_is_refused(
    server: Client, billo: Brand, changes: dict[str, Any], fields: list[str]
) -> None:
    PromotionFactory(brand=billo, trigger="code", text="CODE", offer=HALF)
    redemption = place(server)

    response = post_action(server, redemption, "amend", {"currency": "EUR", "lines": [HAT], **changes})

    assert (response.status_code, error_fields(response)) == (400, fields)


def test_another_total_than_expected_is_refused(server: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, trigger="code", text="CODE", offer=HALF)
    redemption = place(server)

    assert status_and_code(amend(server, redemption, HAT, expect_total="20.00")) == (409, "price_changed")
    assert Redemption.objects.get().total == 10_000
    assert amended(server, redemption, HAT, expect_total="10.00", customer_id="u1")["quote"]["total"] == "10.00"


def test_shoppers_and_other_brands_cannot_amend(
    server: Client, shopper: Client, brand_client: ClientOf, billo: Brand
) -> None:
    PromotionFactory(brand=billo, trigger="code", text="CODE", offer=HALF)
    mine = post(shopper, REDEMPTIONS, order(codes=["CODE"])).json()
    post_action(shopper, mine, "confirm")

    assert status_and_code(amend(shopper, mine, HAT)) == (403, "permission_denied")
    assert status_and_code(amend(brand_client(BrandFactory()), mine, HAT)) == (404, "not_found")
    assert amended(server, mine, HAT)["quote"]["total"] == "10.00"


# --- a full refund returns everything ---------------------------------------------------------------------------------
CARTS = st.lists(
    st.tuples(st.sampled_from(["shoe", "hat", "sock"]), st.integers(1, 4), st.integers(1, 20_000)),
    min_size=1,
    max_size=3,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(carts=st.lists(CARTS, min_size=2, max_size=4), terms=st.sampled_from(["original", "current"]))
def test_a_full_refund_after_amendments_returns_everything(
    server: Client, billo: Brand, carts: list[list[tuple[str, int, int]]], terms: str
) -> None:
    with transaction.atomic():
        amend_and_refund(server, billo, carts, terms)
        transaction.set_rollback(True)


def amend_and_refund(server: Client, billo: Brand, carts: list[list[tuple[str, int, int]]], terms: str) -> None:
    tiers = [{"from": "50.00", "value": "7.00"}, {"from": "150.00", "value": "30.00"}]
    offers = [
        {"benefits": [{"kind": "tiers", "basis": "order_amount", "unit": "amount", "tiers": tiers}]},
        {"benefits": [{"kind": "buy_get", "buy": {"quantity": 2}, "get": {"quantity": 1}}]},
        {"benefits": [{"kind": "percent", "value": "33.33", "select": {"skus": ["hat"]}}], "lane": 1},
    ]
    for offer in offers:
        PromotionFactory(brand=billo, offer=offer, budget=1_000_000, limit_total=1)
    code = DiscountCodeFactory(brand=billo).code

    def lines(cart: list[tuple[str, int, int]]) -> list[dict[str, Any]]:
        return [
            line(id=str(number), sku=sku, quantity=quantity, unit_price=f"{price // 100}.{price % 100:02}")
            for number, (sku, quantity, price) in enumerate(cart)
        ]

    redemption = place(server, *lines(carts[0]), codes=[code], on_reject="skip")
    for cart in carts[1:]:
        amended(server, redemption, *lines(cart), shipping="4.99", terms=terms)
        assert_consistent()
    stored = Redemption.objects.get()
    assert sum(Limit.objects.filter(scope="budget:EUR").values_list("taken", flat=True)) == sum(
        OfferUse.objects.values_list("amount", flat=True)
    )
    assert stored.discount_total == sum(stored.items.values_list("amount", flat=True))

    answer = post_action(server, redemption, "refund").json()

    assert answer["status"] == "returned"
    assert answer["refund"]["discount"] == answer["quote"]["discount_total"]
    stored.refresh_from_db()
    assert stored.returned_total == stored.total
    assert all(item.returned_amount == item.amount for item in stored.items.all())
    assert not any(Limit.objects.values_list("taken", flat=True))
    assert not OfferUse.objects.exists()
    assert not Usage.objects.exists()
    assert_consistent()
