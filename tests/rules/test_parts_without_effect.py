"""A part of an offer that can't be honored where it stands is refused when it is written; the others have effect."""

from itertools import cycle
from typing import Any

import pytest

from tests.rules.api import KINDS, Shop, line, percent

pytestmark = pytest.mark.django_db
SHIPPING = {"kind": "percent", "value": "100", "on": "shipping"}
ON_ORDER = {"kind": "percent", "value": "10"}
WITHOUT_EFFECT: list[tuple[dict[str, Any], str]] = [
    (SHIPPING | {"select": {"skus": ["A"]}}, "benefits.0.select.skus"),
    (SHIPPING | {"select": {"categories": ["A"]}}, "benefits.0.select.categories"),
    (SHIPPING | {"pick": "cheapest", "max_units": 1}, "benefits.0.max_units"),
    (SHIPPING | {"only_complete_groups_of": 2}, "benefits.0.only_complete_groups_of"),
    (SHIPPING | {"split": "quantity"}, "benefits.0.split"),
    (ON_ORDER | {"methods": "cheapest"}, "benefits.0.methods"),
    (ON_ORDER | {"select": {"shipping_ids": ["post"]}}, "benefits.0.select.shipping_ids"),
    (ON_ORDER | {"keep_balance": True}, "benefits.0.keep_balance"),
    (ON_ORDER | {"bundle_size": 2}, "benefits.0.bundle_size"),
    ({"kind": "gift", "sku": "tea", "max_discount": "1.00"}, "benefits.0.max_discount"),
    ({"kind": "gift", "sku": "tea", "max_units": 2}, "benefits.0.max_units"),
]


def errors_of(problem: Any, prefix: str) -> list[str]:
    return [error["field"].removeprefix(prefix) for error in problem["errors"]]


@pytest.mark.parametrize(("benefit", "path"), WITHOUT_EFFECT, ids=[path for _, path in WITHOUT_EFFECT])
def test_a_draft_with_a_part_without_effect_is_refused(benefit: dict[str, Any], path: str, shop: Shop) -> None:
    draft = {"id": "a", "trigger": "automatic", "offer": {"benefits": [benefit]}}
    body = {"cart": {"currency": "EUR", "lines": [line()], "shipping": "9.00"}, "promotions": [draft]}

    problem = shop.send("post", "promotions/simulate/", body, expect=400)

    assert path in errors_of(problem, "promotions.0.offer.")


@pytest.mark.parametrize(
    ("kind", "benefit", "path"), [(kind, *case) for kind, case in zip(cycle(KINDS), WITHOUT_EFFECT, strict=False)]
)
def test_every_kind_refuses_a_part_without_effect(kind: str, benefit: dict[str, Any], path: str, shop: Shop) -> None:
    problem = shop.create_answer(kind, {"benefits": [ON_ORDER, benefit]}, expect=400)

    prefix = "rule.offer." if kind == "discount_code" else "offer."
    assert path.replace(".0.", ".1.") in errors_of(problem, prefix)


def test_a_change_with_a_part_without_effect_is_refused(shop: Shop) -> None:
    offer = shop.create(start_date="2098-01-01")

    problem = shop.send("patch", offer.path, {"offer": {"benefits": [SHIPPING | {"max_units": 1}]}}, expect=400)

    assert errors_of(problem, "offer.") == ["benefits.0.max_units"]
    assert shop.get(offer.path)["offer"]["benefits"][0]["value"] == "10"


WITH_EFFECT: list[tuple[dict[str, Any], str]] = [
    (SHIPPING, "9.00"),
    (SHIPPING | {"methods": "cheapest"}, "0.00"),  # the order pays for the other method
    (SHIPPING | {"methods": "credit_cheapest"}, "5.00"),
    (SHIPPING | {"select": {"shipping_ids": ["b"]}}, "9.00"),
    (SHIPPING | {"select": {"shipping_ids": ["a"]}}, "0.00"),
    (SHIPPING | {"max_discount": "2.00"}, "2.00"),
    ({"kind": "percent", "value": "50", "on": "unit", "max_units": 1}, "5.00"),
    ({"kind": "percent", "value": "50", "on": "unit", "max_units": 1, "pick": "dearest"}, "10.00"),
    ({"kind": "percent", "value": "50", "only_complete_groups_of": 3}, "15.00"),
    ({"kind": "percent", "value": "50", "select": {"skus": ["sku-2"]}}, "10.00"),
]


