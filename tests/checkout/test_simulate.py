"""Simulation over HTTP (contract, section 7): drafts priced as checkout would, explained, and nothing stored."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.contracts import Role
from accounts.models import Brand
from checkout import rules, services
from checkout.contracts import DraftPromotion, QuoteRequest, SimulationOptions
from checkout.models import Redemption
from checkout.services import quotes
from pricing import parse_offer, price
from promotions.models import PricingProfile, Promotion, PromotionCounter, PromotionRedemption
from segments.services import apply_audience
from tests.checkout.builders import QUOTE, cart, fields, line, post, refused
from tests.factories import BrandFactory, CustomerFactory, DiscountCodeFactory, MembershipFactory, PromotionFactory
from tests.pricing import strategies

pytestmark = pytest.mark.django_db
SIMULATE = "/api/v1/promotions/simulate/"
AT = datetime(2027, 3, 17, 15, 30, tzinfo=UTC)


def percent(value: int = 10, **keys: Any) -> dict[str, Any]:
    """An offer of some per cent of the order."""
    return {"benefits": [{"kind": "percent", "value": value, "on": "order"}]} | keys


def draft(name: str = "p", **changes: Any) -> dict[str, Any]:
    """An automatic promotion of ten per cent; what is changed to None is left out."""
    whole = {"id": name, "trigger": "automatic", "offer": percent()} | changes
    return {key: value for key, value in whole.items() if value is not None}


def body(*drafts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A request of these drafts for a cart of 120.00."""
    return {"cart": cart(), "promotions": list(drafts)} | changes


