"""Price records: the stored input of the engine repeats the decision about a redemption, with explanations."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Brand
from checkout import price_records, rules, selectors, serialization
from checkout.contracts import Quote, QuoteRequest
from checkout.errors import PriceRecordUnreadable
from checkout.models import Redemption
from pricing import Facts, Offer, ShopperFacts
from promotions.models import Promotion
from redemptions.contracts import Candidate, Rejection
from tests.checkout.builders import REDEMPTIONS, reserve_order
from tests.factories import MembershipFactory, PromotionFactory
from tests.pricing import strategies

AT = datetime(2027, 3, 17, 15, 30, tzinfo=UTC)


def candidate(number: int, offer: Offer, brand: str, budget: int | None) -> Candidate:
    """Return the candidate of a promotion."""
    return Candidate(
        kind="promotion", id=f"p{number}", key=f"k{number}", code=f"C{number}" if number % 2 else "", title="Sale",
        brand_id=uuid.UUID(int=number), brand=brand, timezone="Europe/Madrid", offer=offer, order=number,
        budgets_left={} if budget is None else {"EUR": budget, "JPY": budget},
        currency="EUR" if number % 3 else None,
    )  # fmt: skip


@st.composite
def quotes(draw: st.DrawFn) -> Quote:
    """Return a cart priced with some promotions."""
    offers = draw(st.lists(strategies.OFFERS, max_size=4))
    brands, budgets = st.sampled_from(["billo", "cake"]), st.one_of(st.none(), st.integers(0, 3000))
    candidates = [candidate(n, offer, draw(brands), draw(budgets)) for n, offer in enumerate(offers)]
    cart, profile = draw(strategies.carts()), draw(strategies.PROFILES)
    facts = ShopperFacts(draw(st.sampled_from([{}, {"billo": Facts(frozenset({"vip", "new"}), 1)}])))
    rejections = [Rejection("NOPE", {"code": "code_not_found", "detail": "Code not found."})]
    return rules.price_cart(
        QuoteRequest(cart, ()), {candidate.ref: candidate for candidate in candidates}, rejections,
        facts=facts, profile=profile, at=AT, explain=True,
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(quote=quotes())
def test_a_record_yields_the_same_decision(quote: Quote) -> None:
    stored = [price_records.dump_cart(quote.request.cart), price_records.dump_record(quote)]
    cart, record = json.loads(json.dumps(stored))

    repeated = rules.repeat_decision(price_records.load_record(cart, record), AT)

    assert repeated.request.cart == quote.request.cart
    assert (repeated.facts, repeated.profile, repeated.candidates) == (quote.facts, quote.profile, quote.candidates)
    assert repeated.decision == quote.decision
    assert serialization.serialize_quote(repeated) == serialization.serialize_quote(quote)
    assert serialization.serialize_explanations(repeated) == serialization.serialize_explanations(quote)


@pytest.mark.django_db
def test_a_price_is_explained_after_its_promotion_changed(server: Client, billo: Brand) -> None:
    minimum = {"conditions": [{"kind": "min_subtotal", "value": "100"}]}
    promotion = PromotionFactory(brand=billo, percent="20", extra=minimum)
    pk = reserve_order(server, codes=[], customer_id="c1")["id"]

    Promotion.objects.filter(pk=promotion.pk).update(offer={"benefits": []}, name="Changed", decision="ended")
    explanations = serialization.serialize_explanations(selectors.get_decision(Redemption.objects.get(pk=pk)))

    assert [(row["name"], row["outcome"], row["amount"]) for row in explanations] == [("20% off", "applied", "24.00")]
    assert explanations[0]["conditions"] == [
        {"kind": "min_subtotal", "required": "100.00", "actual": "120.00", "passed": True}
    ]


@pytest.mark.django_db
def test_a_record_is_compact(server: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo)
    redemption = Redemption.objects.get(pk=reserve_order(server, codes=[], customer_id="c1")["id"])

    assert redemption.record["version"] == price_records.RECORD_VERSION
    assert len(json.dumps(redemption.record)) < 1_200


# --- the previous version --------------------------------------------------------------------------------------------
def downgrade(redemption: Redemption) -> None:
    """Store the quote and the price record of a redemption as the previous release wrote them."""

    def with_title(offer: dict[str, Any]) -> dict[str, Any]:
        return {"title" if member == "name" else member: value for member, value in offer.items()}

    def with_old_code(rejected: dict[str, Any]) -> dict[str, Any]:
        old_code = {"code_not_found": "code_unknown"}.get(rejected["reason"]["code"], rejected["reason"]["code"])
        return rejected | {"reason": rejected["reason"] | {"code": old_code}}

    for document, lists in ((redemption.quote, ("applied", "next_best")), (redemption.record, ("offers",))):
        document |= {name: [with_title(offer) for offer in document[name]] for name in lists}
        document["rejected"] = [with_old_code(rejected) for rejected in document["rejected"]]
    redemption.record["version"] = 1
    redemption.save()


@pytest.fixture
def previous(server: Client, billo: Brand) -> Redemption:
    """A redemption as the previous release stored it: with an applied offer, a near miss and an unknown code."""
    PromotionFactory(brand=billo, name="Sale", percent="20")
    PromotionFactory(brand=billo, name="Far", extra={"conditions": [{"kind": "min_subtotal", "value": "130"}]})
    body = reserve_order(server, codes=["NOPE"], on_reject="skip", customer_id="c1")
    redemption = Redemption.objects.get(pk=body["id"])
    downgrade(redemption)
    return redemption


@pytest.mark.django_db
def test_a_quote_of_the_previous_version_is_answered_in_the_present_form(server: Client, previous: Redemption) -> None:
    quote = server.get(f"{REDEMPTIONS}{previous.pk}/").json()["quote"]

    assert [offer["title"] for offer in previous.quote["applied"]] == ["Sale"]
    assert [(offer["name"], "title" in offer) for offer in quote["applied"]] == [("Sale", False)]
    assert [(offer["name"], "title" in offer) for offer in quote["next_best"]] == [("Far", False)]
    assert [(rejected["code"], rejected["reason"]["code"]) for rejected in quote["rejected"]] == [
        ("NOPE", "code_not_found")
    ]


@pytest.mark.django_db
def test_a_record_of_the_previous_version_yields_the_same_decision(previous: Redemption) -> None:
    decision = selectors.get_decision(previous)

    assert decision.decision.total == previous.total
    assert serialization.serialize_quote(decision) == price_records.load_quote(previous.quote, previous.record)
    assert [(row["name"], row["outcome"]) for row in serialization.serialize_explanations(decision)] == [
        ("Sale", "applied"), ("Far", "minimum_not_met"),
    ]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("version", [0, 3, "2"])
def test_a_record_of_an_unknown_version_is_unreadable(server: Client, version: object) -> None:
    redemption = Redemption.objects.get(pk=reserve_order(server, codes=[], customer_id="c1")["id"])
    redemption.record["version"] = version

    with pytest.raises(PriceRecordUnreadable):
        selectors.get_decision(redemption)


@pytest.mark.django_db
def test_pages_show_a_redemption_of_the_previous_version(previous: Redemption, billo: Brand) -> None:
    client = Client()
    client.force_login(MembershipFactory(brand=billo).user)

    pages = [
        client.get(f"/admin/checkout/redemption/{previous.pk}/{name}/").content.decode() for name in ("change", "why")
    ]

    assert all("Sale" in page and "€24.00" in page for page in pages)
    assert "Code not found" in pages[0]
    assert "Minimum not met" in pages[1]
