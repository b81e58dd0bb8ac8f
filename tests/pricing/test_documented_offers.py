"""Every member of the offer language, and every value of its choices, is in an example of ``docs/offers.md``."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from pricing import Cart, parse_offer
from pricing.condition_schema import CONDITIONS, SELECT
from pricing.fields import Choice, ListOf
from pricing.records import Key, Record
from pricing.schema import BENEFITS, GIFT_NARROWING, NARROWING, OFFER
from tests.contracts.tree import ROOT
from tests.pricing.builders import cart, line, off, offer, percent, quote

PAGE = (ROOT / "docs/offers.md").read_text()
EXAMPLES: list[dict[str, Any]] = [
    json.loads(text) for text in re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
]
NARROWING_KEYS = {key.name for record in (NARROWING, GIFT_NARROWING) for key in record.keys}
SHARED_KEYS = {"on", "each", "methods", "basis", "currency"}
"""Keys that mean the same in every kind that has them."""

Member = tuple[str, str, Any]
"""The kind or the record, the key, and a value of a choice; None for the key itself."""


def iter_members() -> Iterator[Member]:
    """Yield the members of the language, from the tables that the parser uses. Choices are the same in every kind."""
    yield from iter_keys("offer", [key for key in OFFER.keys if key.name not in ("conditions", "benefits")])
    for kind, record in {**CONDITIONS, **BENEFITS}.items():
        yield kind, "kind", None
        yield from iter_keys(kind, record.keys)
    for record in (NARROWING, GIFT_NARROWING):
        yield from iter_keys("", record.keys)
    yield from iter_keys("select", SELECT.keys)


def iter_keys(owner: str, keys: Iterable[Key]) -> Iterator[Member]:
    for key in keys:
        if key.name == "select":
            continue
        yield owner_of(owner, key.name), key.name, None
        inner: Any = key.kind.item if isinstance(key.kind, ListOf) else key.kind
        if isinstance(inner, Choice):
            yield from (("", key.name, option) for option in inner.options)
        elif isinstance(inner, Record):
            yield from iter_keys(f"{owner}.{key.name}", inner.keys)


def owner_of(owner: str, name: str) -> str:
    return "" if name in SHARED_KEYS else owner


def iter_documented(value: Any, owner: str) -> Iterator[Member]:
    """Yield the members that a part of an example has."""
    if isinstance(value, list):
        for part in value:
            yield from iter_documented(part, owner)
    elif isinstance(value, dict):
        owner = str(value.get("kind", owner))
        for name, part in value.items():
            is_narrowing = "kind" in value and name in NARROWING_KEYS
            yield "" if is_narrowing else owner_of(owner, name), name, None
            if name == "kind":
                yield owner, name, None
            elif isinstance(part, str):
                yield "", name, part
            yield from iter_documented(part, "select" if name == "select" else f"{owner}.{name}")


def test_every_member_of_the_language_is_in_an_example() -> None:
    members = set(iter_members())

    documented = {member for example in EXAMPLES for member in iter_documented(example, "offer")}

    assert len(members) > 100
    assert sorted(map(str, members - documented)) == []


# --- prices -----------------------------------------------------------------------------------------------------------
BOXES = cart(*(line(name, "5.00", quantity, categories=["wine"]) for name, quantity in (("red", 7), ("white", 6))))
CARRIERS = {"post": "4.00", "post-express": "9.00", "courier": "6.00"}
SHOES = [line("a", "50.00", 2, categories=["shoes"]), line("b", "50.00", categories=["shoes"])]
PAID = {"payment_method": "card", "shipping_method": "collect", "store": "madrid-1", "transaction_type": "purchase"}
PRICED: dict[str, list[tuple[Cart, dict[str, str]]]] = {
    "Five euros off from thirty": [
        (cart(*(line(name, "10.00") for name in "abc")), {"a": "1.67", "b": "1.67", "c": "1.66"}),
        (cart(line("a", "29.99")), {}),
    ],
    "Free shipping by the cheapest method": [
        (cart(line("a", "9.00"), shipping={"a": "5.00", "b": "9.00"}), {"a": "5.00", "b": "5.00"})
    ],
    "A goodwill code": [(cart(line("a", "10.00")), {"a": "10.00"})],
    "An amount is in the currency": [
        (cart(line("a", price, currency=currency), currency=currency), discounts)
        for price, currency, discounts in (
            ("50.00", "EUR", {"a": "10.00"}), ("45.00", "GBP", {"a": "9.00"}), ("99.00", "USD", {}),
        )
    ],
    "Three for two": [
        (cart(*(line(price, price, categories=["socks"]) for price in ("8.00", "6.00", "5.00"))), {"5.00": "5.00"})
    ],
    "Two chairs, and the next cushion": [
        (cart(line("chair", "40.00", 4), line("cushion", "15.00", 3)), {"cushion": "10.00"})
    ],
    "Any three shirts": [(cart(line("shirt", "20.00", 4, categories=["shirts"])), {"shirt": "10.00"})],
    "The second item at half": [
        (cart(*(line(price, price, categories=["mugs"]) for price in ("12.00", "8.00"))), {"8.00": "4.00"})
    ],
    "5% off from fifty": [
        (cart(line("a", price)), discounts)
        for price, discounts in (("49.99", {}), ("50.00", {"a": "2.50"}), ("100.00", {"a": "10.00"}))
    ],
    "A loyalty bonus that an exclusive": [(cart(line("a", "100.00")), {"a": "25.00"})],
    "Two euros off each unit, for": [(cart(line("mug", "8.00", 2), line("plate", "12.00", 2)), {"plate": "4.00"})],
    "Ten euros off each line": [
        (
            cart(line("a", "40.00", 2, categories=["chairs"]), line("b", "50.00", categories=["chairs"])),
            {"a": "10.00", "b": "10.00"},
        )
    ],
    "Half off the cheapest line": [(cart(line("bag", "30.00"), line("scarf", "8.00", 2)), {"scarf": "8.00"})],
    "The whole order for twenty": [
        (cart(line("cup", "5.00", 3), line("pot", "15.00")), {"cup": "7.50", "pot": "2.50"})
    ],
    "10% off wine": [(BOXES, {"red": "3.00", "white": "3.00"})],
    "Two euros off every method": [
        (cart(line("mug", "8.00"), shipping=CARRIERS), {"post": "2.00", "post-express": "2.00"})
    ],
    "Only the cheapest method": [(cart(line("mug", "8.00"), shipping={"a": "5.00", "b": "9.00"}), {"a": "5.00"})],
    "Two cases for five": [
        (cart(line("phone-1", "300.00"), line("case", "12.00", 2)), {"case": "14.00"}),
        (cart(line("phone-1", "300.00"), line("case", "12.00")), {}),
    ],
    "Four shirts for fifty": [(cart(line("shirt", "20.00", 9, categories=["shirts"])), {"shirt": "60.00"})],
    "20% off every pair": [
        (cart(line("a", "10.00"), line("b", "8.00"), line("c", "6.00")), {"b": "1.60", "c": "1.20"})
    ],
    "Three euros off every pair": [(cart(line("sock", "5.00", 4)), {"sock": "6.00"})],
    "Every three notebooks": [(cart(line("notebook", "5.00", 4)), {"notebook": "3.00"})],
    "For every three books": [(cart(line("book", "20.00", 6)), {"book": "10.00"})],
    "The second cheapest of every three": [
        (cart(line("a", "9.00"), line("b", "8.00"), line("c", "7.00")), {"b": "7.00"})
    ],
    "One euro off in any case": [
        (cart(line("mug", "8.00", units)), {"mug": discount})
        for units, discount in ((2, "1.00"), (3, "5.00"), (6, "12.00"))
    ],
    "10% off each line": [(cart(line("a", "120.00"), line("b", "50.00")), {"a": "12.00"})],
    "Half off shipping": [
        (cart(line("a", "30.00"), shipping="5.00"), {"ship": "2.50"}),
        (cart(line("a", "60.00"), shipping="5.00"), {"ship": "5.00"}),
    ],
    "Three euros off the first unit": [(cart(line("mug", "10.00", 4)), {"mug": "5.00"})],
    "Five euros off if the cart": [
        (cart(line("a", "60.00")), {"a": "5.00"}), (cart(line("a", "49.99")), {}), (cart(line("a", "200.01")), {}),
    ],
    "Nine euros off": [(cart(line("a", "99.00")), {"a": "9.00"}), (cart(line("a", "99.01")), {})],
    "10% off three shoes": [
        (cart(*SHOES, line("care-kit", "9.00")), {"a": "10.00", "b": "5.00"}), (cart(*SHOES), {}),
        (cart(*SHOES, line("care-kit", "9.00", 8)), {}),
    ],
    "10% off purchases": [
        (cart(line("a", "50.00"), shipping={"collect": "0.00"}, **PAID), {"a": "5.00"}),
        (cart(line("a", "50.00"), shipping={"collect": "0.00"}, **(PAID | {"store": "paris"})), {}),
    ],
    "A happy hour past midnight": [(cart(line("a", "50.00")), {})],  # at noon; other times are below
    "10% off in November": [
        (cart(line("a", "50.00"), attributes={"weight": weight}), discount)
        for weight, discount in ((20, {"a": "5.00"}), (19, {}))
    ],
    "A sale that replaces all others if": [(cart(line("a", "100.00")), {"a": "30.00"})],
    "A sale that replaces all others, also": [(cart(line("a", "100.00")), {"a": "20.00"})],
    "Two euros off each of three pens": [(cart(line("pen", "4.00", 6)), {"pen": "6.00"})],
    "10% off two brands": [
        (
            cart(
                line("hat", "20.00", brand="billo"), line("pin", "5.00", brand="billo"),
                line("gift-card", "50.00", brand="cake"),
            ),
            {"hat": "2.00"},
        )
    ],
}  # fmt: skip
"""Carts and their discounts, by the beginning of the sentence before the example."""
OTHERS = {
    "A sale that replaces all others if": [offer(percent(10)), offer(percent(10))],
    "A sale that replaces all others, also": [offer(percent(30))],
    "A loyalty bonus that an exclusive": [offer(percent(20), exclusive=True)],
}
EXAMPLE = re.compile(r"^([^\n]+):\n\n```json\n([^`]*?)^```\n\n\*(.*?)\*$", re.MULTILINE | re.DOTALL)
"""The sentence before an example, the offer, and the sentence with its result."""


def test_every_result_on_the_page_is_tested() -> None:
    intros = [intro for intro, _document, _result in EXAMPLE.findall(PAGE)]

    assert [intro for intro in intros if not intro.startswith(tuple(PRICED))] == []
    assert len(intros) == len(PRICED)


@pytest.mark.parametrize("intro", PRICED)
def test_an_example_gives_what_the_page_says(intro: str) -> None:
    ((document, result),) = [found[1:] for found in EXAMPLE.findall(PAGE) if found[0].startswith(intro)]

    example = parse_offer(json.loads(document))
    for bag, discounts in PRICED[intro]:
        assert off(quote(bag, example, *OTHERS.get(intro, []))) == discounts, result


@pytest.mark.parametrize(
    ("time", "discounts"),
    [("2026-11-21T01:59", {"a": "5.00"}), ("2026-11-20T01:59", {}), ("2026-11-21T22:00", {})],
    ids=["Saturday at 01:59", "Friday at 01:59", "Saturday at 22:00"],
)
def test_a_happy_hour_past_midnight_belongs_to_the_day_on_which_it_begins(time: str, discounts: dict[str, str]) -> None:
    (document,) = [found[1] for found in EXAMPLE.findall(PAGE) if found[0].startswith("A happy hour past midnight")]

    at = datetime.fromisoformat(time).replace(tzinfo=UTC)
    assert off(quote(cart(line("a", "50.00")), parse_offer(json.loads(document)), at=at)) == discounts
