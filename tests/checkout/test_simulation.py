"""Simulations over HTTP: drafts priced as at checkout, with explanations, and without side effects."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.contracts import Role
from accounts.models import Brand
from checkout import rules, serialization, services
from checkout.contracts import DraftPromotion, QuoteRequest, SimulationOptions
from checkout.models import Redemption
from pricing import parse_offer, price
from promotions.models import PricingProfile, Promotion
from redemptions.limits.models import Limit
from redemptions.uses.models import OfferUse
from segments.services import apply_audience
from tests.checkout.builders import QUOTE, cart, error_fields, line, post, status_and_code
from tests.factories import (
    BrandFactory,
    CampaignFactory,
    CustomerFactory,
    DiscountCodeFactory,
    MembershipFactory,
    PromotionFactory,
)
from tests.pricing import strategies
from vouchers.services import claim

pytestmark = pytest.mark.django_db
SIMULATE = "/api/v1/promotions/simulate/"
AT = datetime(2027, 3, 17, 15, 30, tzinfo=UTC)


def percent(value: int = 10, **keys: Any) -> dict[str, Any]:
    """Return an offer with a percentage off the order."""
    return {"benefits": [{"kind": "percent", "value": value, "on": "order"}]} | keys


def draft(name: str = "p", **changes: Any) -> dict[str, Any]:
    """Return an automatic promotion with 10% off. Members that are changed to None are left out."""
    members = {"id": name, "trigger": "automatic", "offer": percent()} | changes
    return {key: value for key, value in members.items() if value is not None}


def build_body(*drafts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a request with these drafts for a cart of 120.00."""
    return {"cart": cart(), "promotions": list(drafts)} | changes