@pytest.mark.parametrize(
    ("kind", "benefit", "discount"), [(kind, *case) for kind, case in zip(cycle(KINDS), WITH_EFFECT, strict=False)]
)
def test_a_part_that_is_taken_has_its_effect(kind: str, benefit: dict[str, Any], discount: str, shop: Shop) -> None:
    offer = shop.create(kind, {"benefits": [benefit]})
    methods = [{"id": "a", "price": "5.00"}, {"id": "b", "price": "9.00"}]

    quote = shop.quote(offer, lines=[line(1, "10.00", 3), line(2, "20.00")], shipping=methods, shipping_method="b")

    assert quote["discount_total"] == discount


@pytest.mark.parametrize(
    ("offer", "path"),
    [
        (
            percent() | {"conditions": [{"kind": "min_subtotal", "value": "5.00", "quantity": 2}]},
            "conditions.0.quantity",
        ),
        (
            percent() | {"conditions": [{"kind": "none_of", "select": {"shipping_ids": ["post"]}}]},
            "conditions.0.select.shipping_ids",
        ),
        (
            percent() | {"conditions": [{"kind": "any_of", "conditions": [
                {"kind": "country", "any": ["ES"]}, {"kind": "weekdays", "any": ["mon"], "from": "10:00"},
            ]}]},
            "conditions.0.conditions.1.from",
        ),
    ],
)  # fmt: skip
def test_a_part_of_a_condition_without_effect_is_refused(offer: dict[str, Any], path: str, shop: Shop) -> None:
    problem = shop.create_answer("promotion", offer, expect=400)

    assert errors_of(problem, "offer.") == [path]


@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_of_units_is_refused_where_there_are_no_units(kind: str, shop: Shop) -> None:
    two = {"benefits": [SHIPPING, {"kind": "amount", "value": "1.00", "on": "shipping"}]}

    assert errors_of(shop.create_answer(kind, two, limits={"units": 5}, expect=400), "") == ["limits.units"]
    offer = shop.create(kind, two)
    assert errors_of(shop.change(offer, limits={"units": 5}, expect=400), "") == ["limits.units"]
    assert shop.get(offer.path)["limits"]["units"] is None
    assert shop.change(offer, limits={"per_day": 5})["limits"]["per_day"] == 5


def test_a_draft_with_a_limit_of_units_is_refused_where_there_are_no_units(shop: Shop) -> None:
    draft = {"id": "a", "trigger": "automatic", "offer": {"benefits": [SHIPPING]}, "limits": {"units": 1}}
    body = {"cart": {"currency": "EUR", "lines": [line()], "shipping": "9.00"}, "promotions": [percent_draft(), draft]}

    problem = shop.send("post", "promotions/simulate/", body, expect=400)

    assert errors_of(problem, "") == ["promotions.1.limits.units"]
    draft["offer"] = {"benefits": [SHIPPING, {"kind": "gift", "sku": "tea"}]}
    assert shop.send("post", "promotions/simulate/", body)["gifts"] == [{"sku": "tea", "quantity": 1, "price": "0.00"}]


def percent_draft() -> dict[str, Any]:
    """Return a draft of ten percent with a limit of units."""
    return {"id": "b", "trigger": "automatic", "offer": {"benefits": [ON_ORDER]}, "limits": {"units": 1}}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("benefit", [ON_ORDER, {"kind": "gift", "sku": "tea"}, ON_ORDER | {"on": "unit"}])
def test_a_limit_of_units_is_taken_where_some_benefit_has_units(kind: str, benefit: dict[str, Any], shop: Shop) -> None:
    offer = shop.create(kind, {"benefits": [SHIPPING, benefit]}, limits={"units": 5})

    assert shop.change(offer, limits={"units": 1})["limits"]["units"] == 1
