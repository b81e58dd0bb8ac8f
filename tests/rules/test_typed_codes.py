"""A code is found however people type what was printed: case, spaces, hyphens and underscores carry nothing."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.redemptions.events import wait_for_horizon
from tests.rules.api import CODED, ORDERS, Shop

pytestmark = pytest.mark.django_db
Spelling = Callable[[str], str]
SPELLINGS: dict[str, Spelling] = {
    "printed": str,
    "lower": str.lower,
    "no hyphens": lambda code: code.replace("-", ""),
    "lower, no hyphens": lambda code: code.replace("-", "").lower(),
    "spaces": lambda code: f" {code.replace('-', ' ')} ",
    "underscores": lambda code: code.replace("-", "_").title(),
    "groups of its own": lambda code: "-".join(code.replace("-", "")[start : start + 3] for start in range(0, 13, 3)),
    "doubled": lambda code: code.replace("-", "--").lower(),
}
spellings = pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)


@spellings
@pytest.mark.parametrize("kind", CODED)
def test_a_generated_code_is_found_in_every_spelling(kind: str, spelling: Spelling, shop: Shop) -> None:
    (code,) = shop.generate(shop.create(kind))

    quote = shop.quote(codes=[spelling(code)])

    assert [(applied["amount"], applied["code"]) for applied in quote["applied"]] == [("5.00", code)]
    assert quote["rejected"] == []


@spellings
def test_every_endpoint_that_takes_a_code_finds_every_spelling(spelling: Spelling, shop: Shop) -> None:
    (code,) = shop.generate(shop.create("discount_code"))
    typed = spelling(code)
    shop.reserve(codes=[typed], order="o1")

    assert shop.get(f"codes/{typed.strip()}/")["code"] == code
    assert [order["order"] for order in shop.get(ORDERS, code=typed)["results"]] == ["o1"]
    assert [use["order"] for use in shop.get("redemptions/", code=typed)["results"]] == ["o1"]
    assert shop.reserve(codes=[typed], order="o2", expect=409)["code"] == "code_already_used"


@pytest.mark.django_db(transaction=True)  # events are read after their commit
def test_events_of_a_code_are_found_in_every_spelling(shop: Shop, create_shop: Callable[..., Shop]) -> None:
    (code,) = shop.generate(shop.create("coupon"))
    other = create_shop()
    other.create("promotion", text=code)
    shop.reserve(codes=[code])
    other.reserve(codes=[code])
    wait_for_horizon()

    for spelling in SPELLINGS.values():
        found = shop.get("events/", code=spelling(code))["results"]
        assert [(event["type"], event["brand"], event["code"]) for event in found] == [
            ("redemption.reserved", "billo", code)
        ]
    assert shop.get("events/", code=code[:-1])["results"] == []


@pytest.mark.parametrize("spelling", [str.lower, SPELLINGS["no hyphens"], SPELLINGS["groups of its own"]])
@pytest.mark.parametrize("kind", CODED)
def test_a_generic_code_is_one_code_in_every_spelling(kind: str, spelling: Spelling, shop: Shop) -> None:
    offer = shop.create(kind, text="Summer-Sale-20")

    assert shop.discount(codes=[spelling("Summer-Sale-20")]) == "5.00"
    bodies: dict[str, dict[str, Any]] = {
        "promotion": {"code": spelling("SUMMER-SALE-20")},
        "discount_code": {"id": spelling("SUMMER-SALE-20")},
        "coupon": {"codes": {"shared": spelling("SUMMER-SALE-20")}},
    }
    assert shop.create_answer(kind, expect=409, **bodies[kind])["code"] == "code_taken"
    assert shop.get(f"{offer.path.split('/')[0]}/", code=spelling("summer-sale-20"))["results"] != []


def test_several_spellings_of_one_code_are_one_code(shop: Shop) -> None:
    (code,) = shop.generate(shop.create("promotion"))

    quote = shop.quote(codes=[code, code.lower(), code.replace("-", "")])

    assert (quote["discount_total"], quote["rejected"]) == ("5.00", [])


def test_the_digest_of_a_code_is_that_of_its_canonical_text(shop: Shop) -> None:
    shop.create("discount_code", text="Summer-Sale_20")
    digest = hashlib.sha256(b"SUMMERSALE20").hexdigest()

    assert shop.get(f"discountcode/{digest}/")["id"] == shop.get("discountcode/summersale20/")["id"]
    assert shop.get(f"codes/{digest}/")["kind"] == "discount_code"


@pytest.mark.parametrize("typed", ["SUMMER SALE 2O", "SUMMER.SALE.20", "SUMMERSALE2", "SUMMER–SALE–20"])  # noqa: RUF001
def test_other_characters_are_another_code(typed: str, shop: Shop) -> None:
    shop.create("promotion", text="Summer-Sale-20")

    assert shop.discount(codes=[typed]) == "0.00"