def simulate(client: Client, *drafts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    response = post(client, SIMULATE, build_body(*drafts, **changes))
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


def outcomes(answer: dict[str, Any]) -> dict[str, str]:
    return {row["id"]: row["outcome"] for row in answer["explain"]}


# --- answers ---------------------------------------------------------------------------------------------------------
def test_a_draft_is_priced_and_explained(server: Client) -> None:
    vip = percent(conditions=[{"kind": "min_subtotal", "value": "100"}, {"kind": "audience", "any": ["vip"]}])

    answer = simulate(server, draft(offer=vip), customer={"segments": ["vip"], "placed_orders": 0})

    assert (answer["discount_total"], answer["total"]) == ("12.00", "108.00")
    assert answer["applied"] == [
        {
            "kind": "promotion", "id": "p", "name": "p", "amount": "12.00", "shipping": "0.00",
            "lines": [{"id": "a", "amount": "10.00"}, {"id": "b", "amount": "2.00"}],
        }
    ]  # fmt: skip
    assert answer["explain"] == [
        {
            "kind": "promotion", "id": "p", "name": "p", "live": False, "outcome": "applied", "detail": "Applied.",
            "amount": "12.00",
            "conditions": [
                {"kind": "min_subtotal", "required": "100.00", "actual": "120.00", "passed": True},
                {"kind": "audience", "required": ["vip"], "actual": ["vip"], "passed": True},
            ],
        }
    ]  # fmt: skip


def test_a_draft_that_is_not_applied_explains_its_conditions_and_reason(server: Client) -> None:
    expensive = draft("expensive", offer=percent(conditions=[{"kind": "min_subtotal", "value": "150"}]))
    better, worse = (draft(name, offer=percent(value, group="g")) for name, value in (("better", 20), ("worse", 5)))

    answer = simulate(server, expensive, better, worse)

    assert outcomes(answer) == {"expensive": "minimum_not_met", "better": "applied", "worse": "not_combinable"}
    explanations = {row["id"]: row for row in answer["explain"]}
    assert explanations["expensive"]["conditions"] == [
        {"kind": "min_subtotal", "required": "150.00", "actual": "120.00", "passed": False}
    ]
    assert explanations["expensive"]["reason"]["missing"] == "30.00"
    assert explanations["worse"]["reason"]["with"] == ["better"]
    assert [best["id"] for best in answer["next_best"]] == ["expensive"]


def test_a_simulation_without_promotions_has_no_discount(server: Client) -> None:
    answer = simulate(server)

    assert (answer["total"], answer["explain"], answer["applied"]) == ("120.00", [], [])


def test_a_draft_with_a_code_applies_only_with_its_code(server: Client) -> None:
    coded = draft(trigger="code", code=" spring ", offer=percent(conditions=[{"kind": "nth_order", "value": 1}]))

    without_code = simulate(server, coded)
    with_code = simulate(server, coded, cart=cart(codes=["Spring"]))

    assert without_code["discount_total"] == "0.00"
    (row,) = without_code["explain"]
    assert (row["outcome"], row["code"], row["amount"]) == ("code_not_in_cart", "SPRING", "0.00")
    assert "SPRING" in row["detail"]
    assert row["conditions"] == [{"kind": "nth_order", "required": 1, "actual": 1, "passed": True}]
    assert (with_code["discount_total"], with_code["applied"][0]["code"], with_code["rejected"]) == (
        "12.00",
        "SPRING",
        [],
    )


def test_a_draft_that_needs_a_code_but_has_none_never_applies(server: Client) -> None:
    answer = simulate(server, draft(trigger="code"))

    assert outcomes(answer) == {"p": "code_not_in_cart"}


def test_a_code_of_no_draft_is_rejected(server: Client, billo: Brand) -> None:
    DiscountCodeFactory(text="TEN", brand=billo)
    PromotionFactory(brand=billo, text="LIVE", trigger="code")

    answer = simulate(server, draft(), cart=cart(codes=["TEN", "LIVE", "!"]))

    assert [(row["code"], row["reason"]["code"]) for row in answer["rejected"]] == [
        (code, "code_not_found") for code in ("TEN", "LIVE", "!")
    ]


def test_vouchers_are_unknown_without_active_offers(server: Client) -> None:
    voucher = "0190a000-0000-7000-8000-000000000000"

    answer = simulate(server, draft(), cart=cart(vouchers=[voucher]))

    assert [(row["code"], row["reason"]["code"]) for row in answer["rejected"]] == [(voucher, "code_not_found")]


def test_an_inapplicable_code_is_rejected_as_at_checkout(server: Client) -> None:
    coded = draft(trigger="code", code="LARGE", offer=percent(conditions=[{"kind": "min_subtotal", "value": "150"}]))

    answer = simulate(server, coded, cart=cart(codes=["large"]))

    assert answer["rejected"][0]["code"] == "LARGE"
    assert answer["rejected"][0]["reason"]["missing"] == "30.00"


def test_priority_comes_first_and_the_list_order_decides_ties(server: Client) -> None:
    def amount(value: str) -> dict[str, Any]:
        return {"benefits": [{"kind": "amount", "value": value, "on": "order"}], "exclusive": True}

    first, second = draft("first", offer=amount("1")), draft("second", offer=amount("2"))

    assert simulate(server, first, second)["discount_total"] == "1.00"
    assert simulate(server, second, first)["discount_total"] == "2.00"
    assert simulate(server, first, second | {"priority": 1})["discount_total"] == "2.00"
    offers_own = draft("second", offer=amount("2") | {"priority": 1})
    assert simulate(server, first, offers_own)["discount_total"] == "2.00"
    assert simulate(server, first | {"priority": 2}, offers_own)["discount_total"] == "1.00"


def test_a_budget_applies_and_limits_are_unused(server: Client) -> None:
    assert outcomes(simulate(server, draft(budget="11.99"))) == {"p": "budget_exhausted"}
    assert outcomes(simulate(server, draft(budget="12.00", limits={"total": 1, "per_customer": 1}))) == {"p": "applied"}

    partial = simulate(server, draft(budget="5.00"), profile={"budget_overrun": "partial"})

    assert partial["discount_total"] == "5.00"


def test_a_discount_is_reduced_to_the_maximum_per_order(server: Client) -> None:
    by_currency = {"EUR": "5.00", "USD": "6.00"}

    assert simulate(server, draft(max_per_order="5.00"))["discount_total"] == "5.00"
    assert simulate(server, draft(max_per_order=by_currency))["discount_total"] == "5.00"
    assert simulate(server, draft(max_per_order="12.01"))["discount_total"] == "12.00"
    assert simulate(server, draft(max_per_order=None))["discount_total"] == "12.00"


def test_a_maximum_per_customer_limits_the_discount_as_a_budget(server: Client) -> None:
    assert simulate(server, draft(max_per_customer="12.00"))["discount_total"] == "12.00"
    assert outcomes(simulate(server, draft(max_per_customer="11.99"))) == {"p": "usage_limit_per_customer"}
    assert outcomes(simulate(server, draft(max_per_customer="12.00", budget="11.99"))) == {"p": "budget_exhausted"}
    assert outcomes(simulate(server, draft(max_per_customer={"USD": "20.00"}))) == {"p": "currency_mismatch"}


def test_a_limit_of_units_is_all_or_nothing(server: Client) -> None:
    answer = simulate(server, draft(limits={"units": 2}))  # the cart has three

    (explained,) = answer["explain"]
    assert explained["reason"] == {
        "code": "usage_limit_reached",
        "detail": "This offer has too few units left for the cart.",
        "limit": "units",
        "left": 2,
    }
    assert outcomes(simulate(server, draft(limits={"units": 3}))) == {"p": "applied"}


def test_a_maximum_per_order_in_other_currencies_excludes_the_cart(server: Client) -> None:
    answer = simulate(server, draft(max_per_order={"USD": "6.00"}))

    assert (answer["discount_total"], outcomes(answer)) == ("0.00", {"p": "currency_mismatch"})


def test_the_pricing_profile_defaults_to_the_brands_profile(server: Client, billo: Brand) -> None:
    PricingProfile.objects.create(brand=billo, rounding="down")
    odd = cart(lines=[line(unit_price="0.99")])

    assert simulate(server, draft(), cart=odd)["discount_total"] == "0.09"
    assert simulate(server, draft(), cart=odd, profile={})["discount_total"] == "0.10"
    assert simulate(server, draft(), cart=odd, profile={"rounding": "down"})["discount_total"] == "0.09"


def test_the_time_is_in_the_time_zone_of_the_brand(server: Client, billo: Brand) -> None:
    Brand.objects.filter(pk=billo.pk).update(timezone="Europe/Madrid")
    happy = draft(offer=percent(conditions=[{"kind": "hours", "from": "17:00", "to": "18:00"}]))

    assert outcomes(simulate(server, happy, at="2027-07-01T15:30:00Z")) == {"p": "applied"}
    assert outcomes(simulate(server, happy, at="2027-07-01T17:30:00Z")) == {"p": "outside_schedule"}


def test_stored_customer_data_applies_unless_other_data_is_assumed(server: Client, billo: Brand) -> None:
    customer = CustomerFactory(customer_id="c1")
    apply_audience(brand=billo, segment_type="vip", operation="add", customer_ids=["c1"])
    vip = draft(offer=percent(conditions=[{"kind": "audience", "any": ["vip"]}]))

    known = simulate(server, vip, cart=cart(customer_id=customer.customer_id))
    assumed = simulate(server, vip, cart=cart(customer_id=customer.customer_id), customer={"segments": []})
    stranger = simulate(server, vip, cart=cart(customer_id="nobody"))

    assert [outcomes(answer)["p"] for answer in (known, assumed, stranger)] == [
        "applied", "audience_not_member", "audience_not_member",
    ]  # fmt: skip


def test_lines_of_another_brand_get_no_discount(server: Client) -> None:
    answer = simulate(server, draft(), cart=cart(lines=[line(), line(id="b", brand="another")]))

    assert [row["discount"] for row in answer["lines"]] == ["10.00", "0.00"]


# --- active promotions -----------------------------------------------------------------------------------------------
def test_active_promotions_are_included_only_on_request(server: Client, billo: Brand) -> None:
    active = PromotionFactory(brand=billo, name="Spring sale", percent="20")

    alone = simulate(server, draft())
    together = simulate(server, draft(offer=percent(50)), include_live=True)

    assert alone["discount_total"] == "12.00"
    assert together["discount_total"] == "72.00"  # the active one is older: 24.00 first, then half of 96.00
    assert [(row["id"], row["live"], row["name"]) for row in together["explain"]] == [
        ("p", False, "p"), (str(active.pk), True, "Spring sale"),
    ]  # fmt: skip


def test_a_draft_replaces_the_active_promotion_of_the_same_id(server: Client, billo: Brand) -> None:
    active = PromotionFactory(brand=billo, percent="20")

    answer = simulate(server, draft(str(active.pk), offer=percent(30)), include_live=True)

    assert (answer["discount_total"], len(answer["explain"])) == ("36.00", 1)


def test_active_promotions_depend_on_the_time_and_the_segments(server: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, start_date=datetime(2028, 1, 1, tzinfo=UTC), target_audience="vip")
    later, vip = {"at": "2028-06-01T12:00:00Z"}, {"customer": {"segments": ["vip"]}}

    def discount(**changes: Any) -> str:
        return str(simulate(server, include_live=True, **changes)["discount_total"])

    assert [discount(), discount(**later), discount(**vip), discount(**later, **vip)] == [
        "0.00",
        "0.00",
        "0.00",
        "12.00",
    ]


def test_vouchers_of_the_brand_and_the_customer_are_included(server: Client, billo: Brand) -> None:
    customer = CustomerFactory(customer_id="c1")
    vouchers = []
    for brand in (billo, BrandFactory(slug="cake")):
        campaign = CampaignFactory(brand=brand)
        claim(campaign=campaign.slug, customer_key=customer.pk, at=timezone.now())
        vouchers.append(str(campaign.vouchers.get().pk))
    body = cart(transaction_type="topup", vouchers=vouchers, customer_id="c1")

    answer = simulate(server, include_live=True, cart=body)

    assert [(row["kind"], row["id"], row["amount"]) for row in answer["applied"]] == [("voucher", vouchers[0], "36.00")]
    assert [(row["code"], row["reason"]["code"]) for row in answer["rejected"]] == [(vouchers[1], "code_not_found")]


def test_assumed_segments_count_for_the_audience_of_a_discount_code(server: Client, billo: Brand) -> None:
    DiscountCodeFactory(brand=billo, text="VIP", audience="vip")
    typed, vip = cart(codes=["VIP"]), {"customer": {"segments": ["vip"]}}

    assert simulate(server, include_live=True, cart=typed)["rejected"][0]["reason"]["code"] == "audience_not_member"
    assert simulate(server, include_live=True, cart=typed, **vip)["discount_total"] == "12.00"


def test_a_draft_takes_precedence_over_an_active_promotion_of_its_code(server: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, text="SPRING", trigger="code", percent="20")
    typed = cart(codes=["spring"])

    assert simulate(server, include_live=True, cart=typed)["discount_total"] == "24.00"
    replacement = draft(trigger="code", code="SPRING", offer=percent(30))
    assert simulate(server, replacement, include_live=True, cart=typed)["discount_total"] == "36.00"


def test_limits_of_active_promotions_apply_without_being_used(server: Client, billo: Brand) -> None:
    active = PromotionFactory(brand=billo, text="ONCE", trigger="code", limit_total=1)
    Limit.objects.create(owner=active.pk, scope="total", taken=1, cap=1)

    answer = simulate(server, include_live=True, cart=cart(codes=["ONCE"]))

    assert answer["rejected"][0]["reason"]["code"] == "usage_limit_reached"
    assert Limit.objects.get().taken == 1


def test_promotions_and_codes_of_other_brands_are_not_included(server: Client) -> None:
    cake = BrandFactory(slug="cake")
    PromotionFactory(brand=cake, percent="50")
    PromotionFactory(brand=cake, text="CAKE", trigger="code", percent="50")
    foreign = cart(lines=[line(brand="cake")], codes=["CAKE"])

    answer = simulate(server, include_live=True, cart=foreign)

    assert (answer["discount_total"], answer["explain"]) == ("0.00", [])
    assert answer["rejected"][0]["reason"]["code"] == "code_not_found"


# --- side effects and numbers of queries -----------------------------------------------------------------------------
def test_a_simulation_stores_and_redeems_nothing(server: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, limit_total=5, budget=10_000)

    with CaptureQueriesContext(connection) as queries:
        simulate(server, draft(limits={"total": 1}), include_live=True, cart=cart(customer_id="never-seen"))

    assert not [query["sql"] for query in queries if query["sql"].split()[0] in {"INSERT", "DELETE"}]
    assert not Redemption.objects.exists()
    assert not OfferUse.objects.exists()
    assert Promotion.objects.count() == 1


@pytest.mark.parametrize("number", [1, 300])
def test_the_number_of_queries_is_independent_of_the_number_of_drafts(server: Client, number: int) -> None:
    coded = [draft(f"c{n}", trigger="code", code=f"CODE-{n}") for n in range(number)]
    with CaptureQueriesContext(connection) as queries:
        simulate(server, *(draft(str(n), offer=percent(1)) for n in range(number)), *coded)

    selects = [query["sql"] for query in queries if "promotions_" in query["sql"]]
    assert len(selects) == 1, selects  # the brand's pricing profile


def test_active_promotions_need_three_more_queries(server: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, text="SPRING", trigger="code")
    with CaptureQueriesContext(connection) as queries:
        simulate(server, include_live=True, cart=cart(codes=["SPRING"]))

    assert len([query for query in queries if "promotions_" in query["sql"]]) == 4  # profile, code, automatic, coded


# --- callers ---------------------------------------------------------------------------------------------------------
def test_viewers_may_simulate(shopper_client: Callable[[Any], Client], billo: Brand) -> None:
    viewer = MembershipFactory(brand=billo, role=Role.VIEWER).user

    assert simulate(shopper_client(viewer), draft())["discount_total"] == "12.00"


def test_staff_of_several_brands_must_name_one(shopper_client: Callable[[Any], Client], billo: Brand) -> None:
    user = MembershipFactory(brand=billo).user
    MembershipFactory(user=user, brand=BrandFactory(slug="cake"))

    response = post(shopper_client(user), SIMULATE, build_body(draft()))

    assert (status_and_code(response), error_fields(response)) == ((400, "invalid"), ["brand"])
    assert simulate(shopper_client(user), draft(), brand="cake")["discount_total"] == "12.00"


def test_shoppers_and_other_brands_are_rejected(shopper: Client, server: Client) -> None:
    BrandFactory(slug="cake")

    assert status_and_code(post(shopper, SIMULATE, build_body(draft()))) == (403, "permission_denied")
    assert status_and_code(post(server, SIMULATE, build_body(draft(), brand="cake"))) == (403, "permission_denied")
    assert status_and_code(post(Client(), SIMULATE, build_body(draft()))) == (401, "not_authenticated")


# --- errors ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"cart": None}, ["cart"]),
        ({"cart": cart(currency="XXZ")}, ["cart.currency"]),
        ({"cart": cart(lines=[line(quantity=0)])}, ["cart.lines.0.quantity"]),
        ({"cart": cart(lines=[line(unit_price="1.001")])}, ["cart.lines.0.unit_price"]),
        ({"cart": cart(lines=[])}, ["cart.lines"]),
        ({"promotions": None}, ["promotions"]),
        ({"promotions": {}}, ["promotions"]),
        ({"promotions": [draft("p"), draft("p")]}, ["promotions.1.id"]),
        ({"promotions": [draft("x" * 65)]}, ["promotions.0.id"]),
        ({"promotions": [draft(id=7)]}, ["promotions.0.id"]),
        ({"promotions": [draft(trigger="magic")]}, ["promotions.0.trigger"]),
        ({"promotions": [draft(code="SPRING")]}, ["promotions.0.code"]),
        ({"promotions": [draft(trigger="code", code="?")]}, ["promotions.0.code"]),
        ({"promotions": [draft(n, trigger="code", code=c) for n, c in (("a", "one"), ("b", "ONE"))]},
         ["promotions.1.code"]),
        ({"promotions": [draft(offer=[])]}, ["promotions.0.offer"]),
        ({"promotions": [draft(priority=40_000)]}, ["promotions.0.priority"]),
        ({"promotions": [draft(offer=percent(priority=-40_000))]}, ["promotions.0.offer.priority"]),
        ({"promotions": [draft(limits={"total": 0})]}, ["promotions.0.limits.total"]),
        ({"promotions": [draft(budget="1.001")]}, ["promotions.0.budget"]),
        ({"promotions": [draft(budget="0.00")]}, ["promotions.0.budget"]),
        ({"promotions": [draft(budget=5)]}, ["promotions.0.budget"]),
        ({"promotions": [draft(max_per_order="1.001")]}, ["promotions.0.max_per_order"]),
        ({"promotions": [draft(max_per_customer=5)]}, ["promotions.0.max_per_customer"]),
        ({"promotions": [draft(max_per_order={"XXX": "1.00"})]}, ["promotions.0.max_per_order.XXX"]),
        ({"promotions": [draft(str(n)) for n in range(1001)]}, ["promotions"]),
        ({"profile": []}, ["profile"]),
        ({"profile": {"rounding": "up"}}, ["profile.rounding"]),
        ({"customer": {"segments": "vip"}}, ["customer.segments"]),
        ({"customer": {"placed_orders": -1}}, ["customer.placed_orders"]),
        ({"at": "2027-01-01T00:00:00"}, ["at"]),
        ({"at": "9999-12-31T23:59:59Z"}, ["at"]),
        ({"at": "0001-01-01T00:00:00Z"}, ["at"]),
        ({"include_live": "yes"}, ["include_live"]),
    ],
)  # fmt: skip
def test_every_error_names_its_field(changes: dict[str, Any], errors: list[str], server: Client) -> None:
    response = post(server, SIMULATE, build_body(draft(), **changes))

    assert (status_and_code(response), error_fields(response)) == ((400, "invalid"), errors)


