"""Budgets and limits of every kind of offer in the API: set, read, changed, removed and refused."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Brand, User
from redemptions.uses.models import OfferLimits
from tests.factories import BrandFactory, ShopperFactory
from tests.redemptions.limited_offers import create_offer, reserve
from tests.redemptions.offers import PATHS

pytestmark = pytest.mark.django_db
KINDS = sorted(PATHS)
AMOUNTS = {"budget": "100.00", "max_per_order": {"EUR": "5.00", "GBP": "4.00"}, "max_per_customer": "20.00"}
PERIODS = {"per_day": 10, "per_week": 20, "per_month": 30, "units": 40}
TOTALS = {"discount_code": {"total": 50}, "promotion": {"total": 50, "per_customer": 2}}
NEW: dict[str, dict[str, Any]] = {
    "coupon": {"title": "Ten", "start_date": "2026-01-01", "end_date": "2099-01-01"},
    "discount_code": {"id": "TEN", "rule": {"discount": 10}, "validity": "2099-01-01"},
    "promotion": {"name": "Ten", "trigger": "automatic", "start_date": "2026-01-01", "end_date": "2099-01-01"},
    "voucher": {"name": "Ten", "slug": "ten", "start_date": "2026-01-01", "end_date": "2099-01-01"},
}
OFFER = {"benefits": [{"kind": "percent", "value": "10"}]}


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


@pytest.fixture
def server(billo: Brand, brand_client: Callable[[Brand], Client]) -> Client:
    return brand_client(billo)


def limits_of(kind: str) -> dict[str, int]:
    return PERIODS | TOTALS.get(kind, {})


def url(offer: OfferLimits) -> str:
    return f"{PATHS[offer.offer_kind]}{getattr(offer, 'slug', offer.offer_key)}/"


def send(client: Client, method: str, path: str, body: object) -> tuple[int, dict[str, Any]]:
    response = getattr(client, method)(path, body, content_type="application/json")
    return response.status_code, response.json()


@pytest.mark.parametrize("kind", KINDS)
def test_an_offer_is_created_and_read_with_its_limits(kind: str, server: Client) -> None:
    body = NEW[kind] | AMOUNTS | {"limits": limits_of(kind)}
    body |= {} if kind == "discount_code" else {"offer": OFFER}

    status, created = send(server, "post", PATHS[kind], body)

    assert status == 201, created
    expected = AMOUNTS | {"budget_left": "100.00", "limits": limits_of(kind)}
    assert {name: created[name] for name in expected} == expected
    (listed,) = server.get(PATHS[kind]).json()["results"]
    assert {name: listed[name] for name in expected} == expected


@pytest.mark.parametrize("kind", KINDS)
def test_limits_are_changed_and_removed_one_by_one(kind: str, billo: Brand, server: Client, at: Any) -> None:
    offer = create_offer(kind, billo, budget=10_000, limit_per_day=10, max_per_order={"EUR": 900})
    reserve(offer, at)

    _, changed = send(server, "patch", url(offer), {"limits": {"per_week": 5}, "budget": "50.00"})
    assert (changed["budget"], changed["budget_left"]) == ("50.00", "41.00")
    assert (changed["limits"]["per_day"], changed["limits"]["per_week"]) == (10, 5)
    _, changed = send(server, "patch", url(offer), {"limits": {"per_day": None}, "max_per_order": None})
    assert (changed["limits"]["per_day"], changed["max_per_order"]) == (None, None)
    _, changed = send(server, "patch", url(offer), {"limits": None, "budget": None})

    assert set(changed["limits"].values()) == {None}
    assert (changed["budget"], changed["budget_left"]) == (None, None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"budget": "0"}, "budget"),
        ({"budget": "1.001"}, "budget"),
        ({"budget": {"XXL": "1.00"}}, "budget.XXL"),
        ({"budget": {}}, "budget"),
        ({"max_per_order": {"JPY": "1.5"}}, "max_per_order.JPY"),
        ({"max_per_customer": "-1"}, "max_per_customer"),
        ({"max_per_customer": 5}, "max_per_customer"),
        ({"limits": {"per_day": 0}}, "limits.per_day"),
        ({"limits": {"units": 1.5}}, "limits.units"),
        ({"limits": {"per_hour": 1}}, "limits.per_hour"),
        ({"limits": 3}, "limits"),
    ],
)
def test_a_wrong_limit_is_refused_with_its_path(
    kind: str, change: dict[str, Any], field: str, billo: Brand, server: Client
) -> None:
    offer = create_offer(kind, billo, limit_per_day=7)

    status, problem = send(server, "patch", url(offer), change)

    assert (status, problem["code"]) == (400, "invalid")
    assert [error["field"].removesuffix(".non_field_errors") for error in problem["errors"]] == [field]
    offer.refresh_from_db()
    assert (offer.limit_per_day, offer.budget, offer.max_per_order, offer.max_per_customer) == (7, None, {}, {})


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "promotion"])  # customers don't read promotions
def test_a_customer_does_not_see_limits(kind: str, billo: Brand, shopper_client: Callable[[User], Client]) -> None:
    offer = create_offer(kind, billo, budget=10_000, limit_per_day=10)

    answer = shopper_client(ShopperFactory()).get(url(offer)).json()

    assert answer["status"] == "active"
    assert not answer.keys() & {"budget", "budget_left", "max_per_order", "max_per_customer", "limits", "results"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_duplicate_has_the_same_limits(kind: str, billo: Brand, server: Client) -> None:
    offer = create_offer(kind, billo, budget=10_000, limit_per_day=10, limit_units=40, max_per_customer={"EUR": 900})

    status, copy = send(server, "post", f"{url(offer)}duplicate/", {})

    assert status == 201
    assert (copy["budget"], copy["max_per_customer"]) == ("100.00", "9.00")
    assert (copy["limits"]["per_day"], copy["limits"]["units"]) == (10, 40)
