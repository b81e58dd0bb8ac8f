"""The decision record: what is kept of a redemption is enough to make the same decision again, with its reasons."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Brand
from checkout import rules
from checkout.contracts import Quote, QuoteRequest
from checkout.models import Redemption
from pricing import Facts, Offer, ShopperFacts, price
from promotions.contracts import Candidate, Rejection
from promotions.models import Promotion
from tests.checkout.builders import reserved
from tests.factories import PromotionFactory
from tests.pricing import strategies

AT = datetime(2027, 3, 17, 15, 30, tzinfo=UTC)


def candidate(number: int, offer: Offer, brand: str, budget: int | None) -> Candidate:
    """A promotion in play."""
    return Candidate(
        kind="promotion", id=f"p{number}", key=f"k{number}", code=f"C{number}" if number % 2 else "", title="Sale",
        brand_id=uuid.UUID(int=number), brand=brand, timezone="Europe/Madrid", offer=offer, order=number,
        budget_left=budget,
    )  # fmt: skip


@st.composite
def quotes(draw: st.DrawFn) -> Quote:
    """A cart priced with some promotions."""
    offers = draw(st.lists(strategies.OFFERS, max_size=4))
    brands, budgets = st.sampled_from(["billo", "cake"]), st.one_of(st.none(), st.integers(0, 3000))
    found = [candidate(n, offer, draw(brands), draw(budgets)) for n, offer in enumerate(offers)]
    cart, profile = draw(strategies.carts()), draw(strategies.PROFILES)
    facts = ShopperFacts(draw(st.sampled_from([{}, {"billo": Facts(frozenset({"vip", "new"}), 1)}])))
    candidates = {it.ref: it for it in found}
    decision = price(cart, rules.to_engine_offers(candidates), facts, profile, AT, explain=True)
    unknown = [Rejection("NOPE", {"code": "code_not_found", "detail": "There is no such code."})]
    return Quote(QuoteRequest(cart, ()), decision, facts, profile, candidates, unknown, AT)


@settings(max_examples=150, deadline=None)
@given(quote=quotes())
def test_a_record_gives_the_same_decision_again(quote: Quote) -> None:
    kept = json.loads(json.dumps([rules.dump_cart(quote.request.cart), rules.dump_record(quote)]))

    cart, record = kept
    again = rules.load_record(cart, record, AT)

    assert again.request.cart == quote.request.cart
    assert (again.facts, again.profile, again.candidates) == (quote.facts, quote.profile, quote.candidates)
    assert again.decision == quote.decision
    assert rules.serialize_quote(again) == rules.serialize_quote(quote)
    assert rules.serialize_explanations(again) == rules.serialize_explanations(quote)


@pytest.mark.django_db
def test_why_is_answered_after_the_promotion_changed(server: Client, billo: Brand) -> None:
    minimum = {"conditions": [{"kind": "min_subtotal", "value": "100"}]}
    applied = PromotionFactory(brand=billo, percent="20", extra=minimum)
    pk = reserved(server, codes=[], customer_id="c1")["id"]

    Promotion.objects.filter(pk=applied.pk).update(offer={"benefits": []}, name="Changed", status="ended")
    kept = Redemption.objects.get(pk=pk)
    told: list[dict[str, Any]] = rules.serialize_explanations(
        rules.load_record(kept.cart, kept.record, kept.created_at)
    )

    assert [(row["title"], row["outcome"], row["amount"]) for row in told] == [("20 % off", "applied", "24.00")]
    assert told[0]["conditions"] == [{"kind": "min_subtotal", "needed": "100.00", "saw": "120.00", "held": True}]


@pytest.mark.django_db
def test_a_record_is_compact(server: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo)
    kept = Redemption.objects.get(pk=reserved(server, codes=[], customer_id="c1")["id"])

    assert kept.record["version"] == rules.RECORD_VERSION
    assert len(json.dumps(kept.record)) < 1_200
