"""API of results: orders of every kind of offer, groups, comparison, CSV, and other brands."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand
from redemptions.events.services import rejections
from tests.checkout.builders import error_fields, post, post_action, reserve_order
from tests.factories import (
    BrandFactory,
    CouponFactory,
    CustomerFactory,
    DiscountCodeFactory,
    MembershipFactory,
    PromotionFactory,
    ShopperFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
RESULTS = "/api/v1/results/"
ClientOf = Callable[[Any], Client]
EMPTY = {
    "reserved": 0, "confirmed": 0, "released": 0, "expired": 0, "returned": 0, "orders": 0, "rejected": 0,
    "rejections": {}, "amounts": {},
}  # fmt: skip


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")
    return brand


@pytest.fixture
def server(billo: Brand, brand_client: ClientOf) -> Client:
    return brand_client(billo)


def get(client: Client, **query: str) -> Any:
    """Return the results of the last hours in one bucket, or of another query."""
    now = timezone.now()
    hours = {"unit": "month", "from": (now - timedelta(hours=2)).isoformat(), "tz": "UTC"}
    response = client.get(RESULTS, hours | query)
    assert response.status_code == 200, response.content
    return response.json()


def amounts(gross: str, discount: str, net: str, returned: str = "0.00") -> dict[str, Any]:
    """Return amounts in euros."""
    return {"EUR": {"gross": gross, "discount": discount, "net": net, "returned_discount": returned}}


def test_orders_count_for_offers_of_every_kind(billo: Brand, server: Client) -> None:
    code = DiscountCodeFactory(brand=billo, text="TEN", percent=10)
    promotion = PromotionFactory(brand=billo, name="Five off", offer={"benefits": [{"kind": "percent", "value": "5"}]})
    CustomerFactory(customer_id="c1")
    first = reserve_order(server, customer_id="c1")
    assert {offer["kind"] for offer in first["quote"]["applied"]} == {"discount_code", "promotion"}
    post_action(server, first, "confirm")
    post_action(server, first, "refund")
    second = reserve_order(server, customer_id="c2", order="1002")
    post_action(server, second, "cancel")

    answer = get(server, group_by="offer")

    totals = answer["totals"]
    assert {name: totals[name] for name in ("reserved", "confirmed", "released", "returned", "orders")} == {
        "reserved": 4, "confirmed": 2, "released": 2, "returned": 2, "orders": 1,
    }  # fmt: skip
    quote = first["quote"]
    assert totals["amounts"] == amounts("120.00", quote["discount_total"], quote["total"], quote["discount_total"])
    groups = {group["offer"]["name"]: group for group in answer["groups"]}
    assert {name: (group["kind"], group["offer"]["id"]) for name, group in groups.items()} == {
        "TEN": ("discount_code", str(code.offer_id)), "Five off": ("promotion", str(promotion.pk)),
    }  # fmt: skip
    discounts = [group["totals"]["amounts"]["EUR"]["discount"] for group in groups.values()]
    assert sum(map(float, discounts)) == float(quote["discount_total"])
    assert answer["group_count"] == 2
    assert sum(bucket["confirmed"] for bucket in answer["buckets"]) == 2
    kinds = {group["kind"]: group["totals"]["orders"] for group in get(server, group_by="kind")["groups"]}
    assert kinds == {"discount_code": 1, "promotion": 1}
    one = get(server, offer=str(code.offer_id))
    assert one["totals"] == groups["TEN"]["totals"] | {"customers": 1}
    assert get(server, kind="promotion")["totals"] == groups["Five off"]["totals"]
    assert get(server, kind="voucher")["totals"] == EMPTY


def test_uses_without_an_order_and_refused_attempts_count(
    billo: Brand, shopper_client: ClientOf, server: Client
) -> None:
    DiscountCodeFactory(brand=billo, text="TEN", percent=10)
    coupon = CouponFactory(brand=billo, maximum_number_of_coupons=1)
    ann, ben = (shopper_client(ShopperFactory(username=name)) for name in ("ann", "ben"))
    for client in (ann, ben):
        post(client, "/api/v1/discountcodeusage/", {"discount_code": "TEN", "amount": "50.00"})
        post(client, f"/api/v1/coupons/{coupon.pk}/redemptions/")
    post(ann, "/api/v1/discountcodeusage/", {"discount_code": "TEN"})
    rejections.flush()

    kinds = {group["kind"]: group["totals"] for group in get(server, group_by="kind")["groups"]}

    code = kinds["discount_code"]
    assert (code["confirmed"], code["orders"], code["rejections"]) == (2, 2, {"code_already_used": 1})
    assert code["amounts"] == amounts("100.00", "10.00", "90.00")
    coupons = kinds["coupon"]
    assert (coupons["confirmed"], coupons["rejections"]) == (1, {"usage_limit_reached": 1})
    assert get(server)["totals"]["rejected"] == 2


def test_a_comparison_has_the_time_before(billo: Brand, server: Client) -> None:
    DiscountCodeFactory(brand=billo, text="TEN")
    post_action(server, reserve_order(server, customer_id="c1"), "confirm")
    now = timezone.now()
    later = {"from": (now + timedelta(hours=1)).isoformat(), "to": (now + timedelta(hours=4)).isoformat()}

    assert get(server)["previous"] is None
    answer = get(server, compare="previous", group_by="kind", **later)

    assert (answer["totals"], answer["previous"]["confirmed"]) == (EMPTY, 1)
    [group] = answer["groups"]
    assert (group["totals"]["confirmed"], group["previous"]["confirmed"]) == (0, 1)


def test_the_default_is_the_last_thirty_days_in_the_zone_of_the_brand(billo: Brand, server: Client) -> None:
    DiscountCodeFactory(brand=billo, text="TEN")
    post_action(server, reserve_order(server, customer_id="c1"), "confirm")

    answer = server.get(RESULTS).json()

    assert (answer["unit"], answer["tz"], len(answer["buckets"])) == ("day", "Europe/Madrid", 31)
    assert answer["buckets"][-1]["confirmed"] == answer["totals"]["confirmed"] == 1
    assert answer["groups"] == []


def test_csv_has_a_line_per_interval_group_and_currency(billo: Brand, server: Client) -> None:
    code = DiscountCodeFactory(brand=billo, text="TEN", percent=10)
    post_action(server, reserve_order(server, customer_id="c1"), "confirm")
    query = {"unit": "month", "from": (timezone.now() - timedelta(hours=1)).isoformat(), "group_by": "offer"}

    response: Any = server.get(RESULTS, query, headers={"Accept": "text/csv"})

    assert response.headers["Content-Disposition"] == 'attachment; filename="results-month.csv"'
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    used = [row for row in rows if row["confirmed"] == "1"]
    assert [
        (row["kind"], row["offer"], row["name"], row["currency"], row["gross"], row["discount"], row["net"])
        for row in used
    ] == [("discount_code", str(code.offer_id), "TEN", "EUR", "120.00", "12.00", "108.00")]


def test_a_report_by_brand_covers_the_brands_of_the_caller_only(
    billo: Brand, brand_client: ClientOf, shopper_client: ClientOf
) -> None:
    other, stranger = BrandFactory(slug="other"), BrandFactory(slug="stranger")
    olga = UserFactory(username="olga")
    for brand in (billo, other):
        MembershipFactory(brand=brand, user=olga, role=Role.VIEWER)
    for brand in (billo, other, stranger):
        DiscountCodeFactory(brand=brand, text="TEN")
        client = brand_client(brand)
        post_action(client, reserve_order(client, customer_id="c1", order=brand.slug), "confirm")
    viewer = shopper_client(olga)

    answer = get(viewer, group_by="brand")

    assert {group["brand"]: group["totals"]["confirmed"] for group in answer["groups"]} == {"billo": 1, "other": 1}
    assert answer["totals"]["confirmed"] == 2
    assert get(viewer, brand="other")["totals"]["confirmed"] == 1
    assert error_fields(viewer.get(RESULTS)) == ["brand"]
    assert viewer.get(RESULTS, {"brand": "stranger"}).status_code == 403
    root = shopper_client(UserFactory(username="root", is_superuser=True))
    assert {group["brand"] for group in get(root, group_by="brand")["groups"]} == {"billo", "other", "stranger"}
    assert shopper_client(ShopperFactory(username="ann")).get(RESULTS, {"group_by": "brand"}).status_code == 403


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"unit": "year"}, "unit"), ({"kind": "gift"}, "kind"), ({"offer": "x"}, "offer"), ({"tz": "Mars"}, "tz"),
        ({"group_by": "color"}, "group_by"),
        ({"group_by": "code"}, "offer"), ({"compare": "next"}, "compare"), ({"from": "x"}, "from"),
        ({"from": "2027-01-02", "to": "2026-01-01"}, "to"), ({"unit": "hour", "from": "2001-01-01"}, "unit"),
        ({"form": "2027-01-01"}, "form"),
    ],
)  # fmt: skip
def test_an_invalid_query_is_refused_at_its_parameter(server: Client, query: dict[str, str], field: str) -> None:
    response = server.get(RESULTS, query)

    assert response.status_code == 400
    assert error_fields(response) == [field]
