"""Offers of a brand give no more in a month through another brand's server than the brand granted."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AcceptanceGrant
from accounts.services import create_grant, end_grant
from checkout.models import Redemption
from redemptions.limits.models import Limit
from redemptions.uses.consistency import check
from redemptions.uses.models import OfferUse
from tests.rules.api import CODE, CODED, KINDS, Offer, Shop, line, percent

pytestmark = pytest.mark.django_db
LINES = [line(brand="billo", price="100.00")]


@pytest.fixture
def tea(create_shop: Callable[..., Shop]) -> Shop:
    """The server of Tea, which sells goods of Billo."""
    return create_shop(slug="tea")


def grant(shop: Shop, tea: Shop, maximum: Any = "25.00") -> AcceptanceGrant:
    return create_grant(issuer=shop.brand, acceptor=tea.brand, kinds=KINDS, max_per_month=maximum, at=timezone.now())


def sell(tea: Shop, offer: Offer | None = None, customer: str = "u1", *, expect: int = 201, **cart: Any) -> Any:
    """Reserve an order of goods of Billo at 100.00 with an offer of 10%, or try to."""
    return tea.reserve(offer, customer, expect=expect, **({"lines": LINES} | cart))


def taken() -> int:
    """Return what grants have given, as the limit counts it."""
    return sum(row.taken for row in Limit.objects.filter(scope__startswith="grant"))


def assert_consistent() -> None:
    assert list(check(at=timezone.now(), repair=False)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_order_beyond_the_maximum_is_refused_with_its_reason(shop: Shop, tea: Shop, kind: str) -> None:
    offer = shop.create(kind)
    grant(shop, tea, "20.00")
    orders = [sell(tea, offer, customer) for customer in ("u1", "u2")]

    refused = sell(tea, offer, "u3", expect=409)

    assert refused["code"] == "grant_exhausted"
    assert [order["quote"]["discount_total"] for order in orders] == ["10.00", "10.00"]
    assert taken() == 2_000
    assert tea.reasons(offer, "u4", lines=LINES) == ["grant_exhausted"]
    assert Redemption.objects.count() == 2
    assert_consistent()


def test_the_last_part_is_not_given_twice(shop: Shop, tea: Shop) -> None:
    offer = shop.create()
    grant(shop, tea, "25.00")
    for customer in ("u1", "u2"):
        sell(tea, offer, customer)

    assert sell(tea, offer, "u3", expect=409)["code"] == "grant_exhausted"
    assert tea.reasons(offer, "u3", lines=LINES) == ["grant_exhausted"]
    assert sell(tea, offer, "u3", lines=[line(brand="billo", price="50.00")])["quote"]["discount_total"] == "5.00"
    assert taken() == 2_500


@pytest.mark.parametrize(("budget", "maximum"), [("5.00", "6.00"), ("5.00", "5.00"), ("6.00", "5.00")])
def test_the_reason_names_what_has_less_left(shop: Shop, tea: Shop, budget: str, maximum: str) -> None:
    offer = shop.create(budget=budget)
    grant(shop, tea, maximum)

    code = "grant_exhausted" if maximum < budget else "budget_exhausted"
    assert tea.reasons(offer, "u1", lines=LINES) == [code]
    assert sell(tea, offer, "u1", expect=409)["code"] == code


def test_an_automatic_offer_is_no_longer_applied(shop: Shop, tea: Shop) -> None:
    shop.send(
        "post", "promotions/",
        {"name": "x", "trigger": "automatic", "offer": percent(), "start_date": "2026-01-01", "end_date": "2099-01-01"},
        expect=201,
    )  # fmt: skip
    grant(shop, tea, "10.00")

    def list_offers() -> list[Any]:
        body = {"customer_id": "u3", "currency": "EUR", "lines": LINES}
        results: list[Any] = tea.send("post", "checkout/offers/", body)["results"]
        return [(offer["kind"], offer.get("amount")) for offer in results]

    assert list_offers() == [("promotion", "10.00")]
    discounts = [sell(tea, customer=customer)["quote"]["discount_total"] for customer in ("u1", "u2")]

    assert discounts == ["10.00", "0.00"]
    assert list_offers() == []


@pytest.mark.parametrize("kind", CODED)
def test_own_offers_and_those_of_other_servers_do_not_count(
    shop: Shop, tea: Shop, create_shop: Callable[..., Shop], kind: str
) -> None:
    cake = create_shop(slug="cake")
    offer, own = shop.create(kind), tea.create(kind, text="OWN")
    grant(shop, tea, "10.00")
    grant(shop, cake, "10.00")

    shop.reserve(offer, "u1", lines=LINES)
    tea.reserve(own, "u1", lines=[line(brand="tea", price="100.00")])
    sell(tea, offer, "u2")
    sell(cake, offer, "u3")

    assert sell(tea, offer, "u4", expect=409)["code"] == "grant_exhausted"
    assert sell(cake, offer, "u5", expect=409)["code"] == "grant_exhausted"
    assert taken() == 2_000


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_cancelled_or_refunded_is_given_back(shop: Shop, tea: Shop, kind: str) -> None:
    offer = shop.create(kind)
    grant(shop, tea, "10.00")

    tea.cancel(sell(tea, offer, "u1"))
    assert taken() == 0
    order = tea.confirm(sell(tea, offer, "u2", lines=[line(brand="billo", price="50.00", quantity=2)]))
    tea.refund(order, {"id": "1", "quantity": 1})
    assert taken() == 500
    tea.refund(order)

    assert taken() == 0
    assert_consistent()


def test_a_reservation_that_expired_gives_way_to_the_next_order(shop: Shop, tea: Shop) -> None:
    offer, other = shop.create(), shop.create("coupon", text="OTHER")
    grant(shop, tea, "10.00")
    sell(tea, offer, "u1", ttl_seconds=60)
    assert tea.reasons(other, "u2", lines=LINES) == ["grant_exhausted"]

    with time_machine.travel(timezone.now() + timedelta(seconds=61), tick=False):
        assert tea.discount(other, "u2", lines=LINES) == "10.00"
        sell(tea, other, "u2")

    assert taken() == 1_000
    assert_consistent()


def test_an_amended_order_takes_and_gives_back_the_difference(shop: Shop, tea: Shop) -> None:
    offer = shop.create()
    grant(shop, tea, "25.00")
    order = tea.confirm(sell(tea, offer, "u1"))

    tea.amend(order, line(brand="billo", price="200.00"))
    assert taken() == 2_000
    assert tea.amend(order, line(brand="billo", price="300.00"), expect=409)["code"] == "grant_exhausted"
    tea.amend(order, line(brand="billo", price="50.00"))

    assert taken() == 500
    assert_consistent()


@pytest.mark.parametrize(("zone", "hour"), [("UTC", 0), ("Etc/GMT+12", 12), ("Pacific/Kiritimati", -14)])
def test_a_month_is_one_of_the_issuers_time_zone(
    create_shop: Callable[..., Shop], tea: Shop, zone: str, hour: int
) -> None:
    billo = create_shop(slug="billo", timezone=zone)
    midnight = datetime(2027, 2, 1, tzinfo=UTC) + timedelta(hours=hour)
    with time_machine.travel(midnight - timedelta(seconds=1), tick=False):
        offer = billo.create()
        grant(billo, tea, "10.00")
        sell(tea, offer, "u1")
        assert sell(tea, offer, "u2", expect=409)["code"] == "grant_exhausted"

    with time_machine.travel(midnight, tick=False):
        sell(tea, offer, "u2")

    assert sorted(Limit.objects.filter(scope="grant:EUR").values_list("slot", "taken")) == [
        ("2027-01-01", 1_000), ("2027-02-01", 1_000),
    ]  # fmt: skip


def test_a_maximum_that_is_set_late_or_replaced_counts_what_was_given(shop: Shop, tea: Shop) -> None:
    offer = shop.create()
    grant(shop, tea, None)
    sell(tea, offer, "u1")
    sell(tea, offer, "u2")

    grant(shop, tea, "25.00")
    assert sell(tea, offer, "u3", lines=[line(brand="billo", price="50.00")])["quote"]["discount_total"] == "5.00"
    grant(shop, tea, "15.00")

    assert sell(tea, offer, "u4", expect=409)["code"] == "grant_exhausted"
    grant(shop, tea, "35.00")
    sell(tea, offer, "u4")
    assert taken() == 3_500
    assert_consistent()


@pytest.mark.parametrize(
    ("currency", "maximum", "price", "code"),
    [
        ("EUR", {"EUR": "10.00", "JPY": "1000"}, "100.00", None),
        ("JPY", {"EUR": "10.00", "JPY": "1000"}, "10000", None),
        ("KWD", {"KWD": "1.000"}, "10.000", None),
        ("USD", {"EUR": "10.00", "JPY": "1000"}, "100.00", "currency_mismatch"),
        ("USD", "10.00", "100.00", "currency_mismatch"),
    ],
)
def test_each_currency_has_its_own_maximum(
    shop: Shop, tea: Shop, currency: str, maximum: Any, price: str, code: str | None
) -> None:
    offer = shop.create()
    grant(shop, tea, maximum)
    cart = {"currency": currency, "lines": [line(brand="billo", price=price)]}

    first = sell(tea, offer, "u1", expect=409 if code else 201, **cart)
    second = sell(tea, offer, "u2", expect=409, **cart)

    assert first.get("code") == code
    assert second["code"] == (code or "grant_exhausted")
    assert tea.reasons(offer, "u3", **cart) == [second["code"]]


def test_an_ended_grant_gives_back_what_is_refunded(shop: Shop, tea: Shop) -> None:
    offer = shop.create()
    ended = grant(shop, tea)
    order = tea.confirm(sell(tea, offer, "u1"))
    end_grant(grant=ended, at=timezone.now())

    assert sell(tea, offer, "u2", expect=409)["code"] == "code_not_found"
    tea.refund(order)

    assert taken() == 0


def test_a_grant_and_the_limits_of_the_offer_are_taken_by_one_statement(shop: Shop, tea: Shop) -> None:
    offer = shop.create(budget="10000.00", limits={"per_day": 10})
    grant(shop, tea)

    with CaptureQueriesContext(connection) as queries:
        sell(tea, offer, "u1")

    statements = [query["sql"] for query in queries if "INSERT INTO redemptions_limit AS l" in query["sql"]]
    assert len(statements) == 1
    assert all(scope in statements[0] for scope in ("budget:EUR", "day", "grant:EUR"))


def test_the_consistency_check_finds_and_repairs_a_wrong_count(shop: Shop, tea: Shop) -> None:
    offer = shop.create()
    grant(shop, tea)
    sell(tea, offer, "u1")
    Limit.objects.filter(scope="grant:EUR").update(taken=300)

    found = list(check(at=timezone.now(), repair=True))

    assert len(found) == 1
    assert "grant:EUR" in found[0]
    assert found[0].endswith("repaired")
    assert taken() == 1_000
    assert OfferUse.objects.get().grant_key is not None
    assert_consistent()


def test_a_code_of_the_issuer_stays_for_its_own_server(shop: Shop, tea: Shop) -> None:
    offer = shop.create(limits={"total": 1})
    grant(shop, tea, "5.00")

    assert sell(tea, offer, "u1", expect=409)["code"] == "grant_exhausted"

    assert shop.reserve(offer, "u1", lines=LINES)["quote"]["applied"][0]["code"] == CODE