def test_all_errors_of_all_offers_are_reported_at_once(server: Client) -> None:
    wrong = {"benefits": [{"kind": "percent", "value": 101, "on": "order"}], "lane": 10}
    drafts = [draft(str(n)) for n in range(3)] + [draft("bad", offer=wrong), draft("worse", offer={})]

    response = post(server, SIMULATE, build_body(*drafts, profile={"remainder": "mine"}))

    assert status_and_code(response) == (400, "invalid")
    assert {"promotions.3.offer.benefits.0.value", "promotions.3.offer.lane", "promotions.4.offer.benefits",
            "profile.remainder"} <= set(error_fields(response))  # fmt: skip


@pytest.mark.parametrize("sent", [[], "cart", 7, None])
def test_a_body_that_is_not_an_object_is_rejected(sent: Any, server: Client) -> None:
    response = server.post(SIMULATE, data=sent if sent is not None else "null", content_type="application/json")

    assert status_and_code(response) == (400, "invalid")


# --- same pricing as checkout ----------------------------------------------------------------------------------------
def test_a_simulation_of_active_promotions_equals_a_quote(server: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, percent="20", extra={"group": "g"})
    PromotionFactory(brand=billo, percent="5", extra={"group": "g"}, priority=3)
    PromotionFactory(brand=billo, percent="7", text="SEVEN", trigger="code")
    request_cart = cart(codes=["SEVEN"], customer_id="c9", shipping="4.99")

    quote = post(server, QUOTE, request_cart).json()
    answer = simulate(server, cart=request_cart, include_live=True)

    assert {name: value for name, value in answer.items() if name != "explain"} == quote
    assert quote["discount_total"] != "0.00"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(basket=strategies.carts(), documents=st.lists(strategies.documents(), max_size=4), profile=strategies.PROFILES)
