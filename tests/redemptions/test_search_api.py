"""API of the search: uses of every kind, refused attempts, filters, pages, and other brands."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Brand
from core import db
from redemptions.codes.models import Code
from redemptions.events.contracts import NO_ID
from redemptions.events.models import Event
from redemptions.events.selectors import get_epoch_and_horizon
from redemptions.events.services import rejections
from redemptions.search import selectors
from tests.checkout.builders import error_fields, expire_reservation, post, post_action, reserve_order
from tests.factories import (
    BrandFactory,
    CouponFactory,
    DiscountCodeFactory,
    MembershipFactory,
    PromotionFactory,
    ShopperFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
SEARCH = "/api/v1/redemptions/"
ClientOf = Callable[[Any], Client]


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo", timezone="Europe/Madrid")
    return brand


@pytest.fixture
def server(billo: Brand, brand_client: ClientOf) -> Client:
    return brand_client(billo)


def search(client: Client, **query: str) -> list[dict[str, Any]]:
    """Return what is found."""
    response = client.get(SEARCH, query)
    assert response.status_code == 200, response.content
    results: list[dict[str, Any]] = response.json()["results"]
    return results


def test_an_order_is_found_by_everything_that_is_known_of_it(billo: Brand, server: Client) -> None:
    code = DiscountCodeFactory(brand=billo, text="TEN-OFF", percent=10)
    promotion = PromotionFactory(brand=billo, name="Five off", offer={"benefits": [{"kind": "percent", "value": "5"}]})
    redemption = reserve_order(server, customer_id="c1", order="2027-1001", codes=["tenoff"])
    reserve_order(server, customer_id="c2", order="2028-1", codes=[])
    post_action(server, redemption, "confirm")

    found = search(server, order="2027-")

    assert {(use["kind"], use["offer"]["name"], use["offer"]["id"], use["status"]) for use in found} == {
        ("discount_code", "TEN-OFF", str(code.offer_id), "confirmed"),
        ("promotion", "Five off", str(promotion.pk), "confirmed"),
    }
    use = next(use for use in found if use["kind"] == "discount_code")
    assert use["redemption"] == redemption["id"]
    assert (use["customer_id"], use["order"], use["code"], use["brand"]) == ("c1", "2027-1001", "TEN-OFF", "billo")
    assert (use["currency"], use["subtotal"]) == ("EUR", "120.00")
    assert [(event["type"], event["amount"]) for event in use["events"]] == [
        ("redemption.reserved", use["amount"]), ("redemption.confirmed", use["amount"]),
    ]  # fmt: skip
    assert use["actions"] == ["refund"]
    assert search(server, customer_id="c1") == found
    assert search(server, code="ten off") == search(server, offer=str(code.offer_id)) == [use]
    assert search(server, kind="discount_code") == search(server, order="2027-1001", kind="discount_code") == [use]
    assert {item["order"] for item in search(server, status="reserved")} == {"2028-1"}
    assert search(server, customer_id="nobody") == search(server, order="027") == search(server, code="OTHER") == []


def test_each_status_is_the_last_one_and_tells_what_can_be_done(billo: Brand, server: Client) -> None:
    DiscountCodeFactory(brand=billo, text="TEN")
    orders = {
        name: reserve_order(server, customer_id=name, order=name)
        for name in ("reserved", "confirmed", "released", "expired", "partially_returned", "returned")
    }
    post_action(server, orders["released"], "cancel")
    expire_reservation(orders["expired"])
    post_action(server, orders["expired"], "cancel")
    for name in ("confirmed", "partially_returned", "returned"):
        post_action(server, orders[name], "confirm")
    post_action(server, orders["partially_returned"], "refund", {"lines": ["a"]})
    post_action(server, orders["returned"], "refund")

    for name in orders:
        [use] = search(server, status=name)
        assert (use["order"], use["status"]) == (name, name)
        assert use["actions"] == {
            "reserved": ["confirm", "cancel"], "confirmed": ["refund"], "partially_returned": ["refund"],
            "expired": ["confirm"],
        }.get(name, [])  # fmt: skip
        assert use["amount"] == "12.00"
        assert [event["type"] for event in use["events"]][-1] == f"redemption.{name}"


def test_refused_attempts_are_found_with_their_reason(billo: Brand, server: Client, shopper_client: ClientOf) -> None:
    coupon = CouponFactory(brand=billo, title="Last one", maximum_number_of_coupons=1)
    ann, ben = ShopperFactory(username="ann"), ShopperFactory(username="ben")
    for shopper in (ann, ben):
        post(shopper_client(shopper), f"/api/v1/coupons/{coupon.pk}/redemptions/")
    rejections.flush()

    attempt, use = search(server, offer=str(coupon.pk))

    assert (attempt["status"], attempt["customer_id"], attempt["count"]) == ("rejected", ben.customer.customer_id, 1)
    assert attempt["reason"]["code"] == "usage_limit_reached"
    assert (attempt["actions"], attempt["events"]) == ([], [])
    assert (use["status"], use["offer"]["name"]) == ("confirmed", "Last one")
    assert search(server, status="rejected") == [attempt]
    assert "redemption" not in attempt


def test_a_code_is_found_after_it_was_archived(billo: Brand, server: Client) -> None:
    DiscountCodeFactory(brand=billo, text="SUMMER-27")
    reserve_order(server, customer_id="c1", codes=["SUMMER-27"])
    Code.objects.update(archived_at=timezone.now())

    assert [use["code"] for use in search(server, code="summer27")] == ["SUMMER-27"]


def test_days_are_those_of_the_brand(billo: Brand, server: Client) -> None:
    DiscountCodeFactory(brand=billo, text="TEN")
    reserve_order(server, customer_id="c1")
    today = timezone.now().astimezone(timezone.get_fixed_timezone(60)).date()  # Madrid in winter
    yesterday, tomorrow = (str(today + timedelta(days=days)) for days in (-1, 1))

    assert len(search(server, **{"from": str(today), "to": str(today)})) == 1
    assert search(server, to=yesterday) == search(server, **{"from": tomorrow}) == []


def test_pages_follow_one_another_without_gaps(billo: Brand, server: Client) -> None:
    DiscountCodeFactory(brand=billo, text="TEN")
    for number in range(5):
        reserve_order(server, customer_id=f"c{number}", order=f"{number}")

    seen, url = [], f"{SEARCH}?limit=2"
    while url:
        page = server.get(url).json()
        seen += [use["order"] for use in page["results"]]
        url = page["next"]

    assert seen == ["4", "3", "2", "1", "0"]


def test_a_rare_status_is_found_in_ranges_that_grow(
    billo: Brand, server: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    DiscountCodeFactory(brand=billo, text="TEN")
    reserve_order(server, customer_id="c1", order="old")
    Event.objects.update(tx=1)
    horizon = get_epoch_and_horizon()[1]
    monkeypatch.setattr(selectors, "FIRST_RANGE", horizon // 3)
    monkeypatch.setattr(selectors, "TIME_BUDGET_SECONDS", 0)

    pages, url = 0, f"{SEARCH}?status=reserved"
    found: list[str] = []
    while url:
        page = server.get(url).json()
        found += [use["order"] for use in page["results"]]
        url, pages = page["next"], pages + 1
    assert found == ["old"]
    assert pages > 2

    monkeypatch.setattr(selectors, "TIME_BUDGET_SECONDS", 60)
    page = server.get(f"{SEARCH}?status=reserved").json()
    assert [use["order"] for use in page["results"]] == ["old"]
    assert page["next"] is None


def test_brands_find_their_own_redemptions_only(
    billo: Brand, server: Client, brand_client: ClientOf, shopper_client: ClientOf
) -> None:
    stranger = BrandFactory(slug="stranger")
    DiscountCodeFactory(brand=stranger, text="THEIRS")
    reserve_order(brand_client(stranger), customer_id="c1", order="theirs", codes=["THEIRS"])

    assert search(server, order="theirs") == search(server, customer_id="c1") == search(server, code="THEIRS") == []
    viewer = MembershipFactory(brand=billo, role="viewer").user
    assert search(shopper_client(viewer)) == []
    assert shopper_client(viewer).get(SEARCH, {"brand": "stranger"}).status_code == 403
    assert shopper_client(ShopperFactory(username="ann")).get(SEARCH).status_code == 403
    root = shopper_client(UserFactory(username="root", is_superuser=True))
    assert [use["brand"] for use in search(root)] == ["stranger"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "used"}, "status"), ({"kind": "gift"}, "kind"), ({"offer": "x"}, "offer"), ({"from": "x"}, "from"),
        ({"cursor": "x"}, "cursor"), ({"cursor": "MTp4"}, "cursor"), ({"limit": "201"}, "limit"),
        ({"page": "2"}, "page"),
    ],
)  # fmt: skip
def test_an_invalid_query_is_refused_at_its_parameter(server: Client, query: dict[str, str], field: str) -> None:
    response = server.get(SEARCH, query)

    assert response.status_code == 400
    assert error_fields(response) == [field]


def test_the_beginning_of_an_order_is_found_by_its_index(billo: Brand, server: Client) -> None:
    params: dict[str, Any] = {
        "types": ["redemption.confirmed"], "last": ["redemption.confirmed"], "tx": 1 << 62, "id": str(NO_ID),
        "oldest": 0, "brands": None,
        "kind": None, "offer": None, "customer": None, "codes": None, "order": "100", "order_end": "100\U0010ffff",
        "redemption": None, "start": None, "end": None, "limit": 51,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {db.load_sql('redemptions/search/sql/select_uses.sql')}", params)
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "order_tx_idx" in plan or "by_order" in plan, plan