def simulated(client: Client, *drafts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    response = post(client, SIMULATE, body(*drafts, **changes))
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


def outcomes(answer: dict[str, Any]) -> dict[str, str]:
    return {row["id"]: row["outcome"] for row in answer["explain"]}


# --- what is answered ------------------------------------------------------------------------------------------------
def test_a_draft_is_priced_and_explained(server: Client) -> None:
    vip = percent(conditions=[{"kind": "min_subtotal", "value": "100"}, {"kind": "audience", "any": ["vip"]}])

    answer = simulated(server, draft(offer=vip), customer={"segments": ["vip"], "placed_orders": 0})

    assert (answer["discount_total"], answer["total"]) == ("12.00", "108.00")
    assert answer["applied"] == [
        {
            "kind": "promotion", "id": "p", "title": "p", "amount": "12.00", "shipping": "0.00",
            "lines": [{"id": "a", "amount": "10.00"}, {"id": "b", "amount": "2.00"}],
        }
    ]  # fmt: skip
    assert answer["explain"] == [
        {
            "kind": "promotion", "id": "p", "title": "p", "live": False, "outcome": "applied", "detail": "Given.",
            "amount": "12.00",
            "conditions": [
                {"kind": "min_subtotal", "needed": "100.00", "saw": "120.00", "held": True},
                {"kind": "audience", "needed": ["vip"], "saw": ["vip"], "held": True},
            ],
        }
    ]  # fmt: skip


def test_what_is_passed_over_says_what_it_needed_saw_and_why(server: Client) -> None:
    dear = draft("dear", offer=percent(conditions=[{"kind": "min_subtotal", "value": "150"}]))
    better, worse = (draft(name, offer=percent(value, group="g")) for name, value in (("better", 20), ("worse", 5)))

    answer = simulated(server, dear, better, worse)

    assert outcomes(answer) == {"dear": "minimum_not_met", "better": "applied", "worse": "not_combinable"}
    told = {row["id"]: row for row in answer["explain"]}
    assert told["dear"]["conditions"] == [{"kind": "min_subtotal", "needed": "150.00", "saw": "120.00", "held": False}]
    assert told["dear"]["reason"]["missing"] == "30.00"
    assert told["worse"]["reason"]["with"] == ["better"]
    assert [best["id"] for best in answer["next_best"]] == ["dear"]


def test_no_promotions_at_all_cost_what_the_cart_costs(server: Client) -> None:
    answer = simulated(server)

    assert (answer["total"], answer["explain"], answer["applied"]) == ("120.00", [], [])


def test_a_code_draft_sleeps_until_its_code_is_typed(server: Client) -> None:
    coded = draft(trigger="code", code=" spring ", offer=percent(conditions=[{"kind": "nth_order", "value": 1}]))

    asleep = simulated(server, coded)
    awake = simulated(server, coded, cart=cart(codes=["Spring"]))

    assert asleep["discount_total"] == "0.00"
    (row,) = asleep["explain"]
    assert (row["outcome"], row["code"], row["amount"]) == ("code_not_sent", "SPRING", "0.00")
    assert "SPRING" in row["detail"]
    assert row["conditions"] == [{"kind": "nth_order", "needed": 1, "saw": 1, "held": True}]
    assert (awake["discount_total"], awake["applied"][0]["code"], awake["rejected"]) == ("12.00", "SPRING", [])


def test_a_code_draft_without_a_code_is_never_given(server: Client) -> None:
    answer = simulated(server, draft(trigger="code"))

    assert outcomes(answer) == {"p": "code_not_sent"}


def test_a_code_that_no_draft_has_is_unknown(server: Client, billo: Brand) -> None:
    DiscountCodeFactory(text="TEN", brand=billo)
    PromotionFactory(brand=billo, text="LIVE", trigger="code")

    answer = simulated(server, draft(), cart=cart(codes=["TEN", "LIVE", "!"]))

    assert [(row["code"], row["reason"]["code"]) for row in answer["rejected"]] == [
        (code, "code_not_found") for code in ("TEN", "LIVE", "!")
    ]


def test_vouchers_are_no_part_of_it(server: Client) -> None:
    voucher = "0190a000-0000-7000-8000-000000000000"

    answer = simulated(server, draft(), cart=cart(vouchers=[voucher]))

    assert [(row["code"], row["reason"]["code"]) for row in answer["rejected"]] == [(voucher, "code_not_found")]
    assert answer["discount_total"] == "12.00"


def test_a_code_draft_that_is_not_given_is_rejected_as_at_checkout(server: Client) -> None:
    coded = draft(trigger="code", code="DEAR", offer=percent(conditions=[{"kind": "min_subtotal", "value": "150"}]))

    answer = simulated(server, coded, cart=cart(codes=["dear"]))

    assert answer["rejected"][0]["code"] == "DEAR"
    assert answer["rejected"][0]["reason"]["missing"] == "30.00"


def test_priority_goes_first_and_equals_follow_the_list(server: Client) -> None:
    def amount(value: str) -> dict[str, Any]:
        return {"benefits": [{"kind": "amount", "value": value, "on": "order"}], "exclusive": True}

    first, second = draft("first", offer=amount("1")), draft("second", offer=amount("2"))

    assert simulated(server, first, second)["discount_total"] == "1.00"
    assert simulated(server, second, first)["discount_total"] == "2.00"
    assert simulated(server, first, second | {"priority": 1})["discount_total"] == "2.00"
    offers_own = draft("second", offer=amount("2") | {"priority": 1})
    assert simulated(server, first, offers_own)["discount_total"] == "2.00"
    assert simulated(server, first | {"priority": 2}, offers_own)["discount_total"] == "1.00"


def test_a_budget_counts_and_a_limit_leaves_room_for_one(server: Client) -> None:
    assert outcomes(simulated(server, draft(budget="11.99"))) == {"p": "budget_exhausted"}
    assert outcomes(simulated(server, draft(budget="12.00", limits={"total": 1, "per_user": 1}))) == {"p": "applied"}

    partial = simulated(server, draft(budget="5.00"), profile={"budget_overrun": "partial"})

    assert partial["discount_total"] == "5.00"


def test_the_profile_is_the_callers_or_the_brands_own(server: Client, billo: Brand) -> None:
    PricingProfile.objects.create(brand=billo, rounding="down")
    odd = cart(lines=[line(unit_price="0.99")])

    assert simulated(server, draft(), cart=odd)["discount_total"] == "0.09"
    assert simulated(server, draft(), cart=odd, profile={})["discount_total"] == "0.10"
    assert simulated(server, draft(), cart=odd, profile={"rounding": "down"})["discount_total"] == "0.09"


def test_the_instant_is_read_on_the_brands_clock(server: Client, billo: Brand) -> None:
    Brand.objects.filter(pk=billo.pk).update(timezone="Europe/Madrid")
    happy = draft(offer=percent(conditions=[{"kind": "hours", "from": "17:00", "to": "18:00"}]))

    assert outcomes(simulated(server, happy, at="2027-07-01T15:30:00Z")) == {"p": "applied"}
    assert outcomes(simulated(server, happy, at="2027-07-01T17:30:00Z")) == {"p": "outside_schedule"}


def test_a_known_customers_own_facts_are_taken_when_none_are_assumed(server: Client, billo: Brand) -> None:
    customer = CustomerFactory(customer_id="c1")
    apply_audience(brand=billo, segment_type="vip", operation="add", customer_ids=["c1"])
    vip = draft(offer=percent(conditions=[{"kind": "audience", "any": ["vip"]}]))

    known = simulated(server, vip, cart=cart(customer_id=customer.customer_id))
    assumed = simulated(server, vip, cart=cart(customer_id=customer.customer_id), customer={"segments": []})
    stranger = simulated(server, vip, cart=cart(customer_id="nobody"))

    assert [outcomes(each)["p"] for each in (known, assumed, stranger)] == [
        "applied", "audience_not_member", "audience_not_member",
    ]  # fmt: skip


def test_lines_of_another_brand_are_not_touched(server: Client) -> None:
    answer = simulated(server, draft(), cart=cart(lines=[line(), line(id="b", brand="another")]))

    assert [row["discount"] for row in answer["lines"]] == ["10.00", "0.00"]


# --- beside what runs ------------------------------------------------------------------------------------------------
def test_running_promotions_join_only_when_asked_for(server: Client, billo: Brand) -> None:
    live = PromotionFactory(brand=billo, name="Spring sale", percent="20")

    alone = simulated(server, draft())
    beside = simulated(server, draft(offer=percent(50)), include_live=True)

    assert alone["discount_total"] == "12.00"
    assert beside["discount_total"] == "72.00"  # the running one is older: 24.00 first, then half of 96.00
    assert [(row["id"], row["live"], row["title"]) for row in beside["explain"]] == [
        ("p", False, "p"), (str(live.pk), True, "Spring sale"),
    ]  # fmt: skip


def test_a_draft_of_a_running_promotions_id_stands_in_for_it(server: Client, billo: Brand) -> None:
    live = PromotionFactory(brand=billo, percent="20")

    answer = simulated(server, draft(str(live.pk), offer=percent(30)), include_live=True)

    assert (answer["discount_total"], len(answer["explain"])) == ("36.00", 1)


def test_running_promotions_are_those_of_the_instant_and_of_the_customers_segments(
    server: Client, billo: Brand
) -> None:
    PromotionFactory(brand=billo, start_date=datetime(2028, 1, 1, tzinfo=UTC), target_audience="vip")
    later, vip = {"at": "2028-06-01T12:00:00Z"}, {"customer": {"segments": ["vip"]}}

    def off(**changes: Any) -> str:
        return str(simulated(server, include_live=True, **changes)["discount_total"])

    assert [off(), off(**later), off(**vip), off(**later, **vip)] == ["0.00", "0.00", "0.00", "12.00"]


def test_the_code_of_a_running_promotion_opens_it_and_a_draft_of_that_code_goes_before_it(
    server: Client, billo: Brand
) -> None:
    PromotionFactory(brand=billo, text="SPRING", trigger="code", percent="20")
    typed = cart(codes=["spring"])

    assert simulated(server, include_live=True, cart=typed)["discount_total"] == "24.00"
    tried = draft(trigger="code", code="SPRING", offer=percent(30))
    assert simulated(server, tried, include_live=True, cart=typed)["discount_total"] == "36.00"


def test_the_limits_of_running_promotions_are_looked_at_and_not_taken(server: Client, billo: Brand) -> None:
    live = PromotionFactory(brand=billo, text="ONCE", trigger="code", limit_total=1)
    PromotionCounter.objects.create(promotion=live, kind="total", taken=1, cap=1)

    answer = simulated(server, include_live=True, cart=cart(codes=["ONCE"]))

    assert answer["rejected"][0]["reason"]["code"] == "usage_limit_reached"
    assert PromotionCounter.objects.get().taken == 1


def test_another_brands_running_promotions_and_codes_stay_out(server: Client) -> None:
    cake = BrandFactory(slug="cake")
    PromotionFactory(brand=cake, percent="50")
    PromotionFactory(brand=cake, text="CAKE", trigger="code", percent="50")
    theirs = cart(lines=[line(brand="cake")], codes=["CAKE"])

    answer = simulated(server, include_live=True, cart=theirs)

    assert (answer["discount_total"], answer["explain"]) == ("0.00", [])
    assert answer["rejected"][0]["reason"]["code"] == "code_not_found"


# --- it stores and takes nothing, and costs little -------------------------------------------------------------------
def test_nothing_is_stored_or_taken(server: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, limit_total=5, budget=10_000)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        simulated(server, draft(limits={"total": 1}), include_live=True, cart=cart(customer_id="never-seen"))

    assert not [each["sql"] for each in queries if each["sql"].split()[0] in {"INSERT", "DELETE"}]
    assert not Redemption.objects.exists()
    assert not PromotionRedemption.objects.exists()
    assert Promotion.objects.count() == 1


@pytest.mark.parametrize("number", [1, 300])
def test_the_number_of_queries_does_not_depend_on_the_number_of_drafts(server: Client, number: int) -> None:
    coded = [draft(f"c{n}", trigger="code", code=f"CODE-{n}") for n in range(number)]
    with CaptureQueriesContext(connection) as queries:
        simulated(server, *(draft(str(n), offer=percent(1)) for n in range(number)), *coded)

    selects = [each["sql"] for each in queries if "promotions_" in each["sql"]]
    assert len(selects) == 1, selects  # the brand's pricing profile


def test_beside_what_runs_it_asks_twice_more(server: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, text="SPRING", trigger="code")
    with CaptureQueriesContext(connection) as queries:
        simulated(server, include_live=True, cart=cart(codes=["SPRING"]))

    assert len([each for each in queries if "promotions_" in each["sql"]]) == 4  # profile, code, automatic, coded


# --- who may ---------------------------------------------------------------------------------------------------------
def test_staff_may_simulate_even_who_only_read(shopper_client: Callable[[Any], Client], billo: Brand) -> None:
    viewer = MembershipFactory(brand=billo, role=Role.VIEWER).user

    assert simulated(shopper_client(viewer), draft())["discount_total"] == "12.00"


def test_staff_of_several_brands_say_which(shopper_client: Callable[[Any], Client], billo: Brand) -> None:
    user = MembershipFactory(brand=billo).user
    MembershipFactory(user=user, brand=BrandFactory(slug="cake"))

    unsaid = post(shopper_client(user), SIMULATE, body(draft()))

    assert (refused(unsaid), fields(unsaid)) == ((400, "invalid"), ["brand"])
    assert simulated(shopper_client(user), draft(), brand="cake")["discount_total"] == "12.00"


def test_a_shopper_or_another_brands_name_is_refused(shopper: Client, server: Client) -> None:
    BrandFactory(slug="cake")

    assert refused(post(shopper, SIMULATE, body(draft()))) == (403, "permission_denied")
    assert refused(post(server, SIMULATE, body(draft(), brand="cake"))) == (403, "permission_denied")
    assert refused(post(Client(), SIMULATE, body(draft()))) == (401, "not_authenticated")


# --- what is refused -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changes", "faults"),
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
        ({"promotions": [draft(limits={"total": 0})]}, ["promotions.0.limits.total"]),
        ({"promotions": [draft(budget="1.001")]}, ["promotions.0.budget"]),
        ({"promotions": [draft(budget="0.00")]}, ["promotions.0.budget"]),
        ({"promotions": [draft(budget=5)]}, ["promotions.0.budget"]),
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
def test_each_fault_is_named_where_it_stands(changes: dict[str, Any], faults: list[str], server: Client) -> None:
    response = post(server, SIMULATE, body(draft(), **changes))

    assert (refused(response), fields(response)) == ((400, "invalid"), faults)


def test_every_fault_of_every_offer_is_named_at_once(server: Client) -> None:
    wrong = {"benefits": [{"kind": "percent", "value": 101, "on": "order"}], "lane": 10}
    drafts = [draft(str(n)) for n in range(3)] + [draft("bad", offer=wrong), draft("worse", offer={})]

    response = post(server, SIMULATE, body(*drafts, profile={"remainder": "mine"}))

    assert refused(response) == (400, "invalid")
    assert {"promotions.3.offer.benefits.0.value", "promotions.3.offer.lane", "promotions.4.offer.benefits",
            "profile.remainder"} <= set(fields(response))  # fmt: skip


@pytest.mark.parametrize("sent", [[], "cart", 7, None])
def test_a_body_that_is_no_object_is_refused(sent: Any, server: Client) -> None:
    response = server.post(SIMULATE, data=sent if sent is not None else "null", content_type="application/json")

    assert refused(response) == (400, "invalid")


# --- one pricing -----------------------------------------------------------------------------------------------------
def test_a_simulation_of_what_runs_costs_what_a_quote_says(server: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, percent="20", extra={"group": "g"})
    PromotionFactory(brand=billo, percent="5", extra={"group": "g"}, priority=3)
    PromotionFactory(brand=billo, percent="7", text="SEVEN", trigger="code")
    asked = cart(codes=["SEVEN"], customer_id="c9", shipping="4.99")

    quote = post(server, QUOTE, asked).json()
    answer = simulated(server, cart=asked, include_live=True)

    assert {name: value for name, value in answer.items() if name != "explain"} == quote
    assert quote["discount_total"] != "0.00"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(basket=strategies.carts(), documents=st.lists(strategies.documents(), max_size=4), profile=strategies.PROFILES)
def test_drafts_cost_what_the_engine_says_of_the_same_promotions(
    basket: Any, documents: list[dict[str, Any]], profile: Any, billo: Brand
) -> None:
    drafts = [DraftPromotion(id=f"d{n}", title="", offer=parse_offer(each)) for n, each in enumerate(documents)]
    trial, request = SimulationOptions(drafts, profile=profile), QuoteRequest(basket, ())

    found = services.simulate(request=request, trial=trial, brand=billo, shopper=None, at=AT).quote

    assert found.decision == price(
        basket, rules.to_engine_offers(found.candidates), found.facts, profile, AT, explain=True
    )
    assert [row["id"] for row in rules.serialize_explanations(found)] == [each.id for each in drafts]


def test_large_simulations_have_a_limit_of_their_own(
    server: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.THROTTLES = settings.THROTTLES | {"simulate_large": "2/minute"}
    monkeypatch.setattr("checkout.api.simulate.LARGE", 3)  # the cart has two lines
    small, large = body(draft()), body(draft("a"), draft("b"))

    answers = [post(server, SIMULATE, large) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert refused(answers[2]) == (429, "throttled")
    assert int(answers[2]["Retry-After"]) <= 60
    assert post(server, SIMULATE, small).status_code == 200


def test_drafts_whose_codes_were_not_sent_are_explained_in_one_pricing(
    server: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    priced = quotes.price_cart
    calls: list[int] = []

    def counted(request: Any, candidates: Any, *args: Any, **more: Any) -> Any:
        calls.append(len(candidates))
        return priced(request, candidates, *args, **more)

    monkeypatch.setattr("checkout.services.simulation.priced", counted)
    asleep = [
        draft(
            f"d{n}",
            trigger="code",
            code=f"CODE{n}",
            offer=percent(conditions=[{"kind": "min_subtotal", "value": "100"}]),
        )
        for n in range(30)
    ]

    explained = simulated(server, *asleep)["explain"]

    assert calls == [0, 30]
    assert {row["outcome"] for row in explained} == {"code_not_sent"}
    assert all(row["conditions"][0]["held"] for row in explained)
