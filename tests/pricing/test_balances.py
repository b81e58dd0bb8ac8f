"""Benefits whose codes keep a balance: they take what is left of it, split exactly as an amount of that size."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing import EligibleOffer, OfferInvalid, Profile, ShopperFacts, parse_offer, price
from tests.pricing.builders import NOON, amount, percent
from tests.pricing.strategies import carts

EUR_JPY = {"EUR": "5.00", "JPY": "500"}


@given(carts(), st.integers(0, 20_000), st.sampled_from(["1", "15", "120"]), st.sampled_from(["value", "quantity"]))
def test_a_balance_is_priced_like_an_amount_of_what_is_left(bag, left, value, split):
    kept = parse_offer({"benefits": [amount(value, keep_balance=True, split=split)]})
    benefit = kept.stored_value
    assert benefit is not None
    candidate = EligibleOffer("a", "promotion", "a", kept, brand="billo", code="CODE", balance_left=left)
    taken = price(bag, [candidate], ShopperFacts(), Profile(), NOON)
    full = int(value) * 10**bag.exponent
    assert taken.discount_total <= min(left, full)
    if min(left, full):
        text = f"{min(left, full)}e-{bag.exponent}"
        plain = replace(benefit, value=Decimal(text), keep_balance=False)
        same = replace(candidate, offer=replace(kept, benefits=(plain,)), balance_left=None)
        expected = price(bag, [same], ShopperFacts(), Profile(), NOON)
        assert (taken.lines, taken.total) == (expected.lines, expected.total)


@pytest.mark.parametrize(
    ("benefits", "path"),
    [
        ([amount("5", keep_balance=True), percent(10)], "benefits.0.keep_balance"),
        ([percent(10), amount("5", keep_balance=True)], "benefits.1.keep_balance"),
        ([amount(EUR_JPY, keep_balance=True)], "benefits.0.keep_balance"),
    ],
)
def test_a_balance_needs_a_single_benefit_with_one_currency(benefits, path):
    with pytest.raises(OfferInvalid) as caught:
        parse_offer({"benefits": benefits})

    assert [(name, code) for name, code, _ in caught.value.errors] == [(path, "invalid")]
