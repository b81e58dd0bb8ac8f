"""Conditions on the channel, the store, the payment method, and on attributes of carts, lines and customers."""

from typing import Any

import pytest

from backoffice.base.descriptions import describe_offer
from pricing import EligibleOffer, OfferInvalid, dump_offer, load_offer, parse_offer
from tests.pricing.builders import cart, line, offer, percent, quote

TYPES = {"tier": "string", "weight": "number", "wrapped": "boolean", "joined": "date"}
CART: dict[str, Any] = {
    "channel": "app",
    "store": "Madrid 1",
    "attributes": {"tier": "gold", "weight": 2.5, "wrapped": True, "joined": "2026-05-01"},
    "customer_attributes": {"tier": "silver"},
}


def attribute(name: str, **keys: Any) -> dict[str, Any]:
    return {"kind": "attribute", "name": name, **keys}


def negate(condition: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "not", "condition": condition}


CASES = {
    "channel": ({"kind": "channel", "any": ["web", "app"]}, True),
    "another channel": ({"kind": "channel", "any": ["web"]}, False),
    "not another channel": (negate({"kind": "channel", "any": ["web"]}), True),
    "another spelling": ({"kind": "channel", "any": ["App"]}, False),
    "store": ({"kind": "store", "any": ["Madrid 1"]}, True),
    "no payment method": ({"kind": "payment_method", "any": ["card"]}, False),
    "without a payment method, none of some": (negate({"kind": "payment_method", "any": ["card"]}), True),
    "text": (attribute("tier", any=["silver", "gold"]), True),
    "another text": (attribute("tier", any=["silver"]), False),
    "text of the customer": (attribute("tier", of="customer", any=["silver"]), True),
    "absent": (attribute("color", any=["red"]), False),
    "absent, negated": (negate(attribute("color", any=["red"])), True),
    "of one line": (attribute("color", of="line", any=["red"]), True),
    "of no line": (attribute("color", of="line", any=["blue"]), False),
    "of a line of another brand": (attribute("color", of="line", any=["green"]), False),
    "number from": (attribute("weight", **{"from": 2.5}), True),
    "number to": (attribute("weight", to=2), False),
    "number in a range": (attribute("weight", **{"from": 1, "to": 3}), True),
    "number among some": (attribute("weight", any=[1, 2.5]), True),
    "number as text": (attribute("weight", any=["2.5"]), False),
    "true": (attribute("wrapped", any=[True]), True),
    "false": (attribute("wrapped", any=[False]), False),
    "true is not 1": (attribute("wrapped", any=[1]), False),
    "date from": (attribute("joined", **{"from": "2026-05-01"}), True),
    "date to, inclusive": (attribute("joined", to="2026-05-01"), True),
    "date after": (attribute("joined", **{"from": "2026-05-02"}), False),
    "range of another type": (attribute("tier", **{"from": 1}), False),
}


@pytest.mark.parametrize(("condition", "holds"), CASES.values(), ids=CASES.keys())
def test_an_offer_requires_members_and_attributes(condition: dict[str, Any], holds: bool) -> None:
    lines = [
        line("a", "10.00", brand="billo", attributes={"color": "red"}),
        line("b", "10.00", brand="cake", attributes={"color": "green"}),
    ]
    origin = offer(percent(10), conditions=[condition])
    decision = quote(cart(*lines, **CART), for_billo(origin), explain=True)

    assert bool(decision.applied) == holds
    (checked,) = decision.explanations[0].conditions
    assert checked.passed == holds
    if not holds:
        members = {"condition": "not" if condition["kind"] == "not" else condition["kind"]}
        assert (decision.rejected[0].code, decision.rejected[0].members) == (
            "condition_not_met",
            members | ({"attribute": condition["name"]} if condition["kind"] == "attribute" else {}),
        )


def for_billo(origin: Any) -> Any:
    return EligibleOffer("o1", "promotion", "Offer", origin, brand="billo")


INVALID = {
    "neither values nor a range": (attribute("tier"), "any", "required"),
    "both": (attribute("weight", any=[1], **{"from": 1}), "any", "invalid"),
    "not declared": (attribute("color", any=["red"]), "name", "unknown_field"),
    "text for a number": (attribute("weight", any=[1, "2"]), "any.1", "invalid"),
    "number for a boolean": (attribute("wrapped", any=[1]), "any.0", "invalid"),
    "no date": (attribute("joined", **{"from": "2026-02-30"}), "from", "invalid"),
    "range of texts": (attribute("tier", **{"from": "a"}), "from", "invalid"),
    "inverted": (attribute("weight", **{"from": 2, "to": 1}), "to", "invalid"),
    "of something else": (attribute("tier", any=["a"], of="order"), "of", "invalid_choice"),
    "name": (attribute("Tier", any=["a"]), "name", "invalid"),
    "object": (attribute("tier", any=[{}]), "any.0", "invalid"),
    "long channel": ({"kind": "channel", "any": ["x" * 65]}, "any.0", "max_length"),
    "no store": ({"kind": "store", "any": []}, "any", "min_length"),
}


@pytest.mark.parametrize(("condition", "path", "code"), INVALID.values(), ids=INVALID.keys())
def test_a_wrong_condition_is_refused_with_its_path(condition: dict[str, Any], path: str, code: str) -> None:
    with pytest.raises(OfferInvalid) as caught:
        parse_offer({"benefits": [percent(10)], "conditions": [condition]}, attributes=TYPES)

    assert [(name, error) for name, error, _ in caught.value.errors] == [(f"conditions.0.{path}", code)]


SENTENCES = {
    "when the channel is app or web": {"kind": "channel", "any": ["app", "web"]},
    "when the store is Madrid": {"kind": "store", "any": ["Madrid"]},
    "when the payment method is not card": negate({"kind": "payment_method", "any": ["card"]}),
    "when the cart's gift wrap is true": attribute("gift_wrap", any=[True]),
    "when a line's color is red": attribute("color", of="line", any=["red"]),
    "when the customer's age is at least 18": attribute("age", of="customer", **{"from": 18}),
    "when the customer's age is not from 18 to 30": negate(
        attribute("age", of="customer", **{"from": 18, "to": 30})
    ),
    "when the customer's joined is at most 1 May 2026": attribute("joined", of="customer", to="2026-05-01"),
}  # fmt: skip


@pytest.mark.parametrize(("sentence", "condition"), SENTENCES.items(), ids=SENTENCES.keys())
def test_a_sentence_names_the_condition(sentence: str, condition: dict[str, Any]) -> None:
    parsed = offer(percent(10), conditions=[condition])

    assert describe_offer(parsed, "EUR") == f"10% off the order {sentence}."
    assert load_offer(dump_offer(parsed)) == parsed