def test_drafts_are_priced_like_promotions_in_the_engine(
    basket: Any, documents: list[dict[str, Any]], profile: Any, billo: Brand
) -> None:
    drafts = [DraftPromotion(id=f"d{n}", name="", offer=parse_offer(document)) for n, document in enumerate(documents)]
    options, request = SimulationOptions(drafts, profile=profile), QuoteRequest(basket, ())

    quote = services.simulate(request=request, options=options, brand=billo, shopper=None, at=AT).quote

    assert quote.decision == price(
        quote.request.cart,
        rules.to_engine_offers(quote.candidates, basket.currency),
        quote.facts,
        profile,
        AT,
        explain=True,
    )
    assert [row["id"] for row in serialization.serialize_explanations(quote)] == [draft.id for draft in drafts]


def test_large_simulations_have_a_separate_rate_limit(
    server: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.THROTTLES = settings.THROTTLES | {"simulate_large": "2/minute"}
    monkeypatch.setattr("checkout.api.simulate.LARGE", 3)  # the cart has two lines
    small, large = build_body(draft()), build_body(draft("a"), draft("b"))

    answers = [post(server, SIMULATE, large) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert status_and_code(answers[2]) == (429, "throttled")
    assert int(answers[2]["Retry-After"]) <= 60
    assert post(server, SIMULATE, small).status_code == 200


def test_drafts_without_their_codes_are_explained_in_one_pricing(
    server: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    price_cart = rules.price_cart
    calls: list[int] = []

    def count_calls(request: Any, candidates: Any, *args: Any, **options: Any) -> Any:
        calls.append(len(candidates))
        return price_cart(request, candidates, *args, **options)

    monkeypatch.setattr(rules, "price_cart", count_calls)
    drafts = [
        draft(
            f"d{n}",
            trigger="code",
            code=f"CODE{n}",
            offer=percent(conditions=[{"kind": "min_subtotal", "value": "100"}]),
        )
        for n in range(30)
    ]

    explained = simulate(server, *drafts)["explain"]

    assert calls == [0, 30]
    assert {row["outcome"] for row in explained} == {"code_not_in_cart"}
    assert all(row["conditions"][0]["passed"] for row in explained)
